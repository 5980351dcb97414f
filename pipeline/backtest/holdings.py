"""Which options a book holds from when to when: the desk's rolling programme, or a file of positions."""

import heapq
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import START_SPOT
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability

FARTHEST_STRIKE = np.log(4.0)
"""Largest believed |ln(strike / close)| when an option is dealt."""


@dataclass(frozen=True)
class Holdings:
    """M options, each held from one session to its expiry; [M] each.

    Attributes
    ----------
    call, put : signed quantities, one option being on one unit of the underlying; negative is sold.
    strike : money, the spot of the first session that any option is held scaled to 100.
    start, expiry : rows of the session table: first session held, and the session of expiry.
    price : money received or paid per option when it is dealt; NaN where it is dealt at its mark.
    """

    call: FloatArray
    put: FloatArray
    strike: FloatArray
    start: NDArray[np.int64]
    expiry: NDArray[np.int64]
    price: FloatArray

    @property
    def slots(self) -> NDArray[np.int64]:
        """[M] a place for each option such that no two share one at the same time, as few as will do."""
        return slots(self.start, self.expiry)


def rolling_programme(desk: Desk, sessions: pd.DataFrame, starts: NDArray[np.int64]) -> Holdings:
    """Return the desk's option dealt anew at each of `starts`, every one on the same money.

    Each is on as many units of the underlying as are worth 100 when it is dealt, so that the book is the sum
    of the episodes; the strikes stay where they were set.
    """
    close = np.asarray(sessions["close"], dtype=np.float64)[starts]
    level = close / close[0]
    quantity = {
        leg.right: leg.quantity / level for leg in Liability.of(desk.option.kind, desk.option.side).legs
    }
    nothing = np.zeros(len(starts))
    return Holdings(
        call=np.asarray(quantity.get("call", nothing), dtype=np.float64),
        put=np.asarray(quantity.get("put", nothing), dtype=np.float64),
        strike=START_SPOT * desk.option.moneyness * level,
        start=starts,
        expiry=starts + desk.option.sessions,
        price=np.full(len(starts), np.nan),
    )


def held_positions(positions: pd.DataFrame, sessions: pd.DataFrame) -> Holdings:
    """Return the options of a positions table (see `ingest.positions`), hedged on the tested sessions.

    An option without an opening date is taken over on the first tested session.

    Raises
    ------
    DataError
        An opening or an expiry is no session of the data or lies outside the tested sessions, or a strike is
        in other money than the closes; the message names the row and what to change.
    """
    days = pd.DatetimeIndex(sessions["session"])
    tested = np.flatnonzero(sessions["tested"])
    first, last = int(tested[0]), int(tested[-1])
    dates = {"opened": positions["opened"].fillna(days[first]), "expiry": positions["expiry"]}
    places = {name: days.get_indexer(pd.DatetimeIndex(column)) for name, column in dates.items()}
    for name, column in dates.items():
        for place, day, file, row in zip(
            places[name], column, positions["file"], positions["row"], strict=True
        ):
            _check_tested(f"{file}: {name} in row {row}", day, int(place), days, first, last)
    start, expiry = places["opened"], places["expiry"]
    close = sessions["close"].to_numpy(float)
    check_money(positions, close[start])
    scale = START_SPOT / close[start.min()]
    kind, quantity = positions["kind"], positions["quantity"].to_numpy(float)
    return Holdings(
        call=np.where(kind.isin(["call", "straddle"]), quantity, 0.0),
        put=np.where(kind.isin(["put", "straddle"]), quantity, 0.0),
        strike=scale * positions["strike"].to_numpy(float),
        start=np.asarray(start, dtype=np.int64),
        expiry=np.asarray(expiry, dtype=np.int64),
        price=scale * positions["price"].to_numpy(float),
    )


def check_holdable(desk: Desk, bars: pd.DataFrame, positions: pd.DataFrame) -> None:
    """Raise, before anything is learned, where a position is one that the backtest could not hedge.

    Parameters
    ----------
    desk : its windows and the reach of its forecasts.
    bars, positions : canonical tables.

    Raises
    ------
    DataError
        As `held_positions` and `check_reach`.
    """
    first, last = pd.Timestamp(desk.windows.signals_start), pd.Timestamp(desk.windows.test_end)
    known = bars["session"].between(first, last)
    sessions = bars.loc[known, ["session", "close"]].reset_index(drop=True)
    tested = sessions["session"] >= pd.Timestamp(desk.windows.test_start)
    if tested.any():
        holdings = held_positions(positions, sessions.assign(tested=tested))
        check_reach(holdings, max(desk.forecasts.horizons))


def check_reach(holdings: Holdings, reach: int) -> None:
    """Raise where an option lives for more sessions than the forecasts reach.

    Raises
    ------
    DataError
        The message says which horizon to add.
    """
    longest = int((holdings.expiry - holdings.start).max())
    if longest > reach:
        raise DataError(
            f"the book holds an option for {longest} sessions, the forecasts reach {reach}: add {longest} to "
            "forecasts.horizons"
        )


def _check_tested(
    what: str, day: pd.Timestamp, place: int, days: pd.DatetimeIndex, first: int, last: int
) -> None:
    shown = f"{what} is {day.date()}"
    if day < days[first]:
        raise DataError(
            f"{shown}, before the first tested session {days[first].date()}, where hedging begins: move "
            "windows.test_start earlier, or leave opened empty to take the option over on that session"
        )
    if day > days[last]:
        raise DataError(
            f"{shown}, after the last tested session {days[last].date()}: move windows.test_end later, give "
            "data that reach it, or leave the option out"
        )
    if place < 0:
        raise DataError(f"{shown}, which is no session of the data: correct the date")


def check_money(positions: pd.DataFrame, close: FloatArray) -> None:
    """Raise where a strike is so far from the close that it must be in other money."""
    away = np.abs(np.log(positions["strike"].to_numpy(float) / close))
    if (away > FARTHEST_STRIKE).any():
        option = int(away.argmax())
        file, row, strike = (positions[name].iloc[option] for name in ("file", "row", "strike"))
        raise DataError(
            f"{file}: strike in row {row} is {strike:g}, where the close was {close[option]:g}: give strikes "
            "and prices in the money of the bars, adjusted as they are"
        )


def slots(start: NDArray[np.int64], expiry: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a place for each option, free again in the session that its option expires.

    Examples
    --------
    >>> slots(np.array([0, 1, 3]), np.array([3, 4, 6])).tolist()
    [0, 1, 0]
    """
    place = np.zeros(len(start), dtype=np.int64)
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    made = 0
    for option in np.argsort(start, kind="stable"):
        while busy and busy[0][0] <= start[option]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, made)
            made += 1
        place[option] = heapq.heappop(free)
        heapq.heappush(busy, (int(expiry[option]), int(place[option])))
    return place
