"""Two files that tell the same stretch of a stream whose rows have no ids of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.ingest.market_tables import LADDER, SCHEMAS, START

AGREE: Final = {
    "book_events": ("event_time", "sequence", "kind", "side", "price", "size", "order_id"),
    "book": ("event_time", "sequence", "levels", "bid_price", "bid_size", "ask_price", "ask_size"),
    "quotes": ("event_time", "bid_price", "bid_size", "ask_price", "ask_size", "venue"),
    "trades": ("event_time", "price", "size", "venue", "condition"),
    "fills": ("event_time", "instrument", "side", "size", "price", "fee"),
}
"""Columns in which the same row of two files agrees, by table.

Flags, sides of trades, trust and the time of knowing are left out: a reader makes them of earlier rows too.
"""
SAME: Final = AGREE | {"trades": ("event_time", "price", "size", "venue")}
"""Columns in which a row that was issued again agrees with what it was, by table: codes may be told anew."""
ISSUED_AGAIN: Final = 0.5
"""Share of rows from which on two files that differ are one stream, issued twice.

Of the rows of the file that has fewer in the stretch that both tell: independent sources have few rows of one
instant, price, size and venue in common, two issues of one day nearly all.
"""
_LADDERS: Final = frozenset(field.name for field in SCHEMAS["book"] if field.type == LADDER)


@dataclass(frozen=True)
class Overlap:
    """What two files of a day have in common.

    Attributes
    ----------
    again : [rows of the second] whether the first has it too.
    differs : whether both tell of the same time, and not the same.
    alike : where they differ, the share of rows that both have nevertheless, see `ISSUED_AGAIN`.
    """

    again: NDArray[np.bool_]
    differs: bool = False
    alike: float = 0.0


def overlap(first: pd.DataFrame, second: pd.DataFrame, table: str) -> Overlap:
    """Return which rows of the second file are a repeat of the first, row by row.

    Two files hold one stream where each has every row of the other that was known after its own first
    instant and before its own last one; equal rows count as often as they come. The rows that both have are
    then repeats, and with them the second's START: what it has to follow on is in the first. Files that share
    one instant only, as those that are cut within it do, have nothing in common, unless they are equal.
    Trades with an id are left out: see `day_repeats.IDENTITY`.

    Examples
    --------
    >>> def quotes(seconds, bids):
    ...     at = pd.to_datetime(seconds, unit="s", utc=True)
    ...     rest = {"bid_size": 1.0, "ask_price": 9.0, "ask_size": 1.0, "venue": ""}
    ...     return pd.DataFrame({"event_time": at, "known_time": at, "bid_price": bids, **rest})
    >>> overlap(quotes([0, 1, 2], [7.0, 8.0, 7.0]), quotes([1, 2, 3], [8.0, 7.0, 6.0]), "quotes").again
    array([ True,  True, False])
    >>> found = overlap(quotes([0, 1, 2], [7.0, 8.0, 7.0]), quotes([1, 2, 3], [8.5, 7.0, 6.0]), "quotes")
    >>> found.differs, found.alike
    (True, 1.0)
    """
    none = np.zeros(len(second), dtype=np.bool_)
    told = [_told(rows, table) for rows in (first, second)]
    if not all(chosen.any() for chosen in told):
        return Overlap(none)
    times = [_instants(rows)[chosen] for rows, chosen in zip((first, second), told, strict=True)]
    spans = [(int(each.min()), int(each.max())) for each in times]
    begin, end = max(low for low, _ in spans), min(high for _, high in spans)
    if begin > end or (begin == end and spans[0] != spans[1]):
        return Overlap(none)
    files = [rows[chosen] for rows, chosen in zip((first, second), told, strict=True)]
    has = _matched(files, AGREE[table])
    within = [(each > low) & (each < high) for each, (low, high) in zip(times, reversed(spans), strict=True)]
    if not any(each.any() for each in within):
        within = [np.ones(len(each), dtype=np.bool_) for each in times]
    if not all(each[inside].all() for each, inside in zip(has, within, strict=True)):
        return Overlap(none, differs=True, alike=_alike(files, within, table))
    again = none.copy()
    again[told[1]] = has[1]
    if table == "book_events":
        known, (low, high) = _instants(second), spans[0]
        again |= ~told[1] & (known >= low) & (known <= high)
    return Overlap(again)


def _told(rows: pd.DataFrame, table: str) -> NDArray[np.bool_]:
    """Return [rows] whether a row is looked at."""
    if table == "book_events":
        return (rows["kind"] != START).to_numpy()
    if table == "trades":
        return (rows["trade_id"] == 0).to_numpy()
    return np.ones(len(rows), dtype=np.bool_)


def _alike(files: list[pd.DataFrame], within: list[NDArray[np.bool_]], table: str) -> float:
    """Return which share of the rows within the stretch both have, of the file that has fewer there."""
    same = zip(_matched(files, SAME[table]), within, strict=True)
    return max(float(each[inside].mean()) for each, inside in same if inside.any())


def _matched(files: list[pd.DataFrame], columns: Sequence[str]) -> list[NDArray[np.bool_]]:
    """Return of each of two files [rows] whether the other has the row, the n-th of equal ones the n-th."""
    rows = pd.concat([_comparable(file, columns) for file in files], ignore_index=True)
    row = rows.groupby(list(rows.columns), sort=False, dropna=False).ngroup().to_numpy()
    cut = len(files[0])
    turn = np.concatenate([pd.Series(part).groupby(part).cumcount() for part in (row[:cut], row[cut:])])
    keys = row * (len(rows) + 1) + turn
    return [np.isin(keys[:cut], keys[cut:]), np.isin(keys[cut:], keys[:cut])]


def _comparable(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns that are compared; of the levels of a book a hash."""
    ladders = [name for name in columns if name in _LADDERS]
    return rows[list(columns)].assign(**{name: _hashed(rows[name]) for name in ladders})


def _hashed(levels: "pd.Series[Any]") -> NDArray[np.uint64]:
    """Return [rows] a hash of the levels of each."""
    columns = pd.DataFrame(np.stack(list(levels)))
    return np.asarray(pd.util.hash_pandas_object(columns, index=False), dtype=np.uint64)


def _instants(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return [rows] when each was known, in nanoseconds."""
    return pd.DatetimeIndex(rows["known_time"]).as_unit("ns").asi8
