"""A broker behind the acceptor: fills market orders at once, lets limits rest, tells orders and positions."""

import asyncio
import contextlib

from tests.live.fix.acceptor import Acceptor


class Broker(Acceptor):
    """Answers application messages on a local socket; `deaf` lines lose what they are told."""

    def __init__(self):
        super().__init__()
        self.orders, self.held, self.fills, self.lines, self.symbol = {}, 0.0, 0, [], "BTC"

    async def serve(self):
        self.server = await asyncio.start_server(self._line, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def close(self):
        self.server.close()
        await self.server.wait_closed()
        await asyncio.gather(*self.lines)

    async def _line(self, reader, writer):
        self.lines.append(asyncio.current_task())
        self.newest, done = writer, len(self.got)
        with contextlib.suppress(OSError):
            while (content := await reader.read(1000)) and self.newest is writer:  # a session has one line
                self.hear(content)
                for message in self.got[done:]:
                    self.answer(message)
                done = len(self.got)
                for each in self.waiting:
                    if not writer.is_closing():  # a desk that was killed hears nothing
                        writer.write(each)
                self.waiting = []
            writer.close()
            await writer.wait_closed()

    def executed(self, kind, standing, order, *further):
        self.fills += 1
        of_order = [(tag, order[tag]) for tag in (11, 55, 54, 38)]
        numbers = [(37, "b"), (17, f"e{self.fills}"), (14, order.get(14, "0")), (151, order[38]), (6, "0")]
        self.say("8", *numbers, (150, kind), (39, standing), *of_order, *further)

    def answer(self, message):
        kind = message[35]
        if kind == "D" and message[40] == "2":
            self.orders[message[11]] = message
            self.executed("0", "0", message)
        elif kind == "D" and message[55] == "REFUSED":
            self.say("3", (45, message[34]), (58, "malformed"))
        elif kind == "D" and message[55] == "NONE":
            self.executed("8", "8", message, (58, "unknown symbol"))
        elif kind == "D":
            units = float(message[38])
            self.held += units if message[54] == "1" else -units
            self.symbol = message[55]
            self.executed("F", "2", message, (32, message[38]), (31, "100.5"), (12, "0.25"), (13, "3"))
        elif kind == "G" and message[41] in self.orders:
            order = {**message, 14: self.orders.pop(message[41]).get(14, "0")}
            self.orders[message[11]] = order
            self.executed("5", "0", order, (41, message[41]))
        elif kind == "G":
            told = [(11, message[11]), (41, message[41]), (39, "8"), (434, "2")]
            self.say("9", *told, (58, "too late to replace"))
        elif kind == "F" and message[41] in self.orders:
            order = self.orders.pop(message[41])
            self.executed("4", "4", {**order, 11: message[11]}, (41, message[41]))
        elif kind == "F":
            self.say("9", (11, message[11]), (41, message[41]), (39, "8"), (58, "too late"))
        elif kind == "AF":
            total = (584, message[584]), (911, str(len(self.orders)))
            for order in self.orders.values():
                self.executed("I", "0", order, *total)
            if not self.orders:
                self.executed("I", "8", {11: "none", 55: "none", 54: "1", 38: "0"}, *total)
        elif kind == "AN":
            count = str(int(self.held != 0.0))
            self.say("AO", (710, message[710]), (727, count), (728, "0"))
            if self.held:
                long, short = max(self.held, 0.0), max(-self.held, 0.0)
                self.say("AP", (710, message[710]), (727, count), (55, self.symbol), (702, "1"), (703, "TOT"),
                         (704, str(long)), (705, str(short)))  # fmt: skip
