"""Files as venues ship them, from compressed bytes to canonical tables: messages or level changes a second.

The bz2 log of orders is timed beside unpacking it and nothing else, in the same rounds. Level changes in
Tardis' format are those of the Binance file, written down again, for no such file lies in the shared data.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from benchmarks.measurement import Measurement
from benchmarks.order_book import FILE, decoded
from benchmarks.shared_data import shared
from benchmarks.timing import clocked, interleaved
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import SNAPSHOT, WITHOUT_LEVEL
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.events import BookEvents

LOG = ("book", "bitstamp_btcusd", "2015-05-01.log.bz2")
ORDERS = ("book", "databento", "esh4-glbx-mdp3-20231225.mbo.dbn.zst")
ROUNDS = 5


def rows_of(path: Path, *tables: str) -> int:
    """Decode a file; return the rows of some of its tables."""
    found = read(RawStream(str(path)), Terms())
    return sum(part.rows.num_rows for part in found if part.table in tables)


def measure() -> Iterator[Measurement]:
    """Time each file."""
    yield log_of_orders()
    yield rate("binance_gz", shared(*FILE))
    yield rate("databento_zst", shared(*ORDERS))
    with TemporaryDirectory() as folder:
        for packing, ending in (("gzip", "gz"), ("zstd", "zst")):
            path = Path(folder) / f"incremental_book_L2.csv.{ending}"
            write_tardis(decoded(), path, packing)
            yield rate(f"tardis_{ending}", path)


def log_of_orders() -> Measurement:
    """Messages a second of the bz2 log; the peer is the unpacking alone."""
    file = RawStream(str(shared(*LOG)))
    messages = sum(block.count(b"\n") for block in file.blocks())
    rivals = {
        "ours": clocked(lambda: rows_of(shared(*LOG), "book_events")),
        "peer": clocked(lambda: sum(len(block) for block in file.blocks())),
    }
    timings = interleaved(rivals, ROUNDS)
    ours, peer = (messages / timings[who].best / 1e6 for who in ("ours", "peer"))
    detail = {"messages": messages}
    return Measurement(
        "decoding.bitstamp_bz2", "M messages/s", ours, peer, ours / peer, timings=timings, detail=detail
    )


def rate(name: str, path: Path) -> Measurement:
    """Book events a second of one file, all its other tables decoded too."""
    timing = interleaved({"ours": clocked(lambda: rows_of(path, "book_events"))}, ROUNDS)["ours"]
    events = rows_of(path, "book_events")
    figure, detail = events / timing.best / 1e6, {"events": events}
    return Measurement(
        f"decoding.{name}", "M level changes/s", figure, timings={"ours": timing}, detail=detail
    )


def write_tardis(events: BookEvents, path: Path, packing: str) -> None:
    """Write level changes as Tardis' incremental_book_L2; what is of no level has no row there."""
    told = np.isin(events.kind, WITHOUT_LEVEL, invert=True)
    count = int(told.sum())
    table = pa.table(
        {
            "exchange": ["binance-futures"] * count,
            "symbol": ["BTCUSDT"] * count,
            "timestamp": events.event_time[told] // 1000,
            "local_timestamp": events.known_time[told] // 1000,
            "is_snapshot": np.where(events.flags[told] & SNAPSHOT, "true", "false"),
            "side": np.where(events.side[told] == 1, "bid", "ask"),
            "price": events.price[told],
            "amount": events.size[told],
        }
    )
    with pa.CompressedOutputStream(str(path), packing) as out:
        out.write((",".join(table.column_names) + "\n").encode())
        pv.write_csv(table, out, pv.WriteOptions(include_header=False, quoting_style="none"))
