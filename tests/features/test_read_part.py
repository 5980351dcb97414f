"""A part that is read once splits as the events themselves do."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.day_events import BOOK, OTHER_BOOK, QUOTES, TRADES, EventPart
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.read_part import ReadPart
from pipeline.ingest.dataset import arrow_table
from pipeline.ingest.time_order import TimedRows

SOURCES = (QUOTES, TRADES, Source(BOOK, ()), Source(OTHER_BOOK, ()), Source("quotes", ("ask_price",)))


def table(times, **columns):
    known = pd.to_datetime(np.array(times), utc=True)
    return TimedRows.of(arrow_table(pd.DataFrame({"known_time": known, **columns})).to_batches()[0])


@pytest.fixture
def part():
    quotes = {name: np.arange(4.0) + k for k, name in enumerate(QUOTES.columns)}
    trades = {"price": [9.0, 8.0], "size": [1.0, 2.0], "side": np.array([1, -1], np.int8)}
    book = EventRows(np.array([2, 6]), np.arange(12.0).reshape(2, 6))
    other = EventRows(np.array([1, 4]), np.arange(12.0).reshape(2, 6))
    tables = {"quotes": table([1, 3, 3, 9], **quotes), "trades": table([3, 5], **trades)}
    return EventPart(9, tables, book, other)


def told(part):
    if part is None:
        return None
    return part.until, {
        source: (each.known_time.tolist(), each.columns.tolist()) for source, each in part.rows.items()
    }


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 7, 9, 20])
def test_it_splits_as_the_events_do(part, at):
    whole = ReadPart.of(part, SOURCES)
    for found, events in zip(whole.split(at), part.split(at), strict=True):
        assert told(found) == told(None if events is None else ReadPart.of(events, SOURCES))
