"""Two files of one stream whose times differ row by row: two recorders with clocks of their own."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COMPARED: Final = {
    "quotes": ["bid_price", "bid_size", "ask_price", "ask_size"],
    "trades": ["price", "size"],
}
"""Columns that two recorders tell alike, by table; times, ids and names of venues may be told otherwise."""
RUN: Final = 5
"""Changes in a row that are compared as one."""
FEWEST: Final = 20
"""Runs that a stretch must have for a judgement."""
ONE_STREAM: Final = 0.25
"""Share of runs from which on two files are one stream.

On the real files at hand two halves of one stream (every other row) and two venues of one share have 3 % of
their runs in common at most, two days of it 1 %, and a stream and what is left of it without a fiftieth of
its rows 92 % at least.
"""
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)


def shared_runs(first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str]) -> float:
    """Return which share of their runs two files have in common where they tell of the same time.

    A run is `RUN` rows one after the other, told by some columns, without those equal to the row before. It
    counts where it comes once only in its file and stretch, so that a quiet market, whose few quotes come
    again and again, says nothing (Broder, 1997: On the resemblance and containment of documents). The share
    is of the runs of the file that has fewer; 0 where it has less than `FEWEST`. Trades that both files have
    by their venue's id are left out: they are known to be one.

    Examples
    --------
    >>> sizes = np.random.default_rng(1).integers(1, 99, 100)
    >>> one = pd.DataFrame({"known_time": pd.date_range("2020-01-01", periods=100, freq="s", tz="UTC"),
    ...                     "price": 9.0, "size": sizes, "venue": "", "trade_id": 0})
    >>> later = one.assign(known_time=one["known_time"] + pd.Timedelta("7ms"))
    >>> told = ["price", "size"]
    >>> round(shared_runs(one, later, told), 2), shared_runs(one, later.assign(size=sizes[::-1]), told)
    (0.99, 0.0)
    """
    begin = max(rows["known_time"].min() for rows in (first, second))
    end = min(rows["known_time"].max() for rows in (first, second))
    if not begin < end:
        return 0.0
    files = [rows[rows["known_time"].between(begin, end)] for rows in (first, second)]
    if "trade_id" in first:
        files = [_not_of(one, other) for one, other in (files, reversed(files))]
    runs = [_runs(rows[list(columns)]) for rows in files]
    fewer = min(len(each) for each in runs)
    if fewer < FEWEST:
        return 0.0
    return len(np.intersect1d(runs[0], runs[1], assume_unique=True)) / fewer


def _not_of(trades: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the trades without those whose venue and id others have."""
    names = ["venue", "trade_id"]
    there = pd.MultiIndex.from_frame(trades[names]).isin(pd.MultiIndex.from_frame(others[names]))
    return trades[~there | (trades["trade_id"] == 0).to_numpy()]


def _runs(told: pd.DataFrame) -> NDArray[np.uint64]:
    """Return a hash of each run that comes once."""
    row = np.asarray(pd.util.hash_pandas_object(told, index=False), dtype=np.uint64)
    row = row[np.r_[True, row[1:] != row[:-1]]] if len(row) else row
    if len(row) < RUN:
        return np.empty(0, dtype=np.uint64)
    run: NDArray[np.uint64] = np.zeros(len(row) - RUN + 1, dtype=np.uint64)
    for place in range(RUN):
        run = run * _FACTOR + row[place : place + len(run)]
    found, times = np.unique(run, return_counts=True)
    return np.asarray(found[times == 1])
