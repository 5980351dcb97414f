"""Coin Metrics' daily on-chain metrics: `date` and a column a metric, one line a day."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.ingest.delimited import delimited, names_in
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import Batch, batch
from pipeline.ingest.option_contract import days
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats
from pipeline.ingest.vintage import vintage_of

KNOWN: Final = ("date", "TxCnt", "AdrActCnt", "BlkCnt")
HEADERS: Final = (KNOWN,)
LAG_DAYS: Final = 1
"""Days after the end of a day until its metrics were published, where the terms do not say."""
_SIGNED: Final = ("DiffMean", "ROI", "Vty")
OTHER_UNIT: Final = 2.0
"""Times that an amount in dollars is more or less than the one in coins at the day's price, to be held."""
LARGEST_MEAN_FEE: Final = 1000.0
"""Dollars that a day's transactions cost on average at most; on the dearest day of the real file it is 56."""


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names a date and Coin Metrics' usual counts."""
    return set(names_in(head)) >= set(KNOWN)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `alternative`, a row for each metric that a line has, the series named as the column.

    The file has no record of when it was published: without `day` in the terms it is a pseudo-vintage, each
    day known `published_lag_days` (one) after its end. A line is held whole where a value of it cannot be
    read, a count or amount is negative, an amount is in another unit than coins, price and transactions of
    its day say, or its day is out of order or has been.

    Raises
    ------
    DataError
        The file is missing or damaged or has no dates.
    """
    clock, seen = EventClock(0), Repeats()
    for lines in delimited(file, required=("date",)):
        screen = LineScreen(lines)
        day = days(screen.text("date"))
        screen.refuse(np.isnat(day), "not a date: date")
        values = {}
        for name in lines.columns:
            if name != "date":
                values[name] = screen.numbers(name, optional=True)
                if not name.startswith(_SIGNED):
                    screen.refuse(values[name] < 0.0, f"negative {name}")
        _refuse_other_units(screen, values)
        whole = day.astype(np.int64)
        screen.refuse(clock.astray(whole, screen.sound), "day out of order")
        screen.refuse(seen.seen(whole, screen.sound), "duplicate: its day has been")
        lag = LAG_DAYS if terms.published_lag_days is None else terms.published_lag_days
        when = vintage_of(day, terms.day, lag, file.name, terms.known_lag_seconds)
        series = list(values)
        table = np.stack([values[name] for name in series], axis=1)
        told = ~np.isnan(table) & screen.sound[:, np.newaxis]
        row, column = np.nonzero(told)
        found = batch(
            "alternative",
            {
                "event_time": when.event_time[row],
                "known_time": when.known_time[row],
                "source_row": lines.number[row],
                "series": pa.DictionaryArray.from_arrays(pa.array(column, pa.int32()), pa.array(series)),
                "value": table[told],
                "vintage": when.vintage[row],
                "pseudo_vintage": when.pseudo,
            },
        )
        yield found
        yield from screen.held("alternative", file.name)


def _refuse_other_units(screen: LineScreen, values: Mapping[str, NDArray[np.float64]]) -> None:
    """Hold lines whose dollars are not their coins at the day's price, or buy too few transactions.

    Both are told by the line itself, so nothing later decides on it.
    """
    for name in [name for name in values if name.endswith("USD") and name[:-3] + "Ntv" in values]:
        if "PriceUSD" in values:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = values[name] / (values[name[:-3] + "Ntv"] * values["PriceUSD"])
            far = (ratio >= OTHER_UNIT) | (ratio <= 1.0 / OTHER_UNIT)
            screen.refuse(far & (values[name] > 0.0), f"in another unit: {name}")
    if {"FeeTotUSD", "TxCnt"} <= set(values):
        absurd = values["FeeTotUSD"] > LARGEST_MEAN_FEE * values["TxCnt"]
        screen.refuse(absurd, "in another unit: FeeTotUSD")
