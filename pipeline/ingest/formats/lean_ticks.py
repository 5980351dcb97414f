"""Lean's equity ticks: one zip a day of trades or of quotes, one side of one venue a row.

Quotes `ms,bid,size,ask,size,venue,condition,suspicious` and trades `ms,price,size,venue,condition,suspicious`
without a header; times since midnight in New York, prices in ten-thousandths.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import delimited
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import UNKNOWN_SIDE, Batch
from pipeline.ingest.price_unit import OTHER_UNIT, PriceUnit
from pipeline.ingest.raw_stream import RawStream

QUOTES: Final = ("ms", "bid", "bid_size", "ask", "ask_size", "venue", "condition", "suspicious")
TRADES: Final = ("ms", "price", "size", "venue", "condition", "suspicious")
_TEXTS: Final = ("venue", "condition")
ZONE: Final = "America/New_York"
IN_MONEY: Final = 10_000
_NAMED: Final = re.compile(r"(?P<day>\d{8})_(?:(?P<symbol>[\w.]+)_)?(?P<kind>quote|trade)", re.IGNORECASE)
_QUOTE_LINE: Final = re.compile(rb"\d+(,\d+){4},\w*,\w*,[01]\r?\n")
_TRADE_LINE: Final = re.compile(rb"\d+(,\d+){2},\w*,\w*,[01]\r?\n")
_DAY_MS: Final = 86_400_000


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file is named by a day and `quote` or `trade` and begins with a row of it."""
    named = _NAMED.search(name)
    line = {"quote": _QUOTE_LINE, "trade": _TRADE_LINE}.get(named["kind"].lower()) if named else None
    return line is not None and line.match(head) is not None


def symbol(file: RawStream, terms: Terms) -> str:
    """Return the ticker in the name of the file in the archive, or of one that is in none."""
    inside = file.members()
    named = _NAMED.search(inside[0] if inside else file.name)
    return (named["symbol"] or "").upper() if named else ""


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `quotes`, NaN on the side that a row does not tell, or `trades` whose side is not known.

    Held are rows marked suspicious, prices that are not whole ten-thousandths or in another unit than those
    around them, times outside the day and times that go back.

    Raises
    ------
    DataError
        The day is neither in the terms nor in the file's name; the file is missing or damaged.
    """
    kind, day = _named(file, terms)
    midnight = _midnight(day, terms.time_zone or ZONE)
    clock = EventClock(int(terms.clock_tolerance_seconds * 1e9))
    units = PriceUnit()
    names = QUOTES if kind == "quote" else TRADES
    kinds = {name: pa.string() if name in _TEXTS else pa.int64() for name in names}
    for lines in delimited(file, names, kinds=kinds):
        screen = LineScreen(lines)
        since = screen.whole("ms")
        screen.refuse((since < 0) | (since >= _DAY_MS), "time outside the day")
        times = midnight + since * 1_000_000
        screen.refuse(screen.whole("suspicious") != 0, "marked suspicious by the vendor")
        columns = (_quote if kind == "quote" else _trade)(screen, units, terms)
        screen.refuse(clock.astray(times, screen.sound), "clock goes back")
        event = times.view("datetime64[ns]")
        known = event + terms.known_lag
        table = "quotes" if kind == "quote" else "trades"
        yield from screen.batches(table, file.name, {**columns, "event_time": event, "known_time": known})


def _quote(screen: LineScreen, units: PriceUnit, terms: Terms) -> dict[str, object]:
    sides = {}
    for side in ("bid", "ask"):
        price = _money(screen.whole(side), terms)
        size = screen.whole(f"{side}_size").astype(np.float64)
        screen.refuse(price < 0.0, f"negative {side}_price")
        screen.refuse((price == 0.0) & (size != 0.0), f"{side} of no price with a size")
        screen.refuse(units.strange(price), f"{side} in another unit than those around it")
        told = price > 0.0
        sides[f"{side}_price"] = np.where(told, price, np.nan)
        sides[f"{side}_size"] = np.where(told, size, np.nan)
    neither = np.isnan(sides["bid_price"]) & np.isnan(sides["ask_price"])
    screen.refuse(neither, "neither bid nor ask")
    return {**sides, "venue": screen.text("venue", optional=True)}


def _trade(screen: LineScreen, units: PriceUnit, terms: Terms) -> dict[str, object]:
    price = _money(screen.whole("price"), terms)
    screen.refuse(units.strange(price), OTHER_UNIT)
    return {
        "price": price,
        "size": screen.whole("size").astype(np.float64),
        "side": UNKNOWN_SIDE,
        "trade_id": 0,
        "venue": screen.text("venue", optional=True),
        "condition": screen.text("condition", optional=True),
    }


def _money(written: NDArray[np.int64], terms: Terms) -> NDArray[np.float64]:
    """Divide by the whole scale, so that 139000 is the number nearest to 13.9."""
    if terms.price_scale is None:
        return written.astype(np.float64) / np.float64(IN_MONEY)
    return written.astype(np.float64) * terms.price_scale


def _named(file: RawStream, terms: Terms) -> tuple[str, date]:
    members = file.members()
    inside = members[0] if len(members) == 1 else ""
    found = [match for name in (file.name, inside) if (match := _NAMED.search(name))]
    if not found:
        raise DataError(f"{file.name}: quotes or trades? Name it like 20131007_quote.zip")
    kinds, days = ({match[name].lower() for match in found} for name in ("kind", "day"))
    told = terms.day or _date(found[0]["day"], file)
    if len(kinds) > 1 or (len(days) > 1 and terms.day is None):
        raise DataError(f"{file.name}: holds {inside}: name both alike, by one day and quotes or trades")
    return kinds.pop(), told


def _date(written: str, file: RawStream) -> date:
    try:
        return datetime.strptime(written, "%Y%m%d").date()
    except ValueError:
        raise DataError(f"{file.name}: {written} is no date: set day in its terms") from None


def _midnight(day: date, zone: str) -> int:
    """Return the nanoseconds from 1970 to a day's midnight by the clock that its afternoon goes by."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    return (int(noon.timestamp()) - 43_200) * 1_000_000_000
