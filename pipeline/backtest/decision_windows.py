"""Walk-forward windows on a decision grid: what is fitted when, and which rows it may learn from."""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.backtest.windows import Window
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk, instant


def decision_windows(desk: IntradayDesk, times: pd.DatetimeIndex, days: "pd.Series[str]") -> list[Window]:
    """Return the windows from `signals_start` to `test_end`: a day each, or `refit_minutes` of one.

    Parameters
    ----------
    desk : its windows; one begins with `test_start` in any case.
    times, days : of every decision, in the order of time.

    Raises
    ------
    DataError
        The windows leave the data, or a part of them holds no decision; the message names the key.
    """
    starts, tested_from, end = _limits(desk, times)
    inside = np.flatnonzero((times >= pd.Timestamp(starts)) & (times <= pd.Timestamp(end)))
    if not len(inside):
        raise DataError(f"windows.signals_start {starts} to test_end {end}: no decision lies between them")
    refit = desk.windows.refit_minutes
    first, fresh = inside[0], days.ne(days.shift()).to_numpy()
    boundary = fresh.copy()
    if refit is not None:
        within = times - times[np.maximum.accumulate(np.where(fresh, np.arange(len(times)), 0))]
        slot = (within // pd.Timedelta(minutes=refit)).to_numpy()
        boundary |= np.append(True, np.diff(slot) != 0)
    tested = int(times.searchsorted(pd.Timestamp(tested_from)))
    edges = sorted({int(first), tested, *(np.flatnonzero(boundary[inside]) + first).tolist()})
    stops = [*edges[1:], int(inside[-1]) + 1]
    return [
        Window(number, start, stop, tested=start >= tested)
        for number, (start, stop) in enumerate(zip(edges, stops, strict=True))
    ]


def _limits(desk: IntradayDesk, times: pd.DatetimeIndex) -> tuple[datetime, datetime, datetime]:
    windows, zone = desk.windows, desk.zone
    starts = {name: instant(getattr(windows, name), zone) for name in ("signals_start", "test_start")}
    for name, told in starts.items():
        if not times[0] < told <= times[-1]:
            raise DataError(
                f"windows.{name} is {told}, but the decisions run from {times[0]} to {times[-1]}: "
                "move it inside"
            )
    return starts["signals_start"], starts["test_start"], instant(windows.test_end, zone, end=True)


def learned_since(desk: IntradayDesk, times: pd.DatetimeIndex) -> int:
    """Return the first row that anything may learn from."""
    return int(times.searchsorted(pd.Timestamp(instant(desk.windows.learn_start, desk.zone))))
