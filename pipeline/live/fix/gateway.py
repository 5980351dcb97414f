"""A gateway to a broker's FIX 4.4 acceptor, in the event loop of the desk."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pipeline.domain.errors import GatewayError, HedgeError
from pipeline.domain.orders import NEVER_ARRIVED, Order, Report, Standing
from pipeline.live.fix import messages as fix
from pipeline.live.fix.session import Action, Deliver, Disconnect, NeverArrived, Send, Session, State
from pipeline.live.fix.wire import Framer, Message
from pipeline.live.gateway import Hear, Resting
from pipeline.live.private_words import PrivateWords

CHUNK: Final = 1 << 16
log = logging.getLogger(__name__)
TICK: Final = 0.25
"""Seconds between looks at the clock."""


class FixGateway:
    """One session with one broker, as `gateway.Gateway`.

    Reports that were missed come again through the session's numbers when it logs on, before any answer to
    what is asked afterwards; so `fills` has nothing to add. A line that breaks stays down until the gateway
    is started again: whoever starts it recovers.

    Parameters
    ----------
    host, port : of the acceptor; TLS and the broker's certificates are a tunnel's (stunnel).
    session : the state machine.
    now : ns since 1970 UTC.
    account : 1 of orders and requests; empty for none. It reaches no log, report or audit.
    symbols : 55 of the desk's instruments, where the broker calls them otherwise.
    rehearsal : fills are play, and say so.
    fee_so_far : whether commissions are of all fills of an order, see `messages.report_of`.
    patience : seconds to wait for a logon and for an answer.

    Attributes
    ----------
    broken : why the line ended; empty while it stands. The desk looks at it: nothing else says so.
    """

    def __init__(
        self,
        host: str,
        port: int,
        session: Session,
        now: Callable[[], int],
        *,
        account: str = "",
        symbols: Mapping[str, str] | None = None,
        rehearsal: bool = False,
        fee_so_far: bool = False,
        patience: float = 10.0,
    ) -> None:
        self.broken = "not started"
        self._symbols, self._rehearsal = dict(symbols or {}), rehearsal
        self._fee_so_far = fee_so_far
        self._instruments = {symbol: name for name, symbol in self._symbols.items()}
        self._place, self._session, self._now = (host, port), session, now
        self._account, self._patience = account, patience
        self._private = PrivateWords((account, *session.private))
        self._name = f"FIX {session.sender} to {session.target}"
        self._handed = set[str]()
        self._told: dict[str, asyncio.Queue[Message]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._hear: Hear | None = None
        self._asked = 0

    async def start(self, hear: Hear) -> None:
        """Connect and log on."""
        self._hear, self.broken = hear, ""
        try:
            reader, self._writer = await asyncio.wait_for(
                asyncio.open_connection(*self._place), self._patience
            )
        except (OSError, TimeoutError) as error:
            self.broken = f"cannot connect to {self._place[0]}:{self._place[1]} ({error})"
            raise GatewayError(f"{self._name}: {self.broken}") from None
        self._do(self._session.connected(self._now()))
        work = self._read(reader), self._tick()
        self._tasks = [asyncio.create_task(self._whole(each)) for each in work]
        await self._until(lambda: self._session.state is State.ACTIVE, "a logon")

    async def stop(self) -> None:
        """Log out and disconnect."""
        if self._session.state is State.ACTIVE:
            self._do(self._session.logout(self._now()))
            with contextlib.suppress(GatewayError):
                await self._until(lambda: self._session.state is State.CLOSED, "a logout")
        await self.hang_up()

    async def hang_up(self) -> None:
        """Disconnect without a word, as a death would."""
        self._end("hung up")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def submit(self, order: Order) -> None:
        """Send an order; the numbers of the session make sure that it arrives once or never."""
        if order.order_id not in self._handed:
            self._handed.add(order.order_id)
            self._send(fix.NEW_ORDER, fix.new_order(self._named(order), self._account), order.order_id)

    def replace(self, order: Order) -> None:
        """Send an order that takes another one's place."""
        if order.order_id not in self._handed:
            self._handed.add(order.order_id)
            self._send(fix.REPLACE, fix.replacement(self._named(order), self._account), order.order_id)

    def cancel(self, order: Order, at: int) -> None:
        """Ask for a cancellation, also of an order that an earlier process sent."""
        self._send(fix.CANCEL, fix.cancellation(self._named(order), at))

    async def open_orders(self) -> Sequence[Resting]:
        """Return the orders that the broker holds open."""
        request = self._request()
        self._send(fix.STATUS, fix.status_request(request))
        found = []
        async for message in self._answers(request, total=911):
            if message[39] in "016AE59":
                resting = fix.resting_of(message)
                found.append(replace(resting, instrument=self._instrument(resting.instrument)))
                self._handed.add(resting.order_id)
        return found

    async def positions(self) -> Mapping[str, float]:
        """Return what the broker says the account holds."""
        request = self._request()
        self._send(fix.POSITIONS, fix.positions_request(request, self._account, self._now()))
        told = [fix.position_of(message) async for message in self._answers(request, total=727)]
        return {self._instrument(symbol): units for symbol, units in told}

    async def fills(self, since: int) -> Sequence[Report]:
        """Return nothing: what was missed has been heard through the session."""
        return []

    def _named(self, order: Order) -> Order:
        """Return an order as the broker calls what is traded."""
        return order.changed(instrument=self._symbols.get(order.instrument, order.instrument))

    def _instrument(self, symbol: str) -> str:
        return self._instruments.get(symbol, symbol)

    def _request(self) -> str:
        self._asked += 1
        request = f"r{self._now()}-{self._asked}"
        self._told[request] = asyncio.Queue()
        return request

    async def _answers(self, request: str, total: int) -> AsyncIterator[Message]:
        """Yield the answers to a request, as many as the broker says there are under a tag."""
        queue, count, expected = self._told[request], 0, -1
        try:
            while count != expected:
                message = await asyncio.wait_for(queue.get(), self._patience)
                expected = int(message.get(total, expected))
                if message[35] == fix.POSITION or (message[35] == fix.EXECUTION and message[39] != "8"):
                    count += 1
                    yield message
                if message.get(912) == "Y":
                    break
        except TimeoutError:
            raise GatewayError(
                f"{self._name}: no answer to {request}: {self.broken or 'the line stands'}"
            ) from None
        except (KeyError, ValueError) as error:
            raise GatewayError(f"{self._name}: an answer that cannot be read: {error}") from None
        finally:
            del self._told[request]

    async def _until(self, done: Callable[[], bool], what: str) -> None:
        for _ in range(int(self._patience / 0.01)):
            if done():
                return
            if self.broken:
                break
            await asyncio.sleep(0.01)
        raise GatewayError(f"{self._name}: no answer to {what}: {self.broken or 'in time'}")

    async def _whole(self, work: Coroutine[None, None, None]) -> None:
        """Do the work of the line; whatever goes wrong in it ends the line."""
        try:
            await work
        except OSError as error:
            self._end(f"the line broke ({error})")
        except HedgeError as error:
            self._end(str(error))
        except Exception as error:
            log.exception("%s: a fault", self._name)
            self._end(f"a fault: {type(error).__name__}: {error}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        while not self.broken and (content := await reader.read(CHUNK)):
            for message in framer.feed(content):
                self._do(self._session.received(self._shown(message), self._now()))
        self._end("the other side closed the line")

    def _shown(self, message: Message) -> Message:
        """Return a message with its text (58), which reports, logs and the audit keep, as it may be shown."""
        return {**message, 58: self._private(message[58])} if 58 in message else message

    async def _tick(self) -> None:
        while not self.broken:
            self._do(self._session.tick(self._now()))
            await asyncio.sleep(TICK)

    def _send(self, kind: str, body: fix.Fields, order_id: str = "") -> None:
        if self.broken:
            raise GatewayError(f"{self._name}: {self.broken}: nothing is sent")
        self._do([self._session.send(kind, body, self._now(), order_id)])

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Send(content) if self._writer is not None:
                    self._writer.write(content)
                case Deliver(message):
                    self._deliver(message)
                case NeverArrived(order_ids):
                    for each in order_ids:
                        self._say(f"{NEVER_ARRIVED}-{each}", each, Standing.CANCELLED, NEVER_ARRIVED)
                case Disconnect(why):
                    self._end(why)

    def _deliver(self, message: Message) -> None:
        kind = message[35]
        asked = self._told.get(message.get(584 if kind == fix.EXECUTION else 710, ""))
        if asked is not None:
            asked.put_nowait(message)
        elif kind == fix.EXECUTION and message.get(150) != fix.ORDER_STATUS:
            assert self._hear is not None
            report = fix.report_of(message, self._fee_so_far)
            self._hear(report.rehearsed() if self._rehearsal and report.filled else report)
        elif kind in (fix.REJECTED, fix.BUSINESS_REJECTED):
            refused = message.get(45, "")
            order_id = self._session.sequence.orders.get(int(refused) if refused.isdecimal() else 0)
            if order_id is not None:
                self._say(f"{order_id}/rejected", order_id, Standing.REJECTED, message.get(58, "rejected"))
            else:
                log.warning("%s: message %s was rejected: %s", self._name, refused, message.get(58, ""))
        elif kind == fix.CANCEL_REFUSED and message.get(434) == "2" and message.get(11) in self._handed:
            self._say(f"{message[11]}/refused", message[11], Standing.REJECTED, message.get(58, "refused"))
        elif kind == fix.CANCEL_REFUSED:
            log.info("%s: no cancellation of %s: %s", self._name, message.get(41), message.get(58, ""))

    def _say(self, report_id: str, order_id: str, standing: Standing, text: str) -> None:
        assert self._hear is not None
        self._hear(Report(report_id, order_id, standing, text=text))

    def _end(self, why: str) -> None:
        if not self.broken:
            self.broken = why
            log.info("%s: the line is down: %s", self._name, why)
        self._session.disconnected()
        if self._writer is not None:
            self._writer.close()
