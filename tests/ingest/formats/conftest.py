import random
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import QUARANTINE, START
from pipeline.ingest.raw_stream import RawStream

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture
def shared():
    """Return the folder of real market data, which is not on every machine."""
    if not SHARED.is_dir():
        pytest.skip("the shared market data is not on this machine")
    return SHARED


@pytest.fixture
def tables():
    """Return a function that reads a file whole: its canonical tables by name.

    The row that says how the file begins stands for no line of it and is left out; see `begun`.
    """

    def run(path, named="", member="", **terms):
        found = {}
        for each in read(RawStream(str(path), member), Terms(**terms), named):
            if not starts(each):
                found.setdefault(each.table, []).append(each.rows)
        return {name: pa.Table.from_batches(parts) for name, parts in found.items()}

    return run


@pytest.fixture
def begun():
    """Return a function that reads a file: `(source_row, sequence, size)` of the row with which it begins."""

    def run(path, named="", **terms):
        rows = [
            each.rows.to_pylist()[0]
            for each in read(RawStream(str(path)), Terms(**terms), named)
            if starts(each)
        ]
        return [(row["source_row"], row["sequence"], row["size"]) for row in rows]

    return run


def starts(batch):
    """Whether a batch is the row with which a file begins."""
    return batch.table == "book_events" and batch.rows["kind"][0].as_py() == START


@pytest.fixture
def survives(tmp_path, tables):
    """Return a function that damages a text file and reads it: one clear error, or every line once."""

    def run(seed, name, content, named, header=1, **terms):
        damaged = _damaged(random.Random(seed), content)
        path = tmp_path / name
        path.write_bytes(damaged)
        found, fault = {}, ""
        try:
            found = tables(path, named, **terms)
        except DataError as error:
            fault = str(error)
        if fault:
            assert "\n" not in fault
            assert name.partition(".")[0] in fault
            return
        rows = [row for table in found.values() for row in table["source_row"].to_pylist()]
        lines = damaged.split(b"\n")
        said = [
            number
            for number, line in enumerate(lines, 1)
            if number > header and line.decode("utf-8", "replace").strip()
        ]
        assert sorted(rows) == said
        assert all(found.get(QUARANTINE, {"reason": pa.array([])})["reason"].to_pylist())

    return run


def _damaged(dice, content):
    found = bytearray(content)
    for _ in range(dice.randrange(5)):
        found[dice.randrange(len(found))] = dice.randrange(256)
    if dice.random() < 0.3:
        lines = bytes(found).split(b"\n")
        body = lines[1:-1]
        dice.shuffle(body)
        found = bytearray(b"\n".join([lines[0], *body, lines[-1]]))
    if dice.random() < 0.3:
        del found[dice.randrange(len(found)) :]
    return bytes(found) or b"\n"
