"""Best quotes and trades in Tardis' csv format: `quotes.csv` and `trades.csv`, times in microseconds UTC."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import delimited, first_field, names_in
from pipeline.ingest.epoch import NOT_A_TIME, instants
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.known_times import AHEAD, KnownTimes, ahead
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import BUY, SELL, UNKNOWN_SIDE, Batch
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats

TIMES: Final = ("exchange", "symbol", "timestamp", "local_timestamp")
QUOTES: Final = (*TIMES, "ask_amount", "ask_price", "bid_price", "bid_amount")
TRADES: Final = (*TIMES, "id", "side", "price", "amount")
HEADERS: Final = (QUOTES, TRADES)
_NUMBERS: Final = {
    **dict.fromkeys(("timestamp", "local_timestamp"), pa.int64()),
    **dict.fromkeys(("ask_amount", "ask_price", "bid_price", "bid_amount", "price", "amount"), pa.float64()),
}
SIDES: Final = {"buy": BUY, "sell": SELL, "unknown": UNKNOWN_SIDE}


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file's first line names the columns of Tardis' quotes or trades."""
    return names_in(head) in HEADERS


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the instrument of the file: that of the terms, else of the first row."""
    return terms.instrument or first_field(file.head(), "symbol")


def venue(file: RawStream, terms: Terms) -> str:
    """Return the exchange of the first row."""
    return first_field(file.head(), "exchange")


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `quotes` or `trades` of one instrument, known when received, plus the lag of the terms.

    Where a row was received before it happened, by a clock that is behind the venue's, it is known at the
    venue's time. Held are rows of another instrument or exchange, crossed and locked quotes, trades whose id
    has been, times in another unit, clocks that go back and prices in another unit than those around them.

    Raises
    ------
    DataError
        The file holds several instruments and the terms name none; it is missing or damaged.
    """
    quotes = names_in(file.head()) == QUOTES
    tolerance = int(terms.clock_tolerance_seconds * 1e9)
    clocks, known = (EventClock(tolerance), EventClock(tolerance)), KnownTimes()
    units, ids = PriceUnit(), Repeats()
    instrument, exchange = terms.instrument, venue(file, terms)
    header = QUOTES if quotes else TRADES
    kinds = {name: _NUMBERS.get(name, pa.string()) for name in header}
    for lines in delimited(file, required=header, kinds=kinds):
        screen = LineScreen(lines)
        instrument = instrument or _only(screen, file.name)
        screen.refuse(other(screen, "symbol", instrument), f"another instrument than {instrument}")
        screen.refuse(other(screen, "exchange", exchange), f"another exchange than {exchange}")
        event, event_sound = instants(screen.whole("timestamp"), 1_000_000)
        received, received_sound = instants(screen.whole("local_timestamp"), 1_000_000)
        screen.refuse(~(event_sound & received_sound), NOT_A_TIME)
        screen.refuse(ahead(event, received), AHEAD)
        columns = _quotes(screen, units) if quotes else _trades(screen, units, ids)
        for clock, times in zip(clocks, (event, received), strict=True):
            screen.refuse(clock.astray(times.view(np.int64), screen.sound), "clock goes back")
        columns |= {
            "event_time": event,
            "known_time": known(event, received, screen.sound) + terms.known_lag,
            "venue": screen.text("exchange"),
        }
        yield from screen.batches("quotes" if quotes else "trades", file.name, columns)


def _only(screen: LineScreen, file: str) -> str:
    symbols = screen.text("symbol").unique().drop_null().to_pylist()
    if len(symbols) > 1:
        raise DataError(f"{file}: holds {' and '.join(symbols[:3])}: set instrument in its terms")
    return str(symbols[0]) if symbols else ""


def other(screen: LineScreen, column: str, wanted: str) -> NDArray[np.bool_]:
    """Return [rows] whether a row is of another instrument or exchange than the file."""
    found: NDArray[np.bool_] = pc.not_equal(screen.text(column), wanted).to_numpy(zero_copy_only=False)
    return found


def _quotes(screen: LineScreen, units: PriceUnit) -> dict[str, object]:
    sides = {}
    for side in ("bid", "ask"):
        price = screen.numbers(f"{side}_price", optional=True)
        screen.refuse(price <= 0.0, f"{side}_price not above zero")
        screen.refuse(units.strange(price), f"{side} in another unit than those around it")
        sides[f"{side}_price"], sides[f"{side}_size"] = price, screen.numbers(f"{side}_amount", optional=True)
    screen.refuse(sides["bid_price"] > sides["ask_price"], "crossed quote")
    screen.refuse(sides["bid_price"] == sides["ask_price"], "locked quote")
    return dict(sides)


def _trades(screen: LineScreen, units: PriceUnit, ids: Repeats) -> dict[str, object]:
    price = screen.numbers("price")
    screen.refuse(units.strange(price), OTHER_UNIT)
    number = screen.ids("id")
    screen.refuse(ids.seen(number, screen.sound & (number > 0)), "duplicate: its id has been")
    return {
        "price": price,
        "size": screen.numbers("amount"),
        "side": screen.codes("side", SIDES),
        "trade_id": number,
        "condition": "",
    }
