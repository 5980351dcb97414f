"""The most memory that a long file takes: to read it into days, to follow one of them, and for a whole run.

Trades are those of Tardis' file, level changes those of the Binance stream in Tardis' format, both laid end
to end, each time later by as long as they take, until there are so many rows. Each file is read by a process
of its own into an empty store. Then another follows the book of the longest day and makes its decision grid.
Of the longest file of level changes a desk is run, `long_day.toml`: its memory is that of the command and of
all that it starts, see `whole_run`. `python -m benchmarks.long_files --millions 2 8` takes other lengths; a
desk is run on 20 million or more.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from benchmarks import whole_run
from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge, MarketFiles
from pipeline.features.decision_day import decision_day
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.market_days import DAYS, content_of, load_days
from pipeline.ingest.store import DatasetStore

MILLIONS = (2, 8, 20)
GIB = 2.0**30
STAMPS = ("timestamp", "local_timestamp")
READ, FOLLOWED = "read", "followed"
DESK = Path(__file__).with_name("long_day.toml")
WHOLE_DAY = 20
"""Millions of level changes that fill the hours of the desk."""


def trades() -> pa.Table:
    """The real trades."""
    return pv.read_csv(shared("ticks", "tardis", "trades.csv"))


def level_changes() -> pa.Table:
    """The level changes of the real stream, as Tardis has them."""
    from benchmarks.decoding import decoded, write_tardis

    with TemporaryDirectory() as folder:
        write_tardis(decoded(), path := Path(folder) / "book.csv.zst", "zstd")
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as source:
            return pv.read_csv(source)


KINDS: dict[str, Callable[[], pa.Table]] = {"trades": trades, "book": level_changes}


def tile(table: pa.Table, rows: int, path: Path) -> None:
    """Write a table again and again, always later, ids higher, until there are so many rows."""
    steps = {name: int(pc.max(table[name]).as_py() - pc.min(table[name]).as_py()) + 1_000
             for name in (*STAMPS, "id") if name in table.column_names}  # fmt: skip
    later = max(steps[name] for name in STAMPS)
    steps |= dict.fromkeys(STAMPS, later)
    options = pv.WriteOptions(include_header=False, quoting_style="none")
    with pa.CompressedOutputStream(str(path), "zstd") as out:
        out.write((",".join(table.column_names) + "\n").encode())
        for turn in range(-(-rows // len(table))):
            shifted = table.slice(0, rows - turn * len(table))
            for name, step in steps.items():
                place = shifted.column_names.index(name)
                shifted = shifted.set_column(place, name, pc.add(shifted[name], turn * step))
            pv.write_csv(shifted, out, options)


def asked(work: str, folder: Path) -> dict[str, float]:
    """Do a part of the work in a process of its own; return what it says of itself."""
    line = [sys.executable, "-m", "benchmarks.long_files", "--work", work, str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE).stdout)
    return found


def read_file(folder: Path) -> dict[str, float]:
    """Read the file of a folder into the store beside it."""
    data = MarketFiles(instrument="BTCUSDT", files=("*.csv.zst",), folder=folder)
    store = DatasetStore(folder / "store" / "datasets")
    parameters = {"data": data, "zone": "UTC", "content": content_of(data)}
    key = store.derive("market", load_days, inputs={}, parameters=parameters, pieces=True)
    days = store.open(key)[DAYS].groupby("day")["rows"].sum()
    return {"rows": int(days.sum()), "days": len(days), "most_rows_a_day": int(days.max())}


def follow_day(folder: Path) -> dict[str, float]:
    """Make the decision grid of the longest day in the store."""
    store = DatasetStore(folder / "store" / "datasets")
    index = store.open(store.keys()[0])[DAYS]
    day = str(index.groupby("day")["rows"].sum().idxmax())
    tables = DayTables(index, day, store.partitions)
    grid = decision_day(day, tables, GridSettings(), IntradayHedge(), 7, {})[f"grid/{day}"]
    rows = int(index.loc[index["day"] == day, "rows"].sum())
    return {"rows": rows, "decisions": len(grid), "sound": float(np.mean(grid["sound"] > 0.0))}


WORKS = {READ: read_file, FOLLOWED: follow_day}


def told(work: str, folder: Path) -> dict[str, float]:
    """Do the work here; say the most memory that it took and how long."""
    wall, processor = perf_counter(), process_time()
    found = WORKS[work](folder)
    times = {"seconds": perf_counter() - wall, "processor_seconds": process_time() - processor}
    return {**found, **times, "peak": peak()}


def peak() -> int:
    """Return the most memory that this process held, bytes: of what came before `exec` it knows nothing."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in each)
    return 1024 * int(line.split()[1])


@contextmanager
def long_file(kind: str, millions: float) -> Iterator[Path]:
    """A folder with one file of so many rows."""
    with TemporaryDirectory() as named:
        tile(KINDS[kind](), round(millions * 1e6), Path(named) / f"{kind}.csv.zst")
        yield Path(named)


def measure(millions: Sequence[float] = MILLIONS) -> Iterator[Measurement]:
    """Read both kinds at each length, follow the longest day of each book, and run a desk on the longest."""
    for kind in KINDS:
        for length in millions:
            with long_file(kind, length) as folder:
                found = asked(READ, folder)
                name = f"long_files.{kind}_{length:g}m"
                yield Measurement(name, "GiB", found.pop("peak") / GIB, detail=found)
                if kind == "book":
                    found = asked(FOLLOWED, folder)
                    name = f"long_files.book_day_{length:g}m"
                    yield Measurement(name, "GiB", found.pop("peak") / GIB, detail=found)
                if kind == "book" and length >= WHOLE_DAY:
                    seconds, peak = whole_run.run(folder / "home", str(DESK), "--data", str(folder))
                    detail = {"rows": found["rows"], "seconds": seconds}
                    yield Measurement(f"long_files.run_{length:g}m", "GiB", peak / GIB, detail=detail)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--millions", type=float, nargs="+", default=MILLIONS)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        print(json.dumps(told(given.work[0], Path(given.work[1]))))
    else:
        for one in measure(given.millions):
            print(one, flush=True)
