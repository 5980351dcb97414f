"""What hedging a set of episodes with one policy earned, paid and held."""

from dataclasses import dataclass

import numpy as np

from pipeline.backtest import kernel
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray


@dataclass(frozen=True)
class Market:
    """What N episodes of T steps go through while they are hedged: prices, costs, interest, payoff.

    Money is per unit of starting spot = 100. See `kernel.hedge_paths` for `price`, `cost`, `interest`,
    `income` and `margined`. `premium` [N] is received at the start, `payoff` [N] is paid at the end; both
    are from the desk's side and negative where the option was bought.
    """

    price: FloatArray
    cost: FloatArray
    premium: FloatArray
    payoff: FloatArray
    interest: FloatArray
    income: FloatArray
    margined: bool
    unwind: bool

    def episodes(self, rows: np.ndarray) -> "Market":
        """Return the market of some episodes only."""
        return Market(
            self.price[rows],
            self.cost[rows],
            self.premium[rows],
            self.payoff[rows],
            self.interest[rows],
            self.income[rows],
            self.margined,
            self.unwind,
        )


@dataclass(frozen=True)
class Ledger:
    """The books of N hedged episodes, in money; pnl = premium + trading + carry − cost − payoff.

    `position` is [N, T, H] units, everything else [N]; `turnover` is in units, `trades` a count.
    """

    position: FloatArray
    premium: FloatArray
    trading: FloatArray
    carry: FloatArray
    cost: FloatArray
    payoff: FloatArray
    turnover: FloatArray
    trades: FloatArray

    @property
    def pnl(self) -> FloatArray:
        """Profit and loss of each episode at expiry, in money."""
        return self.premium + self.trading + self.carry - self.cost - self.payoff


def book(market: Market, band: Band, delay: int = 0) -> Ledger:
    """Hedge every episode along its band and return the ledger.

    Raises
    ------
    DataError
        The final unwind has no price or no cost in some episode: a position cannot be closed there.
    """
    if market.unwind and not np.isfinite(market.cost[:, -1]).all():
        row = int(np.argwhere(~np.isfinite(market.cost[:, -1]))[0][0])
        raise DataError(f"episode {row}: no trading cost on its last session, so the hedge cannot be closed")
    position, books = kernel.hedge_paths(
        *(np.ascontiguousarray(edge) for edge in (band.lower, band.upper, band.to_lower, band.to_upper)),
        np.ascontiguousarray(band.speed),
        market.price,
        market.cost,
        market.premium,
        market.interest,
        market.income,
        market.margined,
        market.unwind,
        delay,
    )
    return Ledger(
        position,
        market.premium,
        books[:, kernel.TRADING],
        books[:, kernel.CARRY],
        books[:, kernel.COST],
        market.payoff,
        books[:, kernel.TURNOVER],
        books[:, kernel.TRADES],
    )
