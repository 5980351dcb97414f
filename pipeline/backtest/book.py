"""A book of options along one long path: what the hedgers are told, and what they go through."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import (
    NEEDED,
    YEAR,
    Contracts,
    Lives,
    days_of,
    ends_of_steps,
    forward_of,
    hedge_lives,
    hedge_market,
    market_state,
)
from pipeline.backtest.explain import StepEnd
from pipeline.backtest.holdings import Holdings, check_reach
from pipeline.backtest.ledger import Market
from pipeline.backtest.marks import is_marked
from pipeline.backtest.volume import RELATIVE_VOLUME
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Leg, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies.exposure import net
from pipeline.pricing import book as pricing

CAME: Final = ("session", "close", "illiquidity_next", RELATIVE_VOLUME)
"""Columns that say what a session was, not what was known in it."""


@dataclass(frozen=True)
class Book:
    """Options that are hedged as one net position over T steps.

    Attributes
    ----------
    state : at the decision times, the options in M slots: [M, 1, T].
    market : of the hedge alone, one path of T steps: prices, costs, interest.
    step_end : where each step ends.
    rows : [T+1] rows of the session table.
    options : [T] number of options held over each step.
    flow : [1, T+1] cash from the options at each session: premiums less payoffs.
    dealt : [1, T] what the options opened at a decision time were worth more than they cost.
    """

    state: MarketState
    market: Market
    step_end: StepEnd
    rows: NDArray[np.int64]
    options: NDArray[np.int64]
    flow: FloatArray
    dealt: FloatArray


def build_book(desk: Desk, sessions: pd.DataFrame, holdings: Holdings) -> Book:
    """Lay the options of a book along the sessions from the first start to the last expiry.

    Money is scaled to a spot of 100 in the first session. The hedge instrument is the spot, or the future
    that expires with the last option: at one rate for all expiries a nearer one is hedged with fewer units
    of it, F = price · e^(−(r − q)(τ_hedge − τ)). The risk aversion is the desk's, which is that of one
    option, over the number of options held.

    Raises
    ------
    DataError
        An implied volatility or a signal is missing while an option is held, or the forecasts do not reach
        its expiry.
    """
    rows = np.arange(int(holdings.start.min()), int(holdings.expiry.max()) + 1)
    lives = hedge_lives(desk, sessions, rows[None, :])
    held = _held(holdings, rows)
    decided = rows[:-1][(held >= 0).any(axis=0)]
    _check_known(desk, sessions, holdings, decided)
    contracts = _contracts(desk, sessions, holdings, lives, held)
    lots = np.sum(contracts.lots, axis=0)
    aversion = desk.risk.aversion / np.where(lots > 0.0, lots, 1.0)
    known = _carried(sessions, decided)
    state = market_state(desk, known, lives, contracts, aversion)
    flow, dealt = _cash(state, holdings, lives, held)
    return Book(
        state,
        hedge_market(desk, known, lives),
        ends_of_steps(desk, known, lives, contracts),
        rows,
        (held >= 0).sum(axis=0),
        flow,
        dealt,
    )


def _held(holdings: Holdings, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which option is in each slot over each step, [M, T]; −1 for none."""
    slots = holdings.slots
    held = np.full((int(slots.max()) + 1, len(rows) - 1), -1)
    for option, slot in enumerate(slots):
        held[slot, holdings.start[option] - rows[0] : holdings.expiry[option] - rows[0]] = option
    return held


def _contracts(
    desk: Desk, sessions: pd.DataFrame, holdings: Holdings, lives: Lives, held: NDArray[np.int64]
) -> Contracts:
    """Return what is in the slots; an empty one has no lots of an option with one session to go."""
    rows, days = lives.grid[0], days_of(sessions)
    empty = held < 0
    spot = lives.spot[0]
    expiry = np.where(empty, rows[1:], holdings.expiry[held])
    time, time_next = ((days[expiry] - days[step]) / YEAR for step in (rows[:-1], rows[1:]))
    forward, forward_next = forward_of(desk, spot[:-1], time), forward_of(desk, spot[1:], time_next)
    quantity = {
        right: np.where(empty, 0.0, amount[held])[:, None, :]
        for right, amount in (("call", holdings.call), ("put", holdings.put))
    }
    legs = (Leg("call", quantity["call"]), Leg("put", quantity["put"]))
    return Contracts(
        liability=Liability(tuple(leg for leg in legs if np.any(leg.quantity))),
        sessions_left=(expiry - rows[:-1])[:, None, :],
        time_to_expiry=time[:, None, :],
        strike=np.where(empty, spot[:-1], holdings.strike[held])[:, None, :],
        forward=forward[:, None, :],
        slope=(forward / lives.price[0, :-1])[:, None, :],
        time_next=time_next[:, None, :],
        forward_next=forward_next[:, None, :],
        lots=np.maximum(np.abs(quantity["call"]), np.abs(quantity["put"])),
        age=np.where(empty, 0, rows[:-1] - holdings.start[held]).astype(np.float64)[:, None, :],
    )


def _cash(
    state: MarketState, holdings: Holdings, lives: Lives, held: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Return the cash from options dealt and expired [1, T+1], and what they were worth beyond it [1, T]."""
    rows, spot = lives.grid[0], lives.spot[0]
    values = pricing.value(
        state.liability,
        *(state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate),
    )
    opened = (held >= 0) & (state.age[:, 0] == 0.0) if state.age is not None else held >= 0
    mark = np.where(opened, values[:, 0], 0.0)
    amount = np.where(holdings.call, holdings.call, holdings.put)
    agreed = (amount * holdings.price)[held]
    paid = np.where(opened & ~np.isnan(agreed), agreed, mark)
    flow = np.append(-paid.sum(axis=0), 0.0)
    at_expiry = spot[holdings.expiry - rows[0]]
    payoff = holdings.call * np.maximum(at_expiry - holdings.strike, 0.0)
    payoff += holdings.put * np.maximum(holdings.strike - at_expiry, 0.0)
    np.add.at(flow, holdings.expiry - rows[0], payoff)
    return flow[None, :], net((mark - paid)[:, None, :])


def _carried(sessions: pd.DataFrame, decided: NDArray[np.int64]) -> pd.DataFrame:
    """Return the sessions, what is not known in one replaced by what was last known, but in those `decided`.

    In the others no option is held: the hedge is closed there, which needs a state and no new knowledge. What
    a session did to a fill stays as it is.
    """
    signals = [name for name in sessions.columns if name not in CAME]
    carried = sessions[signals].ffill()
    carried.iloc[decided] = sessions[signals].iloc[decided]
    return sessions.assign(**carried)


def _check_known(desk: Desk, sessions: pd.DataFrame, holdings: Holdings, rows: NDArray[np.int64]) -> None:
    dealt = np.isin(np.arange(len(sessions)), holdings.start) & sessions["implied_vol"].isna().to_numpy()
    missing = {column: sessions[column].isna().to_numpy() for column in NEEDED}
    missing["implied_vol"] = dealt | ~is_marked(sessions[list(desk.data.tenors)])
    for column, what in NEEDED.items():
        unknown = missing[column][rows]
        if unknown.any():
            day = sessions["session"].iloc[int(rows[unknown.argmax()])].date()
            raise DataError(
                f"the book holds options on {day}, which has no {what}: give the volatility index of that "
                "session, or leave out the options that are held then"
            )
    check_reach(holdings, sum(1 for name in sessions.columns if name.startswith("forecast_variance_")))
