"""Rows of stored tables in the order of time, in memory a part at a time."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.errors import StoreError
from pipeline.ingest import time_order
from pipeline.ingest.partitions import PartitionStore
from pipeline.ingest.time_order import TimedRows, groups_of, in_step, ordered
from tests.peak_memory import peak_memory

DAY = "2020-03-02"
KEY = f"market-1/XY/{DAY}/a"
START = pd.Timestamp(DAY, tz="UTC").value


def table(count, seed=1, back=40):
    """Rows whose clock goes back a little; some of one instant."""
    rng = np.random.default_rng(seed)
    known = START + 10**9 * (np.arange(count) // 3 - rng.integers(0, back, count) + back)
    columns = {"known_time": pa.array(known, pa.timestamp("ns", "UTC")), "row": np.arange(count)}
    return pa.table(columns | {"value": rng.random(count)})


def sorted_rows(*tables):
    """All rows of tables at once."""
    rows = pd.concat([each.to_pandas() for each in tables], ignore_index=True)
    return rows.sort_values("known_time", kind="stable", ignore_index=True)


def as_frame(parts):
    return pa.Table.from_batches([part.rows for part in parts]).to_pandas()


@pytest.fixture(params=[7, 100])
def part(request, monkeypatch):
    monkeypatch.setattr(time_order, "PART", request.param)


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_rows_in_parts_are_the_sorted_table_and_no_instant_is_cut(part, monkeypatch, size):
    """Of one instant the rows of the first table come first."""
    monkeypatch.setattr(time_order, "GROUP", size)
    one, two = table(400, 1), table(300, 2)
    parts = list(ordered([*groups_of(one), *groups_of(two)]))
    pd.testing.assert_frame_equal(as_frame(parts), sorted_rows(one, two))
    assert len(parts) > 1
    for first, second in pairwise(parts):
        assert first.known_time[-1] < second.known_time[0]


def test_tables_in_step_end_at_the_same_instant(part):
    dense, sparse = table(900, 3), table(900, 4).slice(0, 5)
    steps = list(in_step({"dense": ordered(groups_of(dense)), "sparse": ordered(groups_of(sparse))}))
    until = None
    for step in steps:
        begins = min(rows.known_time[0] for rows in step.values())
        assert until is None or until < begins
        until = max(rows.known_time[-1] for rows in step.values())
    for name, rows in (("dense", dense), ("sparse", sparse)):
        found = as_frame(step[name] for step in steps if name in step)
        pd.testing.assert_frame_equal(found, sorted_rows(rows))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.ingest.partition_file.GROUP", 100)
    return PartitionStore(str(tmp_path))


def stored(store, rows):
    """The piece that holds a table."""
    store.write(KEY, iter([(f"ticks/{DAY}", each) for each in rows.to_batches(max_chunksize=64)]))
    return store.open(KEY)


def test_a_stored_table_is_read_group_by_group(part, store):
    rows = table(1_050)
    groups = stored(store, rows).groups(f"ticks/{DAY}")
    assert [group.begin for group in groups] == list(range(0, 1_050, 100))
    pd.testing.assert_frame_equal(as_frame(ordered(groups)), sorted_rows(rows))
    (some,) = {
        part.rows.schema.names == ["known_time", "value"] for part in ordered(groups, ["known_time", "value"])
    }
    assert some


def test_a_table_that_has_changed_since_is_an_error(store, tmp_path):
    piece = stored(store, table(300))
    (path,) = tmp_path.rglob("ticks/**/*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="its content is not what was written"):
        piece.groups(f"ticks/{DAY}")
    path.unlink()
    with pytest.raises(StoreError, match="it is missing"):
        piece.groups(f"ticks/{DAY}")


def test_memory_does_not_grow_with_a_table(store, monkeypatch):
    monkeypatch.setattr(time_order, "PART", 50)

    def read(count):
        piece = stored(store, table(count))
        return lambda: [len(part) for part in ordered(piece.groups(f"ticks/{DAY}"))]

    short = peak_memory(read(1_000))
    assert peak_memory(read(20_000)) < 1.5 * short + 2_000 * 20


def test_times_are_taken_in_nanoseconds_whatever_their_unit():
    for unit in ("s", "ms", "us", "ns"):
        known = pa.array([START], pa.timestamp("ns", "UTC")).cast(pa.timestamp(unit, "UTC"))
        (group,) = groups_of(pa.table({"known_time": known}))
        assert group.earliest == START
        assert TimedRows.of(group.read(None)).known_time.tolist() == [START]
