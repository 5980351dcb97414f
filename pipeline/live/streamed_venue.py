"""Venues that stream their market: what to connect to, what to ask for, and how what comes is read."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit, urlunsplit

from pipeline.domain.data_folder import located
from pipeline.domain.errors import SettingsError
from pipeline.domain.stream_terms import Terms
from pipeline.ingest.formats import binance_stream, deribit_stream
from pipeline.ingest.market_tables import Batch

SNAPSHOTS: Final = {
    "stream.binance.com": "https://api.binance.com/api/v3/depth?symbol={}&limit=5000",
    "data-stream.binance.vision": "https://data-api.binance.vision/api/v3/depth?symbol={}&limit=5000",
    "fstream.binance.com": "https://fapi.binance.com/fapi/v1/depth?symbol={}&limit=1000",
}
"""Where a venue's book is asked for, by the host of its streams."""
TABLES: Final = {"trade": "trades", "aggTrade": "trades", "bookTicker": "quotes", "depth": "book_events"}
"""Tables by the kind of a Binance stream."""
CHANNELS: Final = {"book": "book_events", "trades": "trades", "quote": "quotes"}
"""Tables by the kind of a Deribit channel."""
AHEAD: Final = 5_000_000_000
"""Nanoseconds by which a venue's clock may be ahead of the desk's: what it says waits for so long."""


class StreamReader(Protocol):
    """A reader of `pipeline.ingest.formats` in the middle of its lines."""

    def take(self, first: int, text: bytes) -> Iterator[Batch]:
        """Yield the canonical rows of whole lines, the number of the first of which is told."""
        ...


@dataclass(frozen=True)
class StreamedVenue:
    """One instrument of one venue.

    Attributes
    ----------
    url : to connect to.
    symbol : the venue's name of the instrument.
    tables : what is made of its messages.
    reader : returns a reader for a file of this name.
    sends : what is sent after connecting.
    snapshot : where the book is asked for; empty where it comes in the stream, after connecting.
    venue : its name, as recordings of it state it.
    """

    url: str
    symbol: str
    tables: frozenset[str]
    reader: Callable[[str], StreamReader]
    sends: tuple[str, ...] = ()
    snapshot: str = ""
    venue: str = ""

    @property
    def named(self) -> str:
        """The instrument, and the host that tells of it."""
        return f"{self.symbol} at {urlsplit(self.url).hostname}"


def streamed_venue(url: str, snapshot: str = "", option: str = "--feed") -> StreamedVenue:
    """Return the venue of a URL.

    Parameters
    ----------
    url : Binance's combined streams, `wss://…/stream?streams=btcusdt@depth@100ms/btcusdt@trade`; or Deribit's
        with the channels to subscribe to, `wss://…/ws/api/v2?channels=book.BTC_USDC.100ms/trades.BTC_USDC.100ms`.
    snapshot : where Binance's book is asked for; empty takes what is known of the host.
    option : by which the URL was given.

    Raises
    ------
    SettingsError
        It is none, names several instruments or no book, or it is not known where to ask for that.

    Examples
    --------
    >>> venue = streamed_venue("wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms/btcusdt@trade")
    >>> venue.symbol, sorted(venue.tables), venue.snapshot
    ('BTCUSDT', ['book_events', 'trades'], 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000')
    """
    for each in (url, snapshot):
        located(each or None)
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    told = f"{option} {url}"
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise SettingsError(f"{told}: give ws://… or wss://…; a stored day is --feed replay:DAY")
    if "streams" in asked:
        return _binance(told, url, asked["streams"][0], snapshot)
    if "channels" in asked:
        return _deribit(told, url, asked["channels"][0].split("/"))
    raise SettingsError(f"{told}: name the streams: …/stream?streams=btcusdt@depth@100ms/btcusdt@trade")


def _binance(told: str, url: str, streams: str, snapshot: str) -> StreamedVenue:
    named = [each.split("@") for each in streams.split("/")]
    symbol = _one({symbol.upper() for symbol, *_ in named}, told)
    kinds = {kind for _, kind, *_ in ([*each, ""] for each in named)}
    if unknown := sorted(kinds - set(TABLES)):
        raise SettingsError(f"{told}: streams of kind {', '.join(unknown)}: take {', '.join(TABLES)}")
    host = urlsplit(url).hostname or ""
    if "depth" in kinds and not (snapshot or host in SNAPSHOTS):
        asked = "--other-snapshot" if told.startswith("--other") else "--snapshot"
        raise SettingsError(f"{told}: where is the book of {host} asked for? Give {asked} URL")
    at = snapshot or SNAPSHOTS.get(host, "").format(symbol)
    futures = host.startswith("fstream") or "/fapi/" in at
    name = binance_stream.FUTURES if futures else binance_stream.SPOT
    tables = frozenset(TABLES[kind] for kind in kinds)
    return StreamedVenue(
        url,
        symbol,
        tables,
        lambda file: binance_stream.Stream(file, Terms(instrument=symbol), name, AHEAD),
        snapshot=at,
        venue=name,
    )


def _deribit(told: str, url: str, channels: list[str]) -> StreamedVenue:
    named = [each.split(".") for each in channels]
    symbol = _one({each[1] if len(each) > 1 else "" for each in named}, told)
    if unknown := sorted({kind for kind, *_ in named} - set(CHANNELS)):
        raise SettingsError(f"{told}: channels {', '.join(unknown)}: take {', '.join(CHANNELS)}")
    asked = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": channels}}
    terms = Terms(instrument=symbol)
    return StreamedVenue(
        urlunsplit(urlsplit(url)._replace(query="")),
        symbol,
        frozenset(CHANNELS[kind] for kind, *_ in named),
        lambda file: deribit_stream.Stream(file, terms, AHEAD),
        sends=(json.dumps(asked),),
        venue=deribit_stream.VENUE,
    )


def _one(symbols: set[str], told: str) -> str:
    if len(symbols) != 1:
        raise SettingsError(f"{told}: of {', '.join(sorted(symbols))}: name streams of one instrument")
    return symbols.pop()
