"""Two files that tell the same stretch of a stream whose rows have no ids of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.ingest.equal_rows import matched, numbered
from pipeline.ingest.market_tables import START

AGREE: Final = {
    "book_events": ("event_time", "sequence", "kind", "side", "price", "size", "order_id"),
    "book": ("event_time", "sequence", "levels", "bid_price", "bid_size", "ask_price", "ask_size"),
    "quotes": ("event_time", "bid_price", "bid_size", "ask_price", "ask_size", "venue"),
    "trades": ("event_time", "price", "size", "venue", "condition"),
}
"""Columns in which the same row of two files agrees, by table.

Flags, sides of trades, trust and the time of knowing are left out: a reader makes them of earlier rows too.
"""
SAME: Final = AGREE | {
    "quotes": ("event_time", "bid_price", "ask_price", "venue"),
    "trades": ("event_time", "price", "venue"),
}
"""Columns in which a row that was issued again agrees with what it was, by table: sizes may be told in lots
or rounded, and codes anew."""
ISSUED_AGAIN: Final = 0.75
"""Share of rows from which on two files that differ are one stream, issued twice.

Of the rows of the file that has fewer in the stretch that both tell. On the real files at hand, whose stamps
are milliseconds, two venues of one share have 29 % of their trades in common by time and price at most, and
two halves of one stream (every other row) 61 %; two issues of one day nearly all.
"""


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
    then repeats, and with them the second's START: what it has to follow on is in the first. Where one ends
    with the instant at which the other begins, those rows are repeats with which the one ends and the other
    begins in the same order. One that fills a gap of the other repeats nothing, or the rows at the edges of
    the gap: it lies within the other, has all that the other has there, and nothing of the other lies among
    what it has alone. Of trades those with an id are left out where both files have ids: see
    `day_repeats.IDENTITY`.

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
    (True, 0.5)
    >>> overlap(quotes([0, 2, 2], [7.0, 8.0, 6.0]), quotes([2, 2, 3], [6.0, 8.0, 7.0]), "quotes").again
    array([ True, False, False])
    """
    none = np.zeros(len(second), dtype=np.bool_)
    told = _told((first, second), table)
    if not all(chosen.any() for chosen in told):
        return Overlap(none)
    files = [rows[chosen] for rows, chosen in zip((first, second), told, strict=True)]
    times = [_instants(rows) for rows in files]
    spans = [(int(each.min()), int(each.max())) for each in times]
    begin, end = max(low for low, _ in spans), min(high for _, high in spans)
    stretch = [(each >= begin) & (each <= end) for each in times]
    if not all(each.any() for each in stretch):
        return Overlap(none)
    number = numbered(files[0], files[1], AGREE[table])
    within = _within(times, spans)
    if any(each.any() for each in within):
        has = matched(*number)
        lacking = [each[inside & ~there] for each, inside, there in zip(times, within, has, strict=True)]
        if any(len(each) for each in lacking) and not _fills_a_gap(times, spans, lacking):
            return Overlap(none, differs=True, alike=_alike(files, stretch, table))
        shared = has[1]
    else:
        shared = _where_they_meet(number, times, spans)
    again = none.copy()
    again[told[1]] = shared
    if table == "book_events" and shared.any():
        known, (low, high) = _instants(second), spans[0]
        again |= ~told[1] & (known >= low) & (known <= high)
    return Overlap(again)


def _told(files: Sequence[pd.DataFrame], table: str) -> list[NDArray[np.bool_]]:
    """Return of each file [rows] whether a row is looked at."""
    if table == "book_events":
        return [(rows["kind"] != START).to_numpy() for rows in files]
    if table == "trades" and all((rows["trade_id"] != 0).any() for rows in files):
        return [(rows["trade_id"] == 0).to_numpy() for rows in files]
    return [np.ones(len(rows), dtype=np.bool_) for rows in files]


def _within(times: list[NDArray[np.int64]], spans: list[tuple[int, int]]) -> list[NDArray[np.bool_]]:
    """Return of each file [rows] those that the other must have; none where they only meet."""
    within = [(each > low) & (each < high) for each, (low, high) in zip(times, reversed(spans), strict=True)]
    if spans[0] == spans[1] and not any(each.any() for each in within):
        return [np.ones(len(each), dtype=np.bool_) for each in times]
    return within


def _fills_a_gap(
    times: list[NDArray[np.int64]], spans: list[tuple[int, int]], lacking: list[NDArray[np.int64]]
) -> bool:
    """Tell whether what one file has alone, at these times, fills a single gap of the other around it."""
    one = 0 if len(lacking[0]) else 1
    other = 1 - one
    (low, high), (begin, end) = spans[one], spans[other]
    if len(lacking[other]) or not begin < low <= high < end:
        return False
    within = (times[other] >= lacking[one].min()) & (times[other] <= lacking[one].max())
    return not within.any()


def _where_they_meet(
    number: Sequence[NDArray[np.int64]], times: list[NDArray[np.int64]], spans: list[tuple[int, int]]
) -> NDArray[np.bool_]:
    """Return [rows of the second] those with which one file ends and the other begins."""
    instant = max(low for low, _ in spans)
    ends, begins = (0, 1) if spans[0] < spans[1] else (1, 0)
    at = [np.flatnonzero(each == instant) for each in times]
    last, first = number[ends][at[ends]], number[begins][at[begins]]
    lengths = len(last) - np.flatnonzero(last == first[0])
    count = next((each for each in lengths if np.array_equal(last[-each:], first[:each])), 0)
    shared = np.zeros(len(times[1]), dtype=np.bool_)
    shared[at[1][:count] if begins else at[1][len(at[1]) - count :]] = True
    return shared


def _alike(files: list[pd.DataFrame], stretch: list[NDArray[np.bool_]], table: str) -> float:
    """Return which share of the rows of a stretch both have, of the file that has fewer there."""
    parts = [rows[chosen] for rows, chosen in zip(files, stretch, strict=True)]
    has = matched(*numbered(parts[0], parts[1], SAME[table]))
    return max(float(each.mean()) for each in has if len(each))


def _instants(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Return [rows] when each was known, in nanoseconds."""
    return pd.DatetimeIndex(rows["known_time"]).as_unit("ns").asi8
