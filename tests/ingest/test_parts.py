"""Rows that come in parts: what is stored is what a table at once would be, in memory that does not grow."""

import uuid
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.errors import StoreError
from pipeline.ingest import partition_file, parts
from pipeline.ingest.market_tables import SCHEMAS, batch
from pipeline.ingest.partition_place import Place
from pipeline.ingest.partitions import PartitionStore
from pipeline.ingest.pieces import InMemory
from tests.peak_memory import peak_memory

KEY = Place("trades_file", "XYZ", "a.csv", "1").key


def trades(start: int, count: int, day: int = 0) -> pa.RecordBatch:
    number = np.arange(start, start + count)
    known = (
        np.datetime64("2020-03-02", "ns") + day * np.timedelta64(1, "D") + number * np.timedelta64(1, "us")
    )
    rest = {
        "size": 1.0 + number % 7,
        "side": 1,
        "trade_id": number,
        "condition": np.array(["", "x"])[number % 2],
    }
    stamps = {"event_time": known, "known_time": known, "source_row": number}
    return batch("trades", {**stamps, "price": 100.0 + number % 11, "venue": "v", **rest}).rows


def interleaved(blocks: int, rows: int):
    """Two days whose rows come in turns, and a table beside them at the end."""
    for block in range(blocks):
        for day in range(2):
            yield f"trades/2020-03-0{2 + day}", trades(block * rows, rows, day)
    yield "days", pd.DataFrame({"rows": [2 * blocks * rows]})


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "IN_MEMORY", 1 << 12)
    return PartitionStore(
        str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    )


def test_parts_are_stored_as_the_table_that_they_are_parts_of(store):
    store.write(KEY, interleaved(5, 300))
    found = store.open(KEY)
    assert sorted(found) == ["days", "trades/2020-03-02", "trades/2020-03-03"]
    for day in range(2):
        whole = pa.Table.from_batches([trades(0, 1_500, day)]).to_pandas()
        pd.testing.assert_frame_equal(found[f"trades/2020-03-0{2 + day}"], whole, check_exact=True)
    kept = InMemory()("file", lambda: interleaved(5, 300))
    assert sorted(kept) == sorted(found)
    for name in found:
        pd.testing.assert_frame_equal(found[name], kept[name], check_exact=True)


def test_the_bytes_do_not_depend_on_how_the_rows_were_cut(store, monkeypatch):
    monkeypatch.setattr(partition_file, "GROUP", 400)
    hashes = []
    for blocks, rows in ((5, 300), (50, 30), (1, 1_500)):
        store.write(KEY, interleaved(blocks, rows))
        hashes.append(store.open(KEY).hashes)
    assert hashes[0] == hashes[1] == hashes[2]
    assert store.open(KEY).rows == {"trades/2020-03-02": 1_500, "trades/2020-03-03": 1_500, "days": 1}


def fails_after(blocks: int):
    yield from ((f"trades/2020-03-0{2 + n % 2}", trades(1_000 * n, 1_000)) for n in range(blocks))
    raise RuntimeError("the file is damaged")


def test_a_file_that_is_damaged_in_its_middle_leaves_nothing(store, tmp_path):
    with pytest.raises(RuntimeError, match="damaged"):
        store.write(KEY, fails_after(20))
    assert store.missing([KEY]) == {KEY}
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_a_table_of_no_rows_is_a_table(store):
    store.write(KEY, iter([("trades/2020-03-02", trades(0, 0)), ("days", pd.DataFrame({"rows": []}))]))
    found = store.open(KEY)
    assert list(found["trades/2020-03-02"]) == SCHEMAS["trades"].names
    assert found.rows == {"trades/2020-03-02": 0, "days": 0}


def test_a_folder_without_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "IN_MEMORY", 1)
    with parts.Waiting(str(tmp_path / "gone")) as waiting, pytest.raises(StoreError, match=r"gone .*No such"):
        waiting.add("trades", pa.Table.from_batches([trades(0, 100)]))


def test_memory_does_not_grow_with_the_rows_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "IN_MEMORY", 1 << 18)
    monkeypatch.setattr(partition_file, "GROUP", 1 << 12)
    store = PartitionStore(str(tmp_path))
    store.write(KEY, interleaved(1, 10))
    short, long = (peak_memory(partial(store.write, KEY, interleaved(blocks, 2_000))) for blocks in (10, 100))
    assert long < 1.3 * short
