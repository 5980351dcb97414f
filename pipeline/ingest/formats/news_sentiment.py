"""Daily news sentiment of the Federal Reserve Bank of San Francisco: a workbook a vintage, sheet `Data`."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.held_lines import HeldLines
from pipeline.ingest.market_tables import Batch, batch, held
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats
from pipeline.ingest.spreadsheet import is_workbook, sheet_rows
from pipeline.ingest.vintage import vintage_of

SHEET: Final = "Data"
COLUMNS: Final = ("date", "News Sentiment")
SERIES: Final = "news_sentiment"
LARGEST: Final = 5.0
"""The index stays within one of zero; five times that is another unit."""
_NO_DAY: Final = date(1970, 1, 1)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file is a workbook that is named as news sentiment."""
    return is_workbook(name, head) and "sentiment" in name.lower()


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `alternative`, series `news_sentiment`; the terms say when the vintage was published.

    Held are rows whose day or value cannot be read, days out of order or twice, and values known before their
    day was over.

    Raises
    ------
    DataError
        The terms do not say when it was published; it is missing, damaged, or has not these columns.
    """
    rows = sheet_rows(file, SHEET)
    if not rows or tuple(rows[0][:2]) != COLUMNS:
        raise DataError(f"{file.name}: sheet {SHEET} does not begin with the columns {', '.join(COLUMNS)}")
    number, cells = zip(
        *[(n, row) for n, row in enumerate(rows[1:], 2) if any(row)] or [(0, [])], strict=True
    )
    lines = HeldLines(len(cells))
    days = np.array([_day(row) for row in cells], dtype="datetime64[D]")
    lines.refuse(days == np.datetime64(_NO_DAY), "not a date: date")
    values = np.array([_value(row) for row in cells])
    lines.refuse(~np.isfinite(values), f"not a number: {COLUMNS[1]}")
    lines.refuse(np.abs(values) > LARGEST, f"{COLUMNS[1]} over {LARGEST:g}: another unit?")
    lines.refuse(EventClock(0).astray(days.astype(np.int64), lines.sound), "day out of order")
    lines.refuse(Repeats().seen(days.astype(np.int64), lines.sound), "duplicate: its day has been")
    when = vintage_of(days, terms.day, terms.published_lag_days, file.name, terms.known_lag_seconds)
    found = batch(
        "alternative",
        {
            "event_time": when.event_time,
            "known_time": when.known_time,
            "source_row": number,
            "series": SERIES,
            "value": values,
            "vintage": when.vintage.astype("datetime64[D]"),
            "pseudo_vintage": when.pseudo,
        },
    )
    yield Batch("alternative", found.rows.filter(lines.sound))
    odd = [
        (number[row], why, ", ".join(map(str, cells[row][:2]))) for row, why in sorted(lines.reasons.items())
    ]
    if odd:
        yield held("alternative", file.name, odd)


def _day(row: list[Any]) -> date:
    day = row[0] if row else None
    if isinstance(day, datetime):
        return day.date()
    return day if isinstance(day, date) else _NO_DAY


def _value(row: list[Any]) -> float:
    value = row[1] if len(row) > 1 else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan
