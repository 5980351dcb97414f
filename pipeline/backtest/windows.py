"""Walk-forward windows: what is refitted when, and which rows it may learn from."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import WindowSettings
from pipeline.domain.errors import DataError


@dataclass(frozen=True)
class Window:
    """Sessions [start, stop) that are judged with what was fitted on sessions before `start`.

    `tested` tells whether they belong to the desk's test period.
    """

    number: int
    start: int
    stop: int
    tested: bool


def refit_windows(settings: WindowSettings, sessions: pd.DatetimeIndex) -> list[Window]:
    """Return the windows from `signals_start` to `test_end`, refitted every `refit_months` from `test_start`.

    Examples
    --------
    >>> days = pd.bdate_range("2012-01-02", "2018-12-31")
    >>> windows = refit_windows(WindowSettings(learn_start=date(2012, 1, 2)), days)
    >>> len(windows), days[windows[-1].start].date().isoformat()
    (10, '2018-07-02')
    """
    step = pd.DateOffset(months=settings.refit_months)
    boundaries = [pd.Timestamp(settings.test_start)]
    while boundaries[0] > pd.Timestamp(settings.signals_start):
        boundaries.insert(0, boundaries[0] - step)
    boundaries[0] = pd.Timestamp(settings.signals_start)
    end = pd.Timestamp(settings.test_end) + pd.Timedelta(days=1)
    while boundaries[-1] + step < end:
        boundaries.append(boundaries[-1] + step)
    edges = sessions.searchsorted([*boundaries, end])
    return [
        Window(number, int(start), int(stop), tested=boundary >= pd.Timestamp(settings.test_start))
        for number, (boundary, start, stop) in enumerate(zip(boundaries, edges[:-1], edges[1:], strict=True))
        if stop > start
    ]


def check_coverage(settings: WindowSettings, sessions: pd.DatetimeIndex, life: int) -> None:
    """Raise unless the sessions of the data cover the windows and the test period holds whole episodes.

    Raises
    ------
    DataError
        The message names the key to change.
    """
    first, last = sessions[0].date(), sessions[-1].date()
    covered: dict[str, tuple[date, bool]] = {
        "windows.learn_start": (settings.learn_start, first <= settings.learn_start <= last),
        "windows.signals_start": (settings.signals_start, first < settings.signals_start <= last),
        "windows.test_start": (settings.test_start, first < settings.test_start <= last),
        "windows.test_end": (settings.test_end, settings.test_end <= last + pd.Timedelta(days=7)),
    }
    for key, (day, ok) in covered.items():
        if not ok:
            raise DataError(f"{key} is {day}, but the data runs from {first} to {last}: move it inside")
    period = (pd.Timestamp(settings.test_start), pd.Timestamp(settings.test_end))
    tested = int(((sessions >= period[0]) & (sessions <= period[1])).sum())
    if tested <= life:
        raise DataError(
            f"the test period from windows.test_start {settings.test_start} to windows.test_end "
            f"{settings.test_end} has {tested} sessions, an episode needs {life + 1}: widen it"
        )


def check_implied(
    settings: WindowSettings, sessions: pd.DatetimeIndex, known: NDArray[np.bool_], life: int
) -> None:
    """Raise where the volatility index is known too seldom to start an option in the test period.

    Parameters
    ----------
    settings : the windows.
    sessions : of the data.
    known : [T] whether the index is known in each.
    life : sessions of an option.

    Raises
    ------
    DataError
        The message says where the index is known, and names the keys to change.
    """
    if not known.any():
        raise DataError(
            f"the volatility index has no value on any session from {sessions[0].date()} to "
            f"{sessions[-1].date()}: its file and that of the bars have no day in common"
        )
    start, end = pd.Timestamp(settings.test_start), pd.Timestamp(settings.test_end)
    tested = int((known & (sessions >= start) & (sessions <= end)).sum())
    if tested <= life:
        first, last = sessions[known][[0, -1]]
        raise DataError(
            f"the volatility index is known from {first.date()} to {last.date()}, on {tested} sessions of "
            f"the test period from windows.test_start {settings.test_start} to windows.test_end "
            f"{settings.test_end}; an option needs {life + 1}: move the windows or give a longer file"
        )
