"""Partitions: one unit of work in, Parquet by instrument and day out, at any URL."""

import json
import pickle
import uuid

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import StoreError
from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.partition_place import Place
from pipeline.ingest.partitions import Call, PartitionStore, in_turn
from pipeline.ingest.store import DatasetStore


def squares(day: str, size: int, scale: float) -> Output:
    times = pd.date_range(f"{day}T10:00", periods=size, freq="s", tz="UTC")
    table = pd.DataFrame({"time": times, "day": day, "x": scale * np.arange(size) ** 2.0})
    return {f"square/{day}": table, "index": pd.DataFrame({"rows": [size]})}


def stage(sizes: dict, scale: float, pieces) -> Output:
    units = {day: {"day": day, "size": size} for day, size in sizes.items()}
    made = pieces.partitions("squares", squares, "A/B", units, scale=scale)
    return {"sum": pd.DataFrame({"x": [piece[f"square/{piece_day}"]["x"].sum() for piece_day, piece in
                                       zip(units, made, strict=True)]})}  # fmt: skip


SIZES = {"2020-01-02": 3, "2020-01-03": 4}


@pytest.fixture(params=["local", "memory"])
def place(request, tmp_path):
    return str(tmp_path / "store") if request.param == "local" else f"memory://{uuid.uuid4().hex}"


def planned(store, sizes=SIZES, scale=1.0):
    units = {day: {"day": day, "size": size} for day, size in sizes.items()}
    return store.planned("squares", squares, "A/B", units, {"scale": scale})


def test_a_folder_is_a_table_of_all_instruments_and_days(place):
    store = PartitionStore(place)
    calls = planned(store)
    in_turn(calls)
    recipe = Place.of(calls[0].key).recipe
    table = pd.read_parquet(f"{place}/{recipe}/square")
    assert table["x"].tolist() == [0.0, 1.0, 4.0, 0.0, 1.0, 4.0, 9.0]
    assert table["instrument"].astype(str).unique().tolist() == ["A/B"]
    assert table["day"].astype(str).value_counts(sort=False).to_dict() == SIZES


def test_what_is_opened_is_what_was_made_to_the_last_bit(place):
    store = PartitionStore(place)
    (call, _) = planned(store)
    call.run()
    found, made = store.open(call.key), squares("2020-01-02", 3, 1.0)
    assert sorted(found) == sorted(made)
    for name, table in made.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True)


def test_only_what_is_missing_is_missing(place):
    store = PartitionStore(place)
    first, second = planned(store)
    assert store.missing([first.key, second.key]) == {first.key, second.key}
    first.run()
    assert store.missing([first.key, second.key]) == {second.key}
    assert store.missing([]) == set()


def test_other_content_takes_the_place_of_the_old_and_other_settings_lie_beside(place):
    store = PartitionStore(place)
    old, kept = planned(store)
    in_turn([old, kept])
    new, same = planned(store, {**SIZES, "2020-01-02": 2})
    other, _ = planned(store, scale=2.0)
    assert (same.key, Place.of(new.key).recipe) == (kept.key, Place.of(old.key).recipe)
    assert Place.of(other.key).recipe != Place.of(old.key).recipe
    in_turn([new, other])
    assert store.missing([old.key, new.key, kept.key, other.key]) == {old.key}
    assert len(pd.read_parquet(f"{place}/{Place.of(new.key).recipe}/square")) == 2 + 4
    with pytest.raises(StoreError, match="run again"):
        store.open(old.key)


def test_a_file_cut_short_or_gone_is_made_again_and_a_changed_one_is_damaged(tmp_path):
    store = PartitionStore(str(tmp_path))
    first, second = planned(store)
    in_turn([first, second])
    cut, gone = (tmp_path / Place.of(call.key).file(f"square/{day}")
                 for call, day in zip([first, second], SIZES, strict=True))  # fmt: skip
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-1])
    gone.unlink()
    assert store.missing([first.key, second.key]) == {first.key, second.key}
    cut.write_bytes(whole[:-1] + b"x")
    with pytest.raises(StoreError, match="is damaged"):
        store.open(first.key)["square/2020-01-02"]


def test_a_writer_that_dies_leaves_nothing_that_is_read(tmp_path, monkeypatch):
    store = PartitionStore(str(tmp_path))
    (call, _) = planned(store)
    fresh = store._fresh

    def dies(path):
        if path.endswith(".json"):
            raise KeyboardInterrupt
        return fresh(path)

    monkeypatch.setattr(store, "_fresh", dies)
    with pytest.raises(KeyboardInterrupt):
        call.run()
    again = PartitionStore(str(tmp_path))
    assert again.missing([call.key]) == {call.key}
    planned(again)[0].run()
    assert len(pd.read_parquet(tmp_path / Place.of(call.key).recipe / "square")) == 3


def test_a_call_travels_small_and_knows_its_code(place):
    store = PartitionStore(place)
    (call, _) = planned(store)
    sent = pickle.dumps(call)
    assert len(sent) < 1000
    assert pickle.loads(sent).run() == call.key
    elsewhere = Call(store, call.key, squares, "0123456789abcdef", call.arguments)
    with pytest.raises(StoreError, match="install the same version"):
        elsewhere.run()


def test_a_stage_makes_what_is_missing_and_is_made_again_when_its_partitions_are_gone(tmp_path):
    made = []
    partitions = PartitionStore(f"memory://{uuid.uuid4().hex}")
    store = DatasetStore(
        tmp_path, partitions, lambda calls: (made.extend(Place.of(call.key).label for call in calls),
                                             in_turn(calls)),
    )  # fmt: skip

    def derive(sizes, **more):
        parameters = {"sizes": sizes, "scale": 1.0}
        return store.derive("sums", stage, inputs={}, parameters=parameters, pieces=True, **more)

    first = derive(SIZES)
    assert store.open(first)["sum"]["x"].tolist() == [5.0, 14.0]
    assert (derive(SIZES), made) == (first, list(SIZES))
    changed = derive({**SIZES, "2020-01-02": 2})
    assert (changed != first, made[2:]) == (True, ["2020-01-02"])
    assert derive(SIZES) == first  # the older files are back: their day is made again, and replaces the newer
    assert made[3:] == ["2020-01-02"]
    derive(SIZES, force=True)
    assert made[4:] == list(SIZES)


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "taken").write_text("a file")
    store = PartitionStore(str(tmp_path / "taken"))
    (call, _) = planned(store)
    with pytest.raises(StoreError, match="cannot be written"):
        call.run()
    with pytest.raises(StoreError, match="nosuch"):
        PartitionStore("nosuch://x").missing([call.key])


def test_the_manifest_tells_hashes_and_rows(place):
    store = PartitionStore(place)
    (call, _) = planned(store)
    call.run()
    found = store.open(call.key)
    assert found.rows == {"square/2020-01-02": 3, "index": 1}
    again = PartitionStore(f"memory://{uuid.uuid4().hex}")
    Call(again, call.key, squares, call.version, call.arguments).run()
    assert again.open(call.key).hashes == found.hashes
    json.loads(store.read(Place.of(call.key).manifest))


def test_a_known_value_is_known_by_its_digest():
    store = PartitionStore("memory://x")
    keys = [
        store.planned("p", squares, "A", {"d": {"size": Known(value, "same")}}, {})[0].key for value in (1, 2)
    ]
    assert keys[0] == keys[1]
