"""The books of a hedge day by day: what each step earned, paid and tied up, and what explains it."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from pipeline.backtest.explain import Revaluation
from pipeline.backtest.ledger import Ledger, Market
from pipeline.domain.instruments import FloatArray

ONE_PERCENT = 0.01
VOL_POINT = 0.01
DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class DailyBooks:
    """Hedged options step by step, [N, T] money; a step runs from one decision time to the next.

    pnl = from_delta + from_gamma + from_theta + from_vega + from_vanna + from_volga + carry + dealt − cost +
    residual, and summed over the steps it is the P&L of the ledger.

    Attributes
    ----------
    pnl : change of the options' marks, cash from them, the hedge's gain, carry, less cost.
    from_delta : (δ − Δ) dprice, the hedge's gain and the options' delta together.
    from_gamma, from_theta, from_vega, from_vanna, from_volga, residual : see `explain.Revaluation`.
    carry : interest on the cash account, dividends, and what a hedge in the spot finances.
    dealt : marks of the options that were dealt less what was paid for them.
    cost : of trading the hedge, the final unwind in the last step; `fee`, `spread`, `fixed_fee` and `impact`
        are its sources.
    traded : units of the hedge, and `trades` their number.
    """

    pnl: FloatArray
    from_delta: FloatArray
    from_gamma: FloatArray
    from_theta: FloatArray
    from_vega: FloatArray
    from_vanna: FloatArray
    from_volga: FloatArray
    carry: FloatArray
    dealt: FloatArray
    cost: FloatArray
    fee: FloatArray
    spread: FloatArray
    fixed_fee: FloatArray
    impact: FloatArray
    residual: FloatArray
    traded: FloatArray
    trades: FloatArray

    @property
    def hypothetical(self) -> FloatArray:
        """P&L of the positions held over each step by full revaluation, without cost, carry and new deals."""
        return self.risk_theoretical + self.residual

    @property
    def risk_theoretical(self) -> FloatArray:
        """What the Greeks say the positions held over each step earned."""
        return (
            self.from_delta
            + self.from_gamma
            + self.from_theta
            + self.from_vega
            + self.from_vanna
            + self.from_volga
        )


def daily_books(
    market: Market,
    ledger: Ledger,
    revaluation: Revaluation,
    flow: FloatArray,
    dealt: FloatArray | None = None,
) -> DailyBooks:
    """Book every step of N hedges in one instrument.

    Parameters
    ----------
    market : what they went through; its premium and payoff are not read.
    ledger : of these hedges, with the books of every fill.
    revaluation : of the options over each step.
    flow : [N, T+1] cash from the options at each decision time and at the end: premiums less payoffs.
    dealt : [N, T] what new options were worth beyond what was paid for them; zero if not given.
    """
    fills = ledger.fills
    assert fills is not None, "daily books need a ledger of book_by_fill"
    price, position = market.price[..., 0], ledger.position[..., 0]
    gain = position * np.diff(price, axis=1)
    trade = np.diff(position, axis=1, prepend=0.0)
    cash_moves = gain if market.margined else -trade * price[:, :-1]
    carry = np.empty_like(gain)
    cash = np.zeros(len(gain))
    for k in range(gain.shape[1]):
        cash += flow[:, k] - fills.cost[:, k] + (0.0 if market.margined else cash_moves[:, k])
        carry[:, k] = cash * market.interest[:, k] + position[:, k] * price[:, k] * market.income[:, k, 0]
        cash += carry[:, k] + (cash_moves[:, k] if market.margined else 0.0)
    paid = {field.name: _by_step(getattr(fills, field.name)) for field in fields(fills)}
    new = np.zeros_like(gain) if dealt is None else dealt
    explained = {
        name: getattr(revaluation, name)
        for name in ("from_gamma", "from_theta", "from_vega", "from_vanna", "from_volga", "residual")
    }
    return DailyBooks(
        pnl=revaluation.change + new + gain + carry - paid["cost"],
        from_delta=gain + revaluation.delta * np.diff(price, axis=1),
        carry=carry + revaluation.financing,
        dealt=new,
        **paid,
        **explained,
    )


def _by_step(filled: FloatArray) -> FloatArray:
    """Return what was filled at the start of each step [N, T], the final unwind in the last one."""
    steps = filled[:, :-1].copy()
    steps[:, -1] += filled[:, -1]
    return steps


def daily_table(
    books: DailyBooks,
    revaluation: Revaluation,
    market: Market,
    position: FloatArray,
    margin_rate: float,
    row: int = 0,
) -> pd.DataFrame:
    """Return one hedge of N as a table, one row a step: its books, position, Greeks and the capital used.

    Greeks are those of options and hedge together, in money: `delta` for a rise of the hedge instrument by
    1 %, `gamma` the change of that delta, `vega` for one volatility point more, `theta` for one day.
    `capital` is the hedge's value times `margin_rate` (shares: its whole value) plus the options' absolute
    value: what those bought have cost, or what buying back those sold would.
    """
    price = market.price[row, :-1, 0]
    share = margin_rate if market.margined else 1.0
    columns = {field.name: getattr(books, field.name)[row] for field in fields(books)}
    return pd.DataFrame(
        {
            **columns,
            "position": position[row],
            "option_value": revaluation.value[row],
            "delta": (position + revaluation.delta)[row] * price * ONE_PERCENT,
            "gamma": revaluation.gamma[row] * (price * ONE_PERCENT) ** 2,
            "vega": revaluation.vega[row] * VOL_POINT,
            "theta": revaluation.theta[row] / DAYS_A_YEAR,
            "capital": share * np.abs(position[row]) * price + np.abs(revaluation.value[row]),
        }
    )
