"""SABR: a volatility that wanders, and a price whose volatility depends on its level."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process

_ABSORBED = 1e-8
"""Share of the starting price below which a path stays where it is: there the scheme has no digits left."""


@dataclass(frozen=True, kw_only=True)
class Sabr(Process):
    r"""The SABR market, the volatility exact, the price log-normal in every step.

    .. math:: dS = μ S dt + α S^β dW, \quad dα = ν α dZ, \quad dW dZ = ρ dt

    In a step the price's volatility is that of its beginning, α S^{β−1}: at μ = 0 the price is a martingale
    in the discrete scheme too, and its error is of first order in Δt. With β < 1 a price near zero is
    absorbed.

    Attributes
    ----------
    alpha : α at the start, so that the starting volatility is α S^{β−1}, annual.
    beta : β, 0 … 1.
    vol_of_vol : ν, a √year.
    correlation : ρ, within −1 … 1.

    Raises
    ------
    SettingsError
        A parameter is out of its range.

    References
    ----------
    Hagan, Kumar, Lesniewski, Woodward (2002), Managing smile risk, eq. 2.15.

    Examples
    --------
    >>> market = Sabr(alpha=2.0, beta=0.5, vol_of_vol=0.4, correlation=-0.3)
    >>> float(market.simulate(paths=1, steps=1, dt=1 / 252, seed=7).variance[0, 0].round(6))
    0.04
    """

    name: ClassVar[str] = "sabr"
    alpha: float = 0.2
    beta: float = 1.0
    vol_of_vol: float = 0.5
    correlation: float = -0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("alpha", "vol_of_vol"):
            self.need(0.0 <= getattr(self, key) < np.inf, f"{key} {getattr(self, key)}: give 0 or more")
        self.need(0.0 <= self.beta <= 1.0, f"beta {self.beta}: give 0 to 1")
        self.need(
            -1.0 <= self.correlation <= 1.0,
            f"correlation {self.correlation}: the matrix of both shocks is not positive semi-definite, "
            "give -1 to 1",
        )

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        parameters = np.array([self.alpha, self.beta, self.vol_of_vol, self.correlation])
        _wander(noise, self.spot, self.drift, out.interval, parameters, out.spot, out.variance)


@kept(nogil=True)
def _wander(
    noise: FloatArray,
    spot: float,
    drift: float,
    dt: float,
    parameters: FloatArray,
    out: FloatArray,
    variance: FloatArray,
) -> None:
    alpha, beta, vol_of_vol, correlation = parameters
    own, root = np.sqrt(1.0 - correlation**2), np.sqrt(dt)
    least = np.log(_ABSORBED * spot)
    for i in range(out.shape[0]):
        logs, log_alpha = np.log(spot), np.log(alpha) if alpha > 0.0 else -np.inf
        out[i, 0], vol = spot, np.exp(log_alpha + (beta - 1.0) * logs)
        variance[i, 0] = vol**2
        for t in range(noise.shape[0]):
            shock = correlation * noise[t, 0, 1, i] + own * noise[t, 0, 0, i]
            logs += drift * dt - 0.5 * vol**2 * dt + vol * root * shock
            log_alpha += -0.5 * vol_of_vol**2 * dt + vol_of_vol * root * noise[t, 0, 1, i]
            if logs < least and beta < 1.0:
                logs, log_alpha = least, -np.inf
            vol = np.exp(log_alpha + (beta - 1.0) * logs)
            variance[i, t + 1] = vol**2
            out[i, t + 1] = np.exp(logs)
