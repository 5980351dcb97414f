"""Market tables and decision grids of many instrument-days on a Dask cluster of this machine.

The five real days of BAC are laid out as so many days of one share (a copy of the zip under the name of the
day, nothing else changed), in a temporary folder. `hedge features` computes them on one worker, on two, and
on two of which one is killed when half of the days are there; each time into an empty store. The hashes of
all partitions must be the same. `python -m benchmarks.scale --days 8 --minutes 60` takes fewer days, or only
the events of the first minutes of each.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time as clock
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pandas as pd

from benchmarks.dask_processes import DaskProcesses, dask_processes, hashes_of
from benchmarks.measurement import Measurement
from benchmarks.shared_data import shared
from pipeline.domain.runner_name import RUNNER, STORE

DAYS, MINUTES = 64, 390
FIRST = pd.Timestamp("2013-10-07")
OPEN_MS = 34_200_000
BEFORE_MS = 600_000
"""Quotes of the minutes before the open are kept."""
SAMPLED_EVERY = 0.2
MIB = 2.0**20


@dataclass(frozen=True)
class Pass:
    """One computation of all days: seconds, processor seconds of the workers, bytes of the largest."""

    seconds: float
    cpu: float
    memory: float
    hashes: dict[str, str]
    killed_after: int = 0


def tile(folder: Path, days: int, minutes: int) -> int:
    """Lay the real days of BAC out as `days` weekdays; return the bytes of the zips."""
    real = shared("ticks", "lean_equity", "bac")
    sources = [{kind: real / f"{day}_{kind}.zip" for kind in ("quote", "trade")}
               for day in sorted({file.name[:8] for file in real.glob("*_quote.zip")})]  # fmt: skip
    texts = [{kind: _first(path, minutes) for kind, path in source.items()} for source in sources]
    for day, source in zip(pd.bdate_range(FIRST, periods=days), islice(cycle(texts), days), strict=True):
        for kind, lines in source.items():
            with zipfile.ZipFile(folder / f"{day:%Y%m%d}_{kind}.zip", "w", zipfile.ZIP_DEFLATED) as tiled:
                tiled.writestr(f"{day:%Y%m%d}_bac_{kind}_Tick.csv", lines)
    return sum(file.stat().st_size for file in folder.iterdir())


def _first(path: Path, minutes: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0])
    if minutes >= MINUTES:
        return lines
    start, end = OPEN_MS - BEFORE_MS, OPEN_MS + minutes * 60_000
    kept = [line for line in lines.splitlines() if start <= int(line.partition(b",")[0]) < end]
    return b"\n".join(kept) + b"\n"


def desk_file(folder: Path, minutes: int) -> Path:
    """Write the shipped desk, closing after `minutes`."""
    text = (files("pipeline.desks") / "bac-intraday.toml").read_text(encoding="utf-8")
    hours, rest = divmod(OPEN_MS // 60_000 + minutes, 60)
    path = folder / "desk.toml"
    path.write_text(text.replace("close = 16:00:00", f"close = {clock(hours, rest).isoformat()}"))
    return path


def compute(folder: Path, name: str, days: int, workers: int, kill: bool = False) -> Pass:
    """Compute all days into an empty store; `kill` ends one worker when half of the days are there."""
    place = folder / name
    store = place / "store"
    with dask_processes(workers, place / "cluster") as cluster:
        environment = os.environ | {RUNNER: f"dask://{cluster.address}", STORE: store.as_uri()}
        line = ["features", str(folder / "desk.toml"), "--data", str(folder / "ticks"), "--home", str(place)]
        ended, seen = threading.Event(), {"memory": 0, "killed": 0}
        started = perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "pipeline.cli", *line], env=environment)
        watcher = threading.Thread(
            target=_watch, args=(cluster, store, days // 2 if kill else 0, ended, seen)
        )
        watcher.start()
        status = process.wait()
        seconds = perf_counter() - started
        ended.set()
        watcher.join()
        if status or (kill and not seen["killed"]):
            said = f"hedge features ended with status {status}, killed after {seen['killed']} days"
            raise RuntimeError(f"{said}; the cluster's logs:\n{cluster.complaints()}")
        return Pass(seconds, cluster.cpu_seconds(), seen["memory"], hashes_of(store), seen["killed"])


def _watch(
    cluster: DaskProcesses, store: Path, half: int, ended: threading.Event, seen: dict[str, int]
) -> None:
    while not ended.is_set():
        seen["memory"] = max(seen["memory"], cluster.largest())
        done = len(list(store.glob("decision_day-*/_made/*/*/*.json"))) if half and not seen["killed"] else 0
        if half and done >= half and not seen["killed"]:
            cluster.kill_one()
            seen["killed"] = done
        time.sleep(SAMPLED_EVERY)


def measure(days: int = DAYS, minutes: int = MINUTES) -> Iterator[Measurement]:
    """Compute on one worker, on two, and on two less one."""
    with TemporaryDirectory() as named:
        folder = Path(named)
        (folder / "ticks").mkdir()
        raw = tile(folder / "ticks", days, minutes)
        desk_file(folder, minutes)
        one = compute(folder, "one", days, 1)
        kept = sum(file.stat().st_size for file in (folder / "one" / "store").rglob("*.parquet"))
        what = {"instrument_days": days, "minutes": minutes, "workers": 1, "files": len(one.hashes)}
        yield Measurement("scale.cpu_seconds_a_day", "s", one.cpu / days, detail=what)
        sizes = {"raw_bytes_a_day": raw / days, "store_bytes_a_day": kept / days}
        yield Measurement("scale.worker_memory", "MiB", one.memory / MIB, detail=sizes)
        two = compute(folder, "two", days, 2)
        same = {"identical": two.hashes == one.hashes, "load": os.getloadavg()[0]}
        yield Measurement("scale.wall", "s", two.seconds, peer=one.seconds,
                          ratio=one.seconds / two.seconds, detail=what | same)  # fmt: skip
        less = compute(folder, "killed", days, 2, kill=True)
        found = {"killed_after_days": less.killed_after, "identical": less.hashes == one.hashes}
        yield Measurement("scale.wall_one_killed", "s", less.seconds, detail=what | found)
        if not (two.hashes == less.hashes == one.hashes):
            raise RuntimeError(
                "the partitions differ between one worker, two, and two of which one was killed"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    given = parser.parse_args()
    for found in measure(given.days, given.minutes):
        print(found, flush=True)
