"""As-of joins: what was known at each time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def as_of(
    times: pd.Series | pd.DatetimeIndex,
    table: pd.DataFrame,
    columns: Sequence[str],
    max_age: pd.Timedelta | None = None,
) -> pd.DataFrame:
    """Return `columns` of the newest event of `table` that was known at each of `times`.

    The row taken has the latest `event_time` among rows with `known_time <= time`; of several versions of
    that event, the one known last. A revision of an older event changes nothing, and one that is published
    later is not seen before.

    Parameters
    ----------
    times : [T] decision times in UTC, in any order.
    table : canonical table with `event_time` and `known_time`, in any order.
    columns : columns to take, in this order.
    max_age : rows known longer ago than this are stale and give NaN; None takes them however old they are.

    Returns
    -------
    known : [T] rows with the index of `times` (or 0 … T−1); NaN where nothing was known yet.

    Examples
    --------
    >>> days = pd.date_range("2018-07-02", periods=3, tz="UTC")
    >>> table = pd.DataFrame({"event_time": days, "known_time": days, "rate": [1.0, 2.0, 3.0]})
    >>> as_of(days[:2] + pd.Timedelta(hours=1), table, ["rate"])["rate"].tolist()
    [1.0, 2.0]
    >>> as_of(days[:1] - pd.Timedelta(hours=1), table, ["rate"])["rate"].tolist()
    [nan]
    """
    published = table.sort_values(["known_time", "event_time"], kind="stable")
    newest = published[published["event_time"] >= published["event_time"].cummax()]
    right = newest[["known_time", *columns]].assign(known_time=newest["known_time"].dt.as_unit("ns"))
    left = pd.DataFrame({"time": pd.DatetimeIndex(times).as_unit("ns"), "order": np.arange(len(times))})
    joined = pd.merge_asof(
        left.sort_values("time", kind="stable"),
        right,
        left_on="time",
        right_on="known_time",
        tolerance=max_age,
    )
    known = joined.sort_values("order")[list(columns)]
    return known.set_axis(times.index if isinstance(times, pd.Series) else range(len(times)))
