"""The session layer of FIX 4.4 on the side that calls: a pure state machine over messages and times.

It answers what comes in with what is to be done: messages to send, messages to act on, orders that will never
arrive, the end of the connection. Sockets and clocks are the caller's. Source: FIX 4.4, volume 2, session
protocol.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pipeline.domain.errors import GatewayError
from pipeline.live.fix.sequence import Sequence
from pipeline.live.fix.wire import Message, encoded, timestamp

SECOND: Final = 10**9
LATE: Final = 1.2
"""Heartbeats of silence after which the other side is asked whether it is there, and once more given up."""
Fields = Iterable[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Send:
    """These bytes are to be sent."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """The other side's application, or its rejection of a message, says this."""

    message: Message


@dataclass(frozen=True, slots=True)
class NeverArrived:
    """These orders were asked for again and gap-filled: the other side never had them and never will."""

    order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection is to be closed; with `fatal` a person has to look before another one is made."""

    why: str
    fatal: bool = False


Action = Send | Deliver | NeverArrived | Disconnect


class State(Enum):
    """Of the connection."""

    CLOSED = "closed"
    LOGGING_ON = "logging on"
    ACTIVE = "active"
    LOGGING_OUT = "logging out"


class Session:
    """One FIX session as initiator.

    A message of the other side is acted on once and in sequence. One that is missing is asked for, and what
    came after it is not acted on until it comes again. **What is asked for of ours is never sent again:** the
    range is gap-filled, for an order that was late once must not arrive later still; the desk decides anew.

    Parameters
    ----------
    sender, target : 49 and 56 of what is sent.
    sequence : numbers that survive.
    heartbeat : seconds, 108.
    further : fields of the logon beside these, such as 553 and 554: the broker alone is told them.
    reset : ask that both sides begin at one (141).

    Attributes
    ----------
    state : of the connection.
    """

    def __init__(
        self,
        sender: str,
        target: str,
        sequence: Sequence,
        *,
        heartbeat: int = 30,
        further: Fields = (),
        reset: bool = False,
    ) -> None:
        self.sender, self.target, self.sequence = sender, target, sequence
        self.state = State.CLOSED
        self._heartbeat, self._further, self._reset = heartbeat, tuple(further), reset
        self._spoke = self._heard = self._seen = 0
        self._asked_at: int | None = None
        self._tested = ""

    @property
    def private(self) -> tuple[str, ...]:
        """What the logon says that nobody else may read: user, password and whatever else was given."""
        return tuple(value for _, value in self._further)

    def connected(self, now: int) -> list[Action]:
        """Log on; the line has just been opened."""
        self.state, self._heard, self._tested = State.LOGGING_ON, now, ""
        self._asked_at, self._seen = None, 0
        if self._reset:
            self.sequence.reset()
        resetting = [(141, "Y")] if self._reset else []
        logon = [(98, "0"), (108, str(self._heartbeat)), *resetting, *self._further]
        return [self._message("A", logon, now)]

    def disconnected(self) -> None:
        """Take in that the line is gone."""
        self.state = State.CLOSED

    def logout(self, now: int) -> list[Action]:
        """Ask for the end."""
        self.state = State.LOGGING_OUT
        return [self._message("5", [], now)]

    def send(self, kind: str, body: Fields, now: int, order_id: str = "") -> Send:
        """Return an application message to be sent; one that carries an order is remembered by its number.

        Raises
        ------
        GatewayError
            The session is not logged on.
        """
        if self.state is not State.ACTIVE:
            raise GatewayError(
                f"FIX session {self.sender} to {self.target}: {self.state.value}: nothing is sent"
            )
        return self._message(kind, body, now, order_id)

    def tick(self, now: int) -> list[Action]:
        """Take in the time; call it at least every second."""
        if self.state is State.CLOSED:
            return []
        silent, beat = now - self._heard, self._heartbeat * SECOND
        if self.state is not State.ACTIVE:
            return [self._end(f"no answer while {self.state.value}")] if silent > beat else []
        if silent > 2 * LATE * beat:
            return [self._end("the other side is silent")]
        if silent > LATE * beat and not self._tested:
            self._tested = f"T{now}"
            return [self._message("1", [(112, self._tested)], now)]
        return [self._message("0", [], now)] if now - self._spoke >= beat else []

    def received(self, message: Message, now: int) -> Iterator[Action]:
        """Yield what is to be done about a message of the other side.

        Each action is to be taken before the next one is asked for: the message's number is written down when
        all of them have been, so that a death in between brings the message again.
        """
        if self.state is State.CLOSED:
            return
        self._heard = now
        if message.get(35) == "0" and message.get(112) == self._tested:
            self._tested = ""
        number = _number(message, 34)
        if (message.get(49), message.get(56)) != (self.target, self.sender):
            yield from self._refused(f"a message from {message.get(49)} to {message.get(56)}", now)
        elif number is None or not message.get(35):
            yield from self._refused("a message without a number or a type", now)
        elif self.state is State.LOGGING_ON:
            yield from self._logged_on(message, number, now)
        elif message[35] == "4" and message.get(123) != "Y":
            yield from self._reset_to(message, now)
        elif number > self.sequence.received + 1:
            yield from self._ahead(message, number, now)
        elif number <= self.sequence.received:
            if message.get(43) != "Y":
                yield from self._refused(f"number {number}, expected {self.sequence.received + 1}", now)
        else:
            yield from self._in_sequence(message, number, now)

    def _logged_on(self, message: Message, number: int, now: int) -> Iterator[Action]:
        due = self.sequence.received + 1
        if message[35] == "5":
            yield self._end(f"the logon was refused: {message.get(58, 'no reason told')}", fatal=True)
        elif message[35] != "A":
            yield from self._refused(f"a message of type {message[35]} before the logon", now)
        elif message.get(141) == "Y" and not self._reset:
            yield from self._refused("the other side begins at one unasked", now)
        elif number < due:
            yield from self._refused(f"a logon of number {number}, expected {due}", now)
        else:
            self.state = State.ACTIVE
            if number > due:
                yield self._ask(number, now)
            else:
                self._acted_on(number)

    def _in_sequence(self, message: Message, number: int, now: int) -> Iterator[Action]:
        kind = message[35]
        if kind == "4":
            yield from self._reset_to(message, now)
            return
        if kind == "1":
            yield self._message("0", [(112, message[112])] if message.get(112) else [], now)
        elif kind == "2":
            yield from self._filled(message, now)
        elif kind == "5":
            yield from self._logged_out(message, now)
        elif kind not in ("0", "A"):
            yield Deliver(message)
        self._acted_on(number)

    def _ahead(self, message: Message, number: int, now: int) -> Iterator[Action]:
        """Take in a message before which others are missing: ask for them, and for it again."""
        if message[35] == "5":
            yield from self._logged_out(message, now)
            return
        if message[35] == "2":
            yield from self._filled(message, now)
        self._seen = max(self._seen, number)
        if self._asked_at is None or now - self._asked_at > self._heartbeat * SECOND:
            yield self._ask(number, now)

    def _acted_on(self, number: int) -> None:
        self.sequence.receive(number)
        if number >= self._seen:
            self._asked_at = None

    def _ask(self, number: int, now: int) -> Send:
        self._asked_at, self._seen = now, max(self._seen, number)
        return self._message("2", [(7, str(self.sequence.received + 1)), (16, "0")], now)

    def _filled(self, message: Message, now: int) -> Iterator[Action]:
        """Answer a request for messages of ours with a gap, whatever they were."""
        first, last, sent = _number(message, 7), _number(message, 16), self.sequence.sent
        if first is None or last is None or not 1 <= first <= sent:
            yield self._rejected(message, "7 and 16 name no messages that were sent", now)
            return
        last = sent if last == 0 else min(last, sent)
        gap = [(43, "Y"), (122, timestamp(now)), (123, "Y"), (36, str(last + 1))]
        lost = tuple(each for number, each in self.sequence.orders.items() if first <= number <= last)
        yield Send(encoded(self._fields("4", gap, first, now)))
        if lost:
            yield NeverArrived(lost)

    def _reset_to(self, message: Message, now: int) -> Iterator[Action]:
        following = _number(message, 36)
        if following is None or following <= self.sequence.received:
            yield self._rejected(message, "36 does not lead on", now)
            return
        self._acted_on(following - 1)

    def _logged_out(self, message: Message, now: int) -> Iterator[Action]:
        asked = self.state is State.LOGGING_OUT
        if not asked:
            yield self._message("5", [], now)
        yield self._end("logged out" if asked else f"they logged out: {message.get(58, 'no reason told')}")

    def _refused(self, why: str, now: int) -> Iterator[Action]:
        """Log out over what must not be: nothing is guessed about numbers."""
        yield self._message("5", [(58, why)], now)
        yield self._end(why, fatal=True)

    def _rejected(self, message: Message, why: str, now: int) -> Send:
        return self._message("3", [(45, message[34]), (58, why)], now)

    def _end(self, why: str, fatal: bool = False) -> Disconnect:
        self.state = State.CLOSED
        return Disconnect(why, fatal)

    def _message(self, kind: str, body: Fields, now: int, order_id: str = "") -> Send:
        self._spoke = now
        return Send(encoded(self._fields(kind, body, self.sequence.send(order_id), now)))

    def _fields(self, kind: str, body: Fields, number: int, now: int) -> Fields:
        header = [(35, kind), (34, str(number)), (49, self.sender), (56, self.target), (52, timestamp(now))]
        return [*header, *body]


def _number(message: Message, tag: int) -> int | None:
    told = message.get(tag, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None
