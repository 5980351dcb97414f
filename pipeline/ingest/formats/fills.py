"""A desk's own fills with what they cost, as csv, JSON lines, Parquet or a database's table."""

from collections.abc import Iterator
from typing import Final

from pipeline.ingest.formats.record_rows import TIME, has_all, screens
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import BUY, SELL, Batch
from pipeline.ingest.raw_stream import RawStream

NAMES: Final = {
    "time": TIME,
    "instrument": ("instrument", "symbol"),
    "side": ("side",),
    "size": ("size", "quantity", "qty"),
    "price": ("price",),
    "fee": ("fee", "commission", "cost"),
    "venue": ("venue", "exchange"),
    "order_id": ("order_id", "order"),
    "fill_id": ("fill_id", "trade_id", "execution_id", "exec_id", "id"),
    "mid": ("mid", "mid_price"),
}
SIDES: Final = {"buy": BUY, "b": BUY, "bot": BUY, "1": BUY, "sell": SELL, "s": SELL, "sld": SELL, "-1": SELL}
NEEDED: Final = ("time", "instrument", "side", "size", "price", "fee")
HEADERS: Final = (NEEDED,)


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line has time, instrument, side, size, price and fee."""
    return has_all(head, NAMES, NEEDED)


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `fills`: size without a sign, `fee` as paid (a rebate below zero), `mid` NaN where not told.

    Held are instruments that the terms do not name (where they name any), sides, sizes, prices and fees that
    cannot be read, times in the future, and times without an offset where the terms name no zone.

    Raises
    ------
    DataError
        A column is missing; the file is missing or damaged, or the database does not answer.
    """
    for screen, times in screens(file, terms, NAMES, ("venue", "order_id", "fill_id", "mid")):
        mid = screen.numbers("mid", optional=True)
        screen.refuse(mid <= 0.0, "mid not above zero")
        row = {
            **times,
            "instrument": screen.names("instrument", terms.instruments),
            "side": screen.codes("side", SIDES),
            "size": screen.numbers("size"),
            "price": screen.numbers("price"),
            "fee": screen.numbers("fee"),
            "venue": screen.texts("venue", optional=True),
            "order_id": screen.texts("order_id", optional=True),
            "fill_id": screen.texts("fill_id", optional=True),
            "mid": mid,
        }
        yield from screen.batches("fills", file.name, row)
