"""Rows that several files of a day hold, found some at a time."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest import in_buckets
from pipeline.ingest.day_repeats import repeats
from pipeline.ingest.pieces import InMemory

DAY = "2020-03-02"
START = pd.Timestamp(DAY, tz="UTC")


def trades(ids, price=lambda ids: 100.0 + ids % 7):
    ids = np.asarray(ids)
    at = START + pd.to_timedelta(ids, unit="s")
    columns = {"event_time": at, "known_time": at, "source_row": np.arange(len(ids)) + 2, "price": price(ids)}
    return pd.DataFrame(columns | {"size": 1.0, "side": 0, "trade_id": ids, "venue": "v", "condition": ""})


def found_in(files, table="trades"):
    """What is repeated of each file."""
    shelf = InMemory()
    keys = [shelf("file", lambda rows=rows: {f"{table}/{DAY}": rows}).key for rows in files]
    index = pd.DataFrame({"day": DAY, "stored": table, "table": table, "key": keys})
    return repeats(index.assign(file=[f"{n}.csv" for n in range(len(files))]), shelf)


@pytest.fixture(params=[7, 1 << 20])
def together(request, monkeypatch):
    monkeypatch.setattr(in_buckets, "TOGETHER", request.param)


def test_ids_of_any_file_before_are_found_however_few_rows_are_compared_at_once(together):
    rng = np.random.default_rng(2)
    ids = [np.sort(rng.choice(np.arange(1, 300), 120, replace=False)) for _ in range(3)]
    for number, found in enumerate(found_in([trades(each) for each in ids])):
        before = np.concatenate([[0], *ids[:number]])
        chosen = np.isin(ids[number], before)
        inside = np.zeros(len(chosen), dtype=bool)
        for begin, end in found.runs.reshape(-1, 2):
            inside[begin:end] = True
        np.testing.assert_array_equal(inside, chosen)
        assert found.count == chosen.sum()
        assert list(found.lines) == (np.flatnonzero(chosen)[:5] + 2).tolist()


def test_rows_that_are_told_otherwise_are_counted_over_all_and_the_first_is_named(together):
    one = trades(np.arange(1, 100))
    other = trades(np.arange(50, 150), lambda ids: 100.0 + ids % 7 + (ids % 10 == 0))
    with pytest.raises(
        DataError, match=r"0\.csv and 1\.csv: tell 5 trades .* the first in their rows 51 and 2"
    ):
        found_in([one, other])


def test_files_of_a_book_that_follow_one_another_are_not_read(monkeypatch):
    def rows(first):
        at = START + pd.to_timedelta(np.arange(first, first + 50), unit="s")
        return pd.DataFrame({"event_time": at, "known_time": at, "source_row": np.arange(50)})

    monkeypatch.setattr("pipeline.ingest.day_repeats.overlap", lambda *_: pytest.fail("compared"))
    assert [each.count for each in found_in([rows(0), rows(50), rows(100)], "book_events")] == [0, 0, 0]
