"""One account through the day: an option is dealt whenever the one before has ended, and its hedge goes on.

Episodes are hedged each in a world of its own; a desk has one position. What a loop does live is this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.intraday_state import NEEDED, intraday_state
from pipeline.backtest.ledger import Hedge, Market
from pipeline.backtest.stepping import Hedger
from pipeline.domain.band import Band
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.arrivals import arrivals
from pipeline.execution.terms import Terms
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_times import decisions_left, hours
from pipeline.policies.base import reads_path, reads_position


class Dealt(NamedTuple):
    """The option that is open: the mid at which it was dealt, and the decisions until it ends."""

    mid: float
    left: int


def next_dealt(before: Dealt | None, life: int, mid: float, known: bool, today: int) -> Dealt | None:
    """Return the option that is open at a decision; None where none is.

    Parameters
    ----------
    before : the one of the decision before; None at the first of a day.
    life : decisions that an option lives.
    mid, known : of the market now, and whether everything that a decision needs is known.
    today : decisions that are left until the close.

    Examples
    --------
    >>> next_dealt(Dealt(100.0, 3), 5, 101.0, True, 9)
    Dealt(mid=100.0, left=2)
    >>> next_dealt(Dealt(100.0, 1), 5, 101.0, True, 9)
    Dealt(mid=101.0, left=5)
    >>> next_dealt(None, 5, 101.0, True, 4) is None
    True
    """
    if before is not None and before.left > 1:
        return Dealt(before.mid, before.left - 1)
    return Dealt(mid, life) if known and today >= life else None


@dataclass(frozen=True)
class Lane:
    """What one hedger did through a day, [T] each, in units of the hedge: its band and its position after."""

    dealt: Sequence[Dealt | None]
    lower: FloatArray
    upper: FloatArray
    position: FloatArray


def hedge_lane(
    desk: IntradayDesk,
    signals: pd.DataFrame,
    fills: pd.DataFrame,
    policy: Hedger,
    desk_cost: float,
) -> Lane:
    """Hedge one day through the book as it was.

    Where no option is open the band is at zero; where an option is open and a decision needs what is not
    known, nothing is done. Orders meet the book of their decision in `fills`; what is not filled is decided
    again.

    Parameters
    ----------
    desk : settings.
    signals, fills : one row a decision of one day, see `intraday_signals.learn_intraday`.
    policy : fitted.
    desk_cost : of `models/terms.json`.

    Raises
    ------
    SettingsError
        As from `check_asked_alone`.
    """
    check_asked_alone(policy)
    known = signals[list(NEEDED)].notna().all(axis=1).to_numpy()
    mid = signals["mid"].to_numpy(float)
    dealt: list[Dealt | None] = []
    for row, today in enumerate(_today(desk, signals)):
        before = dealt[-1] if dealt else None
        dealt.append(next_dealt(before, desk.option.steps, mid[row], bool(known[row]), today))
    band = _bands(desk, signals, policy, dealt, known, desk_cost)
    hedge = Hedge(_market(desk, signals, fills))
    hedge.advance(band, 0, len(signals))
    size = desk.hedge.size
    lower, upper = (size * edge[0, :, 0] for edge in (band.lower, band.upper))
    return Lane(dealt, lower, upper, size * hedge.position[0, :, 0])


def _today(desk: IntradayDesk, signals: pd.DataFrame) -> Iterable[int]:
    """Return the decisions that are left until the close after each; on a grid of events as many as usual."""
    if desk.grid.every_events is None or signals.empty:
        return reversed(range(len(signals)))
    _, closed = hours(str(signals["day"].iloc[0]), desk.grid)
    step = float(signals["step_seconds"].iloc[0])
    return [decisions_left(at, closed, step) for at in nanoseconds(signals["time"]).tolist()]


def check_asked_alone(policy: Hedger) -> None:
    """Refuse a policy that a desk with one position through the day cannot ask, in a backtest or live.

    Raises
    ------
    SettingsError
        It reads the desk's own state, which only an account of one option has, or its path.
    """
    for reads, what in ((reads_position, "the desk's own state"), (reads_path, "the path since the deal")):
        if reads(policy):
            raise SettingsError(
                f"policy {policy.name} reads {what}, which a desk has for each option apart: it cannot be "
                "hedged through a day: name another one to go live"
            )


def _bands(
    desk: IntradayDesk,
    signals: pd.DataFrame,
    policy: Hedger,
    dealt: Sequence[Dealt | None],
    known: np.ndarray,
    desk_cost: float,
) -> Band:
    opened = np.array([each is not None for each in dealt])
    edge = np.where(opened & ~known, np.inf, 0.0)[None, :]
    nothing = Band.between(-edge, edge)
    rows = np.flatnonzero(opened & known)
    if not len(rows):
        return nothing
    options = [each for each, sure in zip(dealt, known, strict=True) if each is not None and sure]
    left = np.array([[each.left for each in options]])
    scale = START_SPOT / np.array([[each.mid for each in options]])
    spot = scale * signals["mid"].to_numpy(float)[rows]
    state = intraday_state(desk, signals, rows[None, :], left, spot, desk_cost, scale)
    answer = policy.band(state).checked(policy.name)

    def placed(name: str) -> FloatArray:
        values: FloatArray = getattr(nothing, name).copy()
        values[:, rows] = getattr(answer, name)
        return values

    return Band(**{each.name: placed(each.name) for each in fields(Band)})


def _market(desk: IntradayDesk, signals: pd.DataFrame, fills: pd.DataFrame) -> Market:
    """Return the day as one episode in money of the data, without the option's own flows."""
    places = np.arange(len(signals))
    rows = np.append(places, places[-1])[None, :]
    mid = signals["mid"].ffill().bfill().to_numpy(float)[rows]
    nothing = np.zeros((1, len(signals)))
    return Market(
        price=mid[..., None],
        cost=np.zeros((1, len(signals) + 1, 1)),
        premium=np.zeros(1),
        payoff=np.zeros(1),
        interest=nothing,
        income=nothing[..., None],
        margined=True,
        unwind=False,
        terms=Terms(lot=desk.hedge.lot / desk.hedge.size),
        book=arrivals(fills, rows, np.ones(1), desk.hedge.size),
    )
