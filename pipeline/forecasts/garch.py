"""GARCH(1,1) and GJR: the econometrician's rivals, fitted to returns alone."""

from typing import ClassVar, Self

import numpy as np
import pandas as pd

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.task import Task, columns
from pipeline.simulate.gjr_garch import GjrGarch

RETURNS = "return_1d"


@kept()
def variance_recursion(
    returns: FloatArray, omega: float, alpha: float, gamma: float, beta: float, first: float
) -> FloatArray:
    """Return the variance of the next session at every row, σ²_{t+1|t}, [T].

    σ²_{t+1} = ω + α r²_t + γ r²_t 1{r_t < 0} + β σ²_t, in squared units of the returns. `first` is the
    variance that the first row was expected to have; a NaN return counts as its expectation, σ²_t.
    """
    ahead = np.empty(len(returns))
    variance = first
    for t in range(len(returns)):
        if np.isnan(returns[t]):
            variance = omega + (alpha + 0.5 * gamma + beta) * variance
        else:
            news = alpha + gamma if returns[t] < 0.0 else alpha
            variance = omega + news * returns[t] ** 2 + beta * variance
        ahead[t] = variance
    return ahead


def cumulated_variance(ahead: FloatArray, omega: float, persistence: float, horizon: int) -> FloatArray:
    r"""Return the expected variance of the next h sessions, [T].

    .. math:: \sum_{i=0}^{h-1} \Big( p^i σ^2_{t+1|t} + ω \sum_{j<i} p^j \Big)

    Written without a division by 1 − p, so that an integrated process (p = 1) has its forecast too.

    Parameters
    ----------
    ahead : [T] variance of the next session.
    omega : ω, in the same unit.
    persistence : p, the weight of today's variance in tomorrow's expectation.
    horizon : h, sessions.

    References
    ----------
    Engle, Bollerslev (1986), Modelling the persistence of conditional variances, section 4.

    Examples
    --------
    >>> cumulated_variance(np.array([2.0]), omega=0.1, persistence=0.9, horizon=2)
    array([3.9])
    """
    powers = persistence ** np.arange(horizon)
    of_now, of_long_run = float(powers.sum()), float(np.cumsum(powers)[:-1].sum())
    return ahead * of_now + omega * of_long_run


class Garch(Forecaster):
    r"""GARCH(1,1) of the daily returns with mean zero, by Gaussian quasi maximum likelihood.

    .. math:: σ^2_{t+1} = ω + α r_t^2 + β σ_t^2, \quad
        \hat y_t = \sum_{i=1}^{h} \mathrm{E}_t σ^2_{t+i}

    Only a variance can be forecast, and only from the column `return_1d`: no range, no volume, no implied
    volatility. The mean is zero because the target sums squared returns, mean included. The recursion starts
    at the first row of the frame passed to `predict`: pass the history, not the test rows alone. A missing
    return leaves the variance at its expectation.

    References
    ----------
    Bollerslev (1986), eq. 1; Bollerslev, Wooldridge (1992).
    """

    name = "garch"
    asymmetric: ClassVar[bool] = False

    def fit(self, X: pd.DataFrame, y: FloatArray) -> Self:
        """Estimate ω, α, γ and β; see `Forecaster`.

        Raises
        ------
        FitError
            Too few usable rows, the task is no variance, or the likelihood did not converge.
        """
        returns = columns(self.task, X, (RETURNS,))
        self.usable(returns, y)
        return self.learn(returns[:, 0])

    def learn(self, returns: FloatArray) -> Self:
        """Estimate ω, α, γ and β from returns [T], NaN where one is missing; no target is needed.

        Raises
        ------
        FitError
            As from `fit`.
        """
        from arch import arch_model  # a second to import: a decision and a worker that fit nothing spare it

        if not self.task.squared:
            raise FitError(f"forecaster {self.name} of {self.task.name}: it forecasts variances only")
        known = returns[self.usable(returns[:, None], returns)]
        unit = float(np.sqrt((known**2).mean()))
        if unit == 0.0:
            raise FitError(f"forecaster {self.name} of {self.task.name}: every training return is zero")
        model = arch_model(
            known / unit, mean="Zero", vol="GARCH", p=1, o=int(self.asymmetric), q=1, rescale=False
        )
        result = model.fit(disp="off", show_warning=False, backcast=1.0)
        if result.convergence_flag != 0:
            raise FitError(
                f"forecaster {self.name} of {self.task.name}: the likelihood did not converge on "
                f"{len(known)} returns; look for constant or wrongly scaled values of {RETURNS}"
            )
        fitted = result.params
        self.start_ = unit**2
        self.omega_ = float(fitted["omega"]) * unit**2
        self.alpha_, self.beta_ = float(fitted["alpha[1]"]), float(fitted["beta[1]"])
        self.gamma_ = float(fitted["gamma[1]"]) if self.asymmetric else 0.0
        return self

    def over(self, task: Task) -> Self:
        """Return the same fitted process as a forecaster of another variance: its horizon moves no parameter.

        Examples
        --------
        >>> from pipeline.forecasts.task import variance_task
        >>> returns = np.random.default_rng(1).normal(0.0, 0.01, 300)
        >>> day = Garch(variance_task(1)).learn(returns)
        >>> day.over(variance_task(5)).omega_ == day.omega_
        True
        """
        other = type(self)(task, self.settings, self.seed)
        other._unpack(self._pack())
        return other

    @property
    def persistence(self) -> float:
        """Weight of a variance in the expectation of the next one, α + γ/2 + β."""
        return self.alpha_ + 0.5 * self.gamma_ + self.beta_

    def market(self, *, step: float = 1 / 252, spot: float = 100.0) -> GjrGarch:
        """Return the fitted process as a market to simulate, a step of which is `step` years.

        Raises
        ------
        SettingsError
            The fit is integrated, α + γ/2 + β ≥ 1: its variance has no long-run mean.
        """
        weights = {"alpha": self.alpha_, "gamma": self.gamma_, "beta": self.beta_}
        return GjrGarch(spot=spot, step=step, omega=self.omega_, **weights)

    def predict(self, X: pd.DataFrame) -> FloatArray:
        """Return the variance over the horizon at every row, [T]."""
        return self._over_horizon(self._ahead(X, self._first))

    @property
    def _first(self) -> float:
        """Variance that the first of all rows is expected to have."""
        return self.omega_ + self.persistence * self.start_

    def _ahead(self, X: pd.DataFrame, first: float) -> FloatArray:
        returns = columns(self.task, X, (RETURNS,))[:, 0]
        weights = self.omega_, self.alpha_, self.gamma_, self.beta_
        ahead: FloatArray = variance_recursion(returns, *weights, first)
        return ahead

    def _over_horizon(self, ahead: FloatArray) -> FloatArray:
        total = cumulated_variance(ahead, self.omega_, self.persistence, self.task.horizon)
        return np.maximum(total, self.task.floor)


class Gjr(Garch):
    r"""GARCH in which a loss adds more variance than a gain.

    .. math:: σ^2_{t+1} = ω + (α + γ 1\{r_t < 0\}) r_t^2 + β σ_t^2

    References
    ----------
    Glosten, Jagannathan, Runkle (1993), On the relation between the expected value and the volatility of the
    nominal excess return on stocks.
    """

    name = "gjr"
    asymmetric = True
