import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import OptionSettings, load_desk
from pipeline.domain.errors import StoreError
from pipeline.ingest import store as store_module
from pipeline.ingest.dataset import write_dataset
from pipeline.ingest.store import DatasetStore, canonical_json

STAGES = """
import numpy as np
import pandas as pd

CALLS = []


def make(rows=3, seed=0):
    CALLS.append("make")
    values = np.random.default_rng(seed).normal(size=rows)
    return {"numbers": pd.DataFrame({"x": values}), "more/notes.txt": b"hello"}


def double(source, factor=2.0):
    CALLS.append("double")
    return {"numbers": source["numbers"] * factor}


def total(numbers):
    return {"sum": numbers.sum().to_frame().T}


def many(seed):
    rng = np.random.default_rng(seed)
    tables = [pd.DataFrame({"seed": np.full(2000, seed), "x": rng.normal(size=2000)}) for _ in range(4)]
    named = {f"table_{i}": table for i, table in enumerate(tables)}
    return {**named, "blob.bin": bytes([seed % 256]) * 100_000}


def whole(rows, pieces):
    return {"numbers": pieces("part", make, rows=rows)["numbers"]}


def fail():
    raise RuntimeError("no luck")


def nothing_but_frames(kind):
    stamps = pd.date_range("2020-01-01", periods=3, tz="UTC")
    return {
        "typed": pd.DataFrame(
            {
                "text": pd.Series(["a", "b", None], dtype="str"),
                "naive": pd.Series(stamps.tz_localize(None)).astype("datetime64[us]"),
                "aware": stamps,
                "flag": [True, False, True],
                "whole": np.array([1, 2, 3], dtype=np.int64),
                "gap": [1.0, np.nan, -0.0],
                "group": pd.Categorical(["x", "y", "x"]),
            },
            index=pd.Index([10, 20, 30], name="row"),
        )
    }
"""


@pytest.fixture
def stages(tmp_path, monkeypatch):
    folder = tmp_path / "code" / "toystages"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "steps.py").write_text(STAGES)
    monkeypatch.syspath_prepend(folder.parent)
    import importlib

    importlib.invalidate_caches()
    yield importlib.import_module("toystages.steps")
    for name in ("toystages.steps", "toystages"):
        sys.modules.pop(name, None)


@pytest.fixture
def store(tmp_path):
    return DatasetStore(tmp_path / "datasets")


def test_a_second_derivation_reads_what_the_first_wrote(store, stages):
    first = store.derive("toy", stages.make, inputs={}, parameters={"rows": 5})
    second = store.derive("toy", stages.make, inputs={}, parameters={"rows": 5})
    assert first == second
    assert stages.CALLS == ["make"]
    assert store.keys() == [first]
    assert len(store.open(first)["numbers"]) == 5
    assert store.open(first).read_bytes("more/notes.txt") == b"hello"


def test_force_builds_again_under_the_same_key(store, stages):
    first = store.derive("toy", stages.make, inputs={}, parameters={})
    created = store.open(first).meta["created"]
    assert store.derive("toy", stages.make, inputs={}, parameters={}, force=True) == first
    assert stages.CALLS == ["make", "make"]
    assert store.open(first).meta["created"] > created


def test_the_key_depends_on_name_inputs_and_parameters(store, stages):
    first = store.derive("toy", stages.make, inputs={}, parameters={"seed": 1})
    other = store.derive("toy", stages.make, inputs={}, parameters={"seed": 2})
    renamed = store.derive("game", stages.make, inputs={}, parameters={"seed": 1})
    doubles = {
        store.derive("twice", stages.double, inputs={"source": key}, parameters={}) for key in (first, other)
    }
    assert len({first, other, renamed} | doubles) == 5


def test_inputs_arrive_as_datasets(store, stages):
    source = store.derive("toy", stages.make, inputs={}, parameters={})
    doubled = store.derive("twice", stages.double, inputs={"source": source}, parameters={"factor": 3.0})
    pd.testing.assert_frame_equal(store.open(doubled)["numbers"], store.open(source)["numbers"] * 3.0)
    meta = store.open(doubled).meta
    assert meta["inputs"] == {"source": source}
    assert meta["parameters"] == {"factor": 3.0}
    assert meta["rows"] == {"numbers": 3}


def test_one_table_can_be_an_input(store, stages):
    source = store.derive("toy", stages.make, inputs={}, parameters={})
    key = store.derive("sum", stages.total, inputs={"numbers": f"{source}/numbers"}, parameters={})
    assert store.open(key)["sum"]["x"].item() == store.open(source)["numbers"]["x"].sum()


def test_tables_come_back_as_they_were(store, stages):
    written = stages.nothing_but_frames("any")["typed"]
    key = store.derive("typed", stages.nothing_but_frames, inputs={}, parameters={"kind": "any"})
    read = store.open(key)["typed"]
    pd.testing.assert_frame_equal(read, written, check_exact=True)
    assert np.signbit(read["gap"].iloc[2])


def test_a_dataset_is_a_mapping_of_its_tables(store, stages):
    dataset = store.open(store.derive("toy", stages.make, inputs={}, parameters={}))
    assert list(dataset) == ["numbers"]
    assert dataset.files == ("more/notes.txt",)
    with pytest.raises(KeyError, match="no table numberz"):
        dataset["numberz"]
    with pytest.raises(KeyError, match=r"no file numbers\.parquet"):
        dataset.read_bytes("numbers.parquet")


def test_models_are_parameters_by_value(store, stages):
    assert canonical_json(load_desk("spx-daily")) == canonical_json(load_desk("spx-daily"))
    assert canonical_json(OptionSettings()) != canonical_json(OptionSettings(sessions=20))


def test_a_failed_build_leaves_nothing(store, stages):
    with pytest.raises(RuntimeError, match="no luck"):
        store.derive("bad", stages.fail, inputs={}, parameters={})
    assert not store.root.exists() or list(store.root.iterdir()) == []


def test_a_failed_write_leaves_nothing_but_the_lock(store, stages, monkeypatch):
    monkeypatch.setattr("pipeline.ingest.dataset.flush_folder", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.derive("toy", stages.make, inputs={}, parameters={})
    assert store.keys() == []
    assert not list(store.root.glob(".*.tmp"))


@pytest.mark.parametrize("name", ["../out", "/etc/out", "meta.json", ""])
def test_files_stay_inside_the_dataset(tmp_path, name):
    with pytest.raises(ValueError, match="no name for a file"):
        write_dataset(tmp_path / "new", {}, {name: b"x"})


@pytest.mark.parametrize("damage", ["truncate", "delete", "flip", "meta", "no meta"])
def test_damage_names_the_dataset_the_file_and_the_remedy(store, stages, damage):
    key = store.derive("toy", stages.make, inputs={}, parameters={"rows": 50})
    file = store.root / key / ("meta.json" if "meta" in damage else "numbers.parquet")
    content = file.read_bytes()
    file.unlink()
    if damage in ("truncate", "meta"):
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        file.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(StoreError) as caught:
        store.open(key)["numbers"]
    for part in (key, file.name, f"delete the folder {store.root / key} and run again"):
        assert part in str(caught.value)
    if damage != "flip":
        with pytest.raises(StoreError):
            store.derive("toy", stages.make, inputs={}, parameters={"rows": 50})
    shutil.rmtree(store.root / key)
    assert store.derive("toy", stages.make, inputs={}, parameters={"rows": 50}) == key


def test_force_mends_a_damaged_dataset(store, stages):
    key = store.derive("toy", stages.make, inputs={}, parameters={})
    (store.root / key / "meta.json").write_text("{")
    store.derive("toy", stages.make, inputs={}, parameters={}, force=True)
    assert len(store.open(key)["numbers"]) == 3


def test_an_unknown_key_is_one_clear_line(store):
    with pytest.raises(StoreError, match="dataset toy-0000 is not in the store"):
        store.open("toy-0000")


def test_leftovers_older_than_a_day_are_swept(store, stages):
    store.derive("toy", stages.make, inputs={}, parameters={})
    old, new = store.root / ".toy-1.aa.tmp", store.root / ".toy-1.bb.tmp"
    for folder, age in ((old, 25 * 3600), (new, 3600)):
        folder.mkdir()
        os.utime(folder, (time.time() - age,) * 2)
    store.derive("toy", stages.make, inputs={}, parameters={"seed": 5})
    assert (old.exists(), new.exists()) == (False, True)


def test_a_replacement_cut_between_its_two_renames_is_undone(store, stages):
    key = store.derive("toy", stages.make, inputs={}, parameters={})
    (store.root / key).rename(store.root / f".{key}.replaced")
    assert len(store.open(key)["numbers"]) == 3
    assert store.derive("toy", stages.make, inputs={}, parameters={}) == key
    assert stages.CALLS == ["make"]


def child(stages, store, body):
    """Start a real process that derives in `store`."""
    script = (
        "from pathlib import Path\n"
        "from pipeline.ingest.store import DatasetStore\n"
        "from toystages.steps import make, many\n"
        f"store = DatasetStore(Path({str(store.root)!r}))\n{body}"
    )
    code = Path(stages.__file__).parents[1]
    project = Path(store_module.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(code)])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes)


def test_two_processes_that_derive_the_same_key_both_succeed(store, stages):
    body = "print(store.derive('race', many, inputs={}, parameters={'seed': 3}))"
    both = [child(stages, store, body) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1]
    assert store.keys() == [answers[0]]
    assert len(store.open(answers[0])["table_3"]) == 2000


def test_kill_at_any_moment_leaves_a_whole_dataset(store, stages):
    """Processes that replace one dataset over and over are killed (-9) at random moments."""
    rounds = 40
    key = store.derive("many", stages.many, inputs={}, parameters={"seed": 7})
    body = f"""
import os, random, signal, time
arguments = dict(inputs={{}}, parameters={{'seed': 7}}, force=True)
draw = random.Random(1)
store.derive('many', many, **arguments)
begin = time.perf_counter()
store.derive('many', many, **arguments)
once = time.perf_counter() - begin
for _ in range({rounds}):
    started, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready, b'.')
        while True:
            store.derive('many', many, **arguments)
    os.read(started, 1)
    time.sleep(draw.uniform(0.0, 3.0 * once))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print('killed', flush=True)
    input()
"""
    process = child(stages, store, body)
    created, cut_writes = set(), 0
    for _ in range(rounds):
        assert process.stdout.readline().strip() == "killed"
        cut_writes += len(list(store.root.glob(".*.tmp"))) > 0
        dataset = store.open(key)
        for table in dataset:
            assert (dataset[table]["seed"] == 7).all()
            assert len(dataset[table]) == 2000
        assert dataset.read_bytes("blob.bin") == bytes([7]) * 100_000
        created.add(dataset.meta["created"])
        for leftover in store.root.glob(".*.tmp"):
            shutil.rmtree(leftover)
        process.stdin.write("\n")
        process.stdin.flush()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(created) > 5, "nothing was replaced: the test proves nothing"
    assert cut_writes > 5, "no write was cut short: the test proves nothing"


def test_a_piece_is_known_by_the_content_of_what_it_is_made_from(stages, store):
    table = pd.DataFrame({"x": [1.0, 2.0]})
    first = store.piece("doubled", stages.double, source={"numbers": table})
    again = store.piece("doubled", stages.double, source={"numbers": table.copy()})
    assert stages.CALLS == ["double"]
    assert again.key == first.key
    assert first["numbers"]["x"].tolist() == [2.0, 4.0]
    other = store.piece("doubled", stages.double, source={"numbers": table + 1e-15})
    tripled = store.piece("doubled", stages.double, source={"numbers": table}, factor=3.0)
    assert len({first.key, other.key, tripled.key}) == 3


def test_a_piece_is_made_again_by_force_or_when_the_code_has_changed(stages, store, tmp_path):
    table = {"numbers": pd.DataFrame({"x": [1.0]})}
    first = store.piece("doubled", stages.double, source=table)
    store.piece("doubled", stages.double, source=table, _force=True)
    assert stages.CALLS == ["double"] * 2
    file = tmp_path / "code" / "toystages" / "steps.py"
    file.write_text(file.read_text() + "\n# another version\n")
    assert DatasetStore(store.root).piece("doubled", stages.double, source=table).key != first.key


def test_a_stage_that_asks_for_pieces_keeps_them_in_its_store(stages, store):
    key = store.derive("whole", stages.whole, inputs={}, parameters={"rows": 2}, pieces=True)
    assert [each.rpartition("-")[0] for each in sorted(store.keys())] == ["part", "whole"]
    assert store.open(key)["numbers"]["x"].tolist() == store.open(store.keys()[0])["numbers"]["x"].tolist()
    store.derive("whole", stages.whole, inputs={}, parameters={"rows": 2}, pieces=True, force=True)
    assert stages.CALLS == ["make"] * 2


def test_a_stage_says_how_many_of_its_pieces_are_new(stages, store, caplog):
    caplog.set_level("INFO", "pipeline.ingest.store")
    for name in ("whole", "again"):
        store.derive(name, stages.whole, inputs={}, parameters={"rows": 2}, pieces=True)
    said = [record.message for record in caplog.records]
    assert said == [
        "whole: of 1 refits 1 new, 0 from earlier runs",
        "again: of 1 refits 0 new, 1 from earlier runs",
    ]
    store.derive("plain", stages.make, inputs={}, parameters={"rows": 2})
    assert len(caplog.records) == 2
