"""What the book view measures: the P&L of the net position, its drawdown, and the capital that it used."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.domain.book_settings import StressWindow
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.metrics import BPS_PER_UNIT

STRESSED = ("delta_implied", "minimum_variance", "regime_switched", "regime_switched_no_regimes")
"""Whose replays are shown: delta, minimum variance, the flagship and its twin without regimes."""


def max_drawdown(pnl: FloatArray) -> float:
    """Return the largest fall of the cumulated P&L below what it had reached before, the start included.

    Examples
    --------
    >>> max_drawdown(np.array([1.0, 2.0, -4.0, 1.0, -1.0, 5.0]))
    4.0
    """
    reached = np.concatenate([[0.0], np.cumsum(pnl)])
    return float((np.maximum.accumulate(reached) - reached).max())


def book_metrics(book: pd.DataFrame) -> pd.DataFrame:
    """Return one row a policy of the table `book`.

    `pnl_bps`, `pnl_sd_bps` (of a day), `worst_day_bps`, `max_drawdown_bps`, `peak_capital_bps`,
    `mean_capital_bps` and `cost_bps` are bps of the spot of the first session on which the book holds
    anything; one option is on 10,000 of them. `turnover` is in hedge units, `trades` a count.
    """
    rows = {
        str(policy): {
            "pnl_bps": BPS_PER_UNIT * days["pnl"].sum(),
            "pnl_sd_bps": BPS_PER_UNIT * days["pnl"].std(ddof=0),
            "worst_day_bps": BPS_PER_UNIT * days["pnl"].min(),
            "max_drawdown_bps": BPS_PER_UNIT * max_drawdown(days["pnl"].to_numpy(float)),
            "peak_capital_bps": BPS_PER_UNIT * days["capital"].max(),
            "mean_capital_bps": BPS_PER_UNIT * days["capital"].mean(),
            "cost_bps": BPS_PER_UNIT * days["cost"].sum(),
            "turnover": days["traded"].sum(),
            "trades": days["trades"].sum(),
        }
        for policy, days in book.groupby("policy", sort=False)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


@dataclass(frozen=True)
class Replay:
    """A window of stress: the days of the book inside it, and the whole life of the worst episode.

    A table is empty where the window does not lie among the days that were tested, whole.
    """

    window: StressWindow
    book: pd.DataFrame
    episode: pd.DataFrame

    @property
    def tested(self) -> bool:
        """Whether there is anything to show."""
        return not (self.book.empty and self.episode.empty)


def replays_of(desk: Desk, book: pd.DataFrame, episodes: pd.DataFrame) -> tuple[Replay, ...]:
    """Return every window of stress of the desk, with the policies of `STRESSED` that were run.

    A day belongs to a window by its close: the step that ends with it.
    """
    first, last = book["session"].min(), book["next_session"].max()
    shown = book[book["policy"].isin(STRESSED)]
    found = []
    for window in desk.evaluation.stress:
        start, end = pd.Timestamp(window.start), pd.Timestamp(window.end)
        inside = first <= start and end <= last
        days = shown[shown["next_session"].between(start, end) & inside]
        worst = episodes[(episodes["stress"] == window.name) & episodes["policy"].isin(STRESSED)]
        found.append(Replay(window, days, worst))
    return tuple(found)
