"""Lean's daily option quotes: a zip with one file a contract, bid and ask as open, high, low, close and size.

`20150102 00:00,bid open,high,low,close,bid size,ask open,high,low,close,ask size` without a header; the
contract is in the member's name, `aapl_quote_american_call_1000000_20160115.csv`; prices in ten-thousandths.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import delimited
from pipeline.ingest.end_of_day import STALE_COPY, end_of_day
from pipeline.ingest.event_clock import EventClock
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.line_screen import LineScreen
from pipeline.ingest.market_tables import Batch
from pipeline.ingest.option_contract import OF_ROOT, PM, days
from pipeline.ingest.price_unit import OTHER_UNIT
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.repeats import Repeats

_BAR: Final = ("open", "high", "low", "close", "size")
COLUMNS: Final = ("day", *(f"{side}_{part}" for side in ("bid", "ask") for part in _BAR))
IN_MONEY: Final = 10_000.0
LARGEST_SPIKE: Final = 25.0
"""A mid this many times above, or below, those of the days before and after it is in another unit."""
_MEMBER: Final = re.compile(
    r"(?P<root>[a-z.]+)_quote_(?P<exercise>american|european)_(?P<right>call|put)"
    r"_(?P<strike>\d+)_(?P<expiry>\d{8})\.csv"
)
_NAME: Final = re.compile(r"_quote_(american|european)")
_LINE: Final = re.compile(rb"\d{8} \d\d:\d\d(,\d*){10}\r?(\n|$)")


def recognises(name: str, head: bytes) -> bool:
    """Tell whether a file is named as quotes of options, and is an archive or begins with a bar."""
    begun = head.startswith(b"PK") or _LINE.match(head) is not None
    return _NAME.search(name) is not None and begun


def read(file: RawStream, terms: Terms) -> Iterator[Batch]:
    """Yield `option_quotes` at each session's close: the last bid and ask, NaN on a side that has none.

    Every contract of the archive is read, or the member that is named. Held are locked and crossed quotes,
    puts bid above the strike, mids in another unit than those of the days beside them, bars whose high and
    low do not hold the others, days without a session, out of order or twice.

    Raises
    ------
    DataError
        A name says no contract; the file is missing or damaged.
    """
    members = [file.member] if file.member else list(file.members())
    for member in members or [file.name]:
        found = _MEMBER.fullmatch(member.rpartition("/")[2])
        if not found:
            raise DataError(
                f"{file.name}: {member} names no contract: it should be like "
                "aapl_quote_american_call_1000000_20160115.csv"
            )
        yield from _contract(RawStream(file.url, member) if members else file, found, terms)


def _contract(file: RawStream, named: re.Match[str], terms: Terms) -> Iterator[Batch]:
    expiry = days(pa.array([named["expiry"]]))[0]
    if np.isnat(expiry):
        raise DataError(f"{file.name}: {named['expiry']} is no date: mend the member's name")
    root = named["root"].upper()
    contract = {
        "underlying": terms.instrument or root,
        "root": root,
        "expiry": expiry.item(),
        "settlement": OF_ROOT.get(root, (PM, ""))[0],
        "exercise": named["exercise"],
        "right": 1 if named["right"] == "call" else -1,
        "strike": int(named["strike"]) / IN_MONEY,
    }
    unknown = ("volume", "open_interest", "underlying_price")
    figures = [f"vendor_{name}" for name in ("vol", "delta", "gamma", "theta", "vega")]
    clock, seen = EventClock(0), Repeats()
    for lines in delimited(file, COLUMNS):
        screen = LineScreen(lines)
        day = _days(screen)
        when = end_of_day(day, terms.known_lag_seconds)
        screen.refuse(~when.sound, STALE_COPY)
        bars = {side: _bar(screen, side, terms) for side in ("bid", "ask")}
        screen.refuse(bars["bid"][0] == bars["ask"][0], "locked quote")
        mid = 0.5 * (bars["bid"][0] + bars["ask"][0])
        if contract["right"] == -1:
            screen.refuse(bars["bid"][0] > contract["strike"], "bid above what the option can be worth")
            screen.refuse(mid > contract["strike"], "mid above what the option can be worth")
        screen.refuse(clock.astray(day.astype(np.int64), screen.sound), "day out of order")
        screen.refuse(seen.seen(day.astype(np.int64), screen.sound), "duplicate: its day has been")
        screen.refuse(_spikes(np.where(screen.sound, mid, np.nan)), OTHER_UNIT)
        columns = {
            **contract,
            **{f"{side}{part}": bars[side][k] for side in bars for k, part in enumerate(("", "_size"))},
            **dict.fromkeys((*unknown, *figures), np.nan),
            "event_time": when.event_time,
            "known_time": when.known_time,
        }
        yield from screen.batches("option_quotes", file.name, columns)


def _spikes(mid: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return [rows] whether a mid is far above both its neighbours in time or below them.

    A NaN is passed by. The first and the last may be a change that lasts, and are not judged.
    """
    rows = np.flatnonzero(mid > 0.0)
    own = mid[rows]
    before, after = np.r_[np.nan, own[:-1]], np.r_[own[1:], np.nan]
    high = own > LARGEST_SPIKE * np.maximum(before, after)
    low = LARGEST_SPIKE * own < np.minimum(before, after)
    found = np.zeros(len(mid), dtype=np.bool_)
    found[rows] = high | low
    return found


def _days(screen: LineScreen) -> NDArray[np.datetime64]:
    text = screen.text("day")
    midnight = pc.ends_with(text, " 00:00").to_numpy(zero_copy_only=False)
    screen.refuse(~midnight, "a time of day in a file of days")
    day = days(pc.utf8_slice_codeunits(text, 0, 8))
    screen.refuse(np.isnat(day), "not a date: day")
    return day


def _bar(screen: LineScreen, side: str, terms: Terms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = {part: screen.numbers(f"{side}_{part}", optional=True) for part in _BAR}
    for part in ("high", "low", "close"):
        screen.refuse(np.isnan(parts[part]) != np.isnan(parts["open"]), f"half a bar: {side}")
    for part in _BAR:
        screen.refuse(parts[part] < 0.0, f"negative {side}_{part}")
    for part in ("open", "close"):
        screen.refuse(parts["high"] < parts[part], f"high is not the highest: {side}")
        screen.refuse(parts["low"] > parts[part], f"low is not the lowest: {side}")
    close = parts["close"] / IN_MONEY if terms.price_scale is None else parts["close"] * terms.price_scale
    return close, parts["size"]
