"""What is owed at the end of a path: liabilities as functions of the whole path."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray, Right


class Payoff(ABC):
    """A liability: money that its holder is paid at the last step, a function of the path's prices.

    `payoff(spot)` takes [N, T+1] prices and returns [N], at least 0 for one option; NaN in a path that the
    payoff looks at stays NaN. Strikes, barriers and guarantees are money.
    """

    @abstractmethod
    def payoff(self, spot: FloatArray) -> FloatArray:
        """Return what is paid, [N]."""


@dataclass(frozen=True)
class European(Payoff):
    """max(±(S_T − K), 0).

    Examples
    --------
    >>> European("put", 100.0).payoff(np.array([[100.0, 120.0, 95.0]]))
    array([5.])
    """

    right: Right
    strike: float

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        return _option(self.right, spot[:, -1], self.strike)


@dataclass(frozen=True)
class Straddle(Payoff):
    """|S_T − K|.

    Examples
    --------
    >>> Straddle(100.0).payoff(np.array([[100.0, 120.0, 95.0]]))
    array([5.])
    """

    strike: float

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        return np.asarray(np.abs(spot[:, -1] - self.strike))


@dataclass(frozen=True)
class Lookback(Payoff):
    """A fixed-strike lookback: max(max_t S_t − K, 0) for a call, max(K − min_t S_t, 0) for a put.

    The extreme is over the steps of the path, the start included.

    References
    ----------
    Conze, Viswanathan (1991).

    Examples
    --------
    >>> Lookback("call", 103.0).payoff(np.array([[100.0, 120.0, 95.0]]))
    array([17.])
    """

    right: Right
    strike: float

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        extreme = spot.max(axis=1) if self.right == "call" else spot.min(axis=1)
        return _option(self.right, extreme, self.strike)


@dataclass(frozen=True)
class Asian(Payoff):
    """max(±(mean_t S_t − K), 0), the mean over the steps after the start, arithmetic or geometric.

    References
    ----------
    Kemna, Vorst (1990), who price the geometric one in closed form.

    Examples
    --------
    >>> Asian("call", 100.0).payoff(np.array([[100.0, 120.0, 95.0]]))
    array([7.5])
    """

    right: Right
    strike: float
    average: Literal["arithmetic", "geometric"] = "arithmetic"

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        after = spot[:, 1:]
        mean = after.mean(axis=1) if self.average == "arithmetic" else np.exp(np.log(after).mean(axis=1))
        return _option(self.right, mean, self.strike)


@dataclass(frozen=True)
class Barrier(Payoff):
    """A European option that dies or comes to life when a step's price is at or beyond the barrier.

    The barrier is watched at the steps, the start included, not in between: with daily steps a knock-out is
    worth more than one watched all the time (Broadie, Glasserman, Kou 1997 tell by how much).

    Attributes
    ----------
    right, strike : of the option.
    barrier : level, money.
    direction : "up" is touched from below, "down" from above.
    knock : "out" or "in".

    Examples
    --------
    >>> spot = np.array([[100.0, 120.0, 95.0], [100.0, 99.0, 95.0]])
    >>> Barrier("call", 90.0, 110.0, "up", "out").payoff(spot)
    array([0., 5.])
    """

    right: Right
    strike: float
    barrier: float
    direction: Literal["up", "down"]
    knock: Literal["out", "in"]

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        touched = (
            spot.max(axis=1) >= self.barrier if self.direction == "up" else spot.min(axis=1) <= self.barrier
        )
        alive = touched if self.knock == "in" else ~touched
        return np.where(alive, _option(self.right, spot[:, -1], self.strike), 0.0)


@dataclass(frozen=True)
class Guarantee(Payoff):
    """A fund's maturity guarantee: max(G − A_T, 0) with A_T = A_0 e^{−fT} S_T/S_0, for those who survive.

    Attributes
    ----------
    amount : G, money.
    account : A_0, money in the fund at the start.
    years : T.
    fee : f, taken from the fund, annual, continuous.
    survival : share of the holders who are there at the end; the rest claims nothing.

    Raises
    ------
    SettingsError
        Survival outside 0 … 1, or an amount, account or time that is not positive.

    References
    ----------
    Brennan, Schwartz (1976). Carbonneau (2021), Deep hedging of long-term financial derivatives, section 2.

    Examples
    --------
    >>> Guarantee(amount=100.0, account=100.0, years=10.0).payoff(np.array([[50.0, 40.0]]))
    array([20.])
    """

    amount: float
    account: float
    years: float
    fee: float = 0.0
    survival: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.survival <= 1.0 and min(self.amount, self.account, self.years) > 0.0):
            raise SettingsError(f"{self}: give survival within 0 … 1 and positive amount, account and years")

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        account = self.account * np.exp(-self.fee * self.years) * spot[:, -1] / spot[:, 0]
        return self.survival * _option("put", account, self.amount)


@dataclass(frozen=True)
class Portfolio(Payoff):
    """Σ quantity · payoff; a negative quantity is owed to the desk.

    Examples
    --------
    >>> spread = Portfolio(((1.0, European("call", 100.0)), (-1.0, European("call", 110.0))))
    >>> spread.payoff(np.array([[100.0, 130.0]]))
    array([10.])
    """

    parts: tuple[tuple[float, Payoff], ...]

    def payoff(self, spot: FloatArray) -> FloatArray:
        """See `Payoff`."""
        total = np.zeros(len(spot))
        for quantity, part in self.parts:
            total += quantity * part.payoff(spot)
        return total


def _option(right: Right, level: FloatArray, strike: float) -> FloatArray:
    return np.maximum(level - strike if right == "call" else strike - level, 0.0)
