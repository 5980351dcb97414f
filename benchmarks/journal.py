"""What it takes to write an intent down before it is sent, and to fold in what is ahead of the database.

One order an intent: a line of the log ahead of SQLite, which survives the death of the process, or, with
`full`, the loss of power. A checkpoint is made every 1 000 intents, timed apart. Beside it the same row by
plain sqlite3 into a table without keys or triggers, in WAL mode with synchronous=NORMAL: what the database
itself takes. Processor time is told too, for a busy machine stretches the rest.

`python -m benchmarks.run journal`; half a minute.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns, process_time

import numpy as np

from benchmarks.measurement import Measurement
from pipeline.domain.orders import Order
from pipeline.live.journal import Journal

BATCHES, BATCH = 20, 1000
QUANTILES = (50.0, 99.0, 99.9)


def timed(write: Callable[[int], None], fold: Callable[[], object]) -> dict[str, float]:
    """Return µs an intent at each quantile, of the processor at best, and ms a checkpoint."""
    took, processor, folding = np.empty((BATCHES, BATCH)), [], []
    for batch in range(BATCHES):
        began = process_time()
        for number in range(BATCH):
            started = perf_counter_ns()
            write(batch * BATCH + number)
            took[batch, number] = perf_counter_ns() - started
        processor.append((process_time() - began) / BATCH)
        started = perf_counter_ns()
        fold()
        folding.append(perf_counter_ns() - started)
    at = np.percentile(took / 1e3, QUANTILES)
    named = {f"p{quantile:g}": float(each) for quantile, each in zip(QUANTILES, at, strict=True)}
    return {**named, "processor": 1e6 * min(processor), "checkpoint_ms": float(np.median(folding) / 1e6)}


def of_journal(folder: Path, full: bool) -> dict[str, float]:
    with Journal(folder / f"journal-{full}", "benchmark", now=0, full=full) as journal:
        return timed(
            lambda n: journal.intend(Order(f"o-{n:08d}", "BTC", 0.25, 100.0, decided=n)), journal.checkpoint
        )


def of_sqlite(folder: Path) -> dict[str, float]:
    connection = sqlite3.connect(folder / "plain", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE intents (a, b, c, d, e, f)")

    def write(number: int) -> None:
        row = (f"o-{number:08d}", "BTC", 0.25, 100.0, number, "")
        connection.execute("INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?)", row)

    found = timed(write, lambda: connection.execute("PRAGMA wal_checkpoint(PASSIVE)"))
    connection.close()
    return found


def measure() -> Iterator[Measurement]:
    """Time both modes and the plain table."""
    with tempfile.TemporaryDirectory(prefix="journal-") as place:
        folder = Path(place)
        plain = of_sqlite(folder)
        found = {"normal": of_journal(folder, full=False), "full": of_journal(folder, full=True)}
    for name, each in {"plain sqlite3": plain, **found}.items():
        print(f"{name}: " + ", ".join(f"{what} {value:.1f}" for what, value in each.items()))
    for name, each in found.items():
        for quantile in QUANTILES:
            what = f"p{quantile:g}"
            detail = {"processor": each["processor"], "checkpoint_ms": each["checkpoint_ms"]}
            yield Measurement(f"journal.{name}_{what}", "µs", each[what], plain[what], detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
