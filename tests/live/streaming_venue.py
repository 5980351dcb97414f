"""A made venue that streams on loopback in Binance's format, and can be told to misbehave."""

import json
import random
import time
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import orjson
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

SYMBOL = "XY"
STREAMS = "xy@depth@100ms/xy@trade"


class MadeMarket:
    """A book of levels that changes message by message, and the messages that tell of it."""

    def __init__(self, seed=1, depth=30):
        self.dice, self.id, self.trades = random.Random(seed), 1000, 0
        self.mid = 10_000
        self.sides = {side: {self.mid - side * k: self.size() for k in range(1, depth)} for side in (1, -1)}

    def size(self):
        return self.dice.randrange(1, 500) / 100

    def update(self, ahead=0):
        """Change a few levels; return the message."""
        first, changed = self.id + 1, {1: {}, -1: {}}
        for _ in range(self.dice.randrange(1, 5)):
            side = self.dice.choice((1, -1))
            price = self.mid - side * self.dice.randrange(1, 30)
            size = 0.0 if self.dice.random() < 0.3 else self.size()
            self.id += 1
            changed[side][price] = size
            if size:
                self.sides[side][price] = size
            else:
                self.sides[side].pop(price, None)
        told = {"e": "depthUpdate", "E": now_ms() + ahead, "s": SYMBOL, "U": first, "u": self.id}
        levels = {key: pairs(changed[side]) for key, side in (("b", 1), ("a", -1))}
        return wrapped("xy@depth@100ms", told | levels)

    def trade(self):
        self.trades += 1
        told = {"e": "trade", "E": now_ms(), "s": SYMBOL, "t": self.trades, "p": f"{self.mid / 100:.2f}",
                "q": "0.5", "T": now_ms(), "m": True, "M": True}  # fmt: skip
        return wrapped("xy@trade", told)

    def messages(self, count):
        return [self.trade() if self.dice.random() < 0.2 else self.update() for _ in range(count)]

    def some(self, count):
        """Return what makes messages when they are sent."""
        return lambda: self.messages(count)

    def snapshot(self):
        levels = {"bids": pairs(self.sides[1]), "asks": pairs(self.sides[-1])}
        return orjson.dumps({"lastUpdateId": self.id} | levels)

    def book(self):
        """Return bids and asks, the best first: what a desk should see."""
        return [
            [(price / 100, size) for price, size in sorted(self.sides[side].items(), reverse=side == 1)]
            for side in (1, -1)
        ]


class ChangingMarket(MadeMarket):
    """The same in Deribit's format: the book comes whole in the stream, changes name the one before."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.before = self.id

    def update(self):
        said = json.loads(super().update())["data"]
        data = {"type": "change", "timestamp": said["E"], "change_id": self.id, "prev_change_id": self.before,
                "instrument_name": SYMBOL}  # fmt: skip
        self.before = self.id
        sides = {"bids": said["b"], "asks": said["a"]}
        levels = {
            side: [["change" if float(size) else "delete", float(price), float(size)] for price, size in told]
            for side, told in sides.items()
        }
        return notified("book", data | levels)

    def trade(self):
        self.trades += 1
        said = {"trade_seq": self.trades, "timestamp": now_ms(), "price": self.mid / 100, "amount": 0.5,
                "direction": "buy", "instrument_name": SYMBOL}  # fmt: skip
        return notified("trades", [said])

    def snapshot(self):
        levels = {
            side: [["new", float(price), float(size)] for price, size in pairs(self.sides[sign])]
            for side, sign in (("bids", 1), ("asks", -1))
        }
        data = {"type": "snapshot", "timestamp": now_ms(), "change_id": self.id, "instrument_name": SYMBOL}
        return notified("book", data | levels)


def notified(channel, data):
    said = {"channel": f"{channel}.{SYMBOL}.100ms", "data": data}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": said})


def pairs(levels):
    return [[f"{price / 100:.2f}", f"{size:.2f}"] for price, size in levels.items()]


def wrapped(stream, said):
    return orjson.dumps({"stream": stream, "data": said}).decode()


def now_ms():
    return time.time_ns() // 1_000_000


class StreamingVenue:
    """Serves connections one after the other, each by a script: a coroutine that is given its socket.

    Attributes
    ----------
    snapshot : gives the answer where the book is asked for.
    connected, asked : how often each was.
    told : whether all scripts are over; the last line then stays up and says nothing.
    """

    def __init__(self, snapshot, *scripts):
        self.snapshot, self.scripts = snapshot, list(scripts)
        self.connected = self.asked = 0
        self.told = False

    @asynccontextmanager
    async def open(self):
        async with serve(
            self.serve, "127.0.0.1", 0, process_request=self.answer, compression=None, close_timeout=1.0
        ) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/stream?streams={STREAMS}"
            self.book_url = f"http://127.0.0.1:{port}/api/v3/depth"
            self.channels_url = (
                f"ws://127.0.0.1:{port}/ws/api/v2?channels=book.{SYMBOL}.100ms/trades.{SYMBOL}.100ms"
            )
            yield self

    def answer(self, connection, request):
        if not request.path.startswith("/api"):
            return None
        self.asked += 1
        body = self.snapshot()
        if isinstance(body, HTTPStatus):
            return connection.respond(body, "no")
        return connection.respond(HTTPStatus.OK, body.decode())

    async def serve(self, socket):
        self.connected += 1
        with suppress(ConnectionClosed):
            if self.scripts:
                await self.scripts.pop(0)(socket)
            if not self.scripts:
                self.told = True
                await socket.wait_closed()
