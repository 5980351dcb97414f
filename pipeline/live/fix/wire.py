"""FIX messages and their bytes: framed by length and checked by sum, so that what is garbled is left out."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import simplefix

from pipeline.domain.errors import GatewayError

BEGIN: Final = b"FIX.4.4"
SOH: Final = b"\x01"
MARK: Final = b"8=" + BEGIN + SOH + b"9="
HEAD: Final = re.compile(re.escape(MARK) + rb"(\d{1,6})\x01")
TRAILER: Final = len(b"10=000\x01")
UNFINISHED: Final = re.compile(re.escape(MARK) + rb"\d{0,6}")
LONGEST: Final = 1 << 16
"""Bytes of a message; what claims to be longer is garbled."""

Message = Mapping[int, str]
"""Fields by tag; of a tag that comes again the first one. 8, 9 and 10 are left out."""


def encoded(fields: Iterable[tuple[int, str]]) -> bytes:
    r"""Return the bytes of a message; 35 is among its fields, length and sum are put in.

    Raises
    ------
    GatewayError
        A value is empty or holds the separator.

    Examples
    --------
    >>> encoded([(35, "0"), (34, "2")])
    b'8=FIX.4.4\x019=10\x0135=0\x0134=2\x0110=166\x01'
    """
    message = simplefix.FixMessage()
    message.append_pair(8, BEGIN)
    for tag, value in fields:
        if not value or "\x01" in value:
            raise GatewayError(f"FIX field {tag} is empty or holds the separator")  # it may be a password
        message.append_pair(tag, value.encode("utf-8"))
    return bytes(message.encode())


def timestamp(now: int) -> str:
    """Return a UTCTimestamp of nanoseconds since 1970, cut to milliseconds.

    Examples
    --------
    >>> timestamp(1_700_000_000_123_999_999)
    '20231114-22:13:20.123'
    """
    whole, part = divmod(now, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y%m%d-%H:%M:%S}.{part // 10**6:03}"


def nanoseconds(told: str) -> int:
    """Return nanoseconds since 1970 of a UTCTimestamp, whole seconds or with up to nine decimals.

    Raises
    ------
    ValueError
        It is no time.

    Examples
    --------
    >>> nanoseconds("20231114-22:13:20.123456")
    1700000000123456000
    """
    whole, _, part = told.partition(".")
    if part and not (part.isascii() and part.isdigit() and len(part) <= 9):
        raise ValueError(f"{told!r} is no time")
    seconds = datetime.strptime(whole, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC).timestamp()
    return int(seconds) * 10**9 + int(part.ljust(9, "0") if part else 0)


class Framer:
    """Cuts a stream of bytes into messages, however it comes.

    What is not a message with the length and the sum that it says is garbled: it is left out and counted, as
    FIX asks, and the next message is looked for behind it. Nothing that comes in raises.

    Examples
    --------
    >>> framer, content = Framer(), encoded([(35, "0"), (34, "2")])
    >>> framer.feed(b"noise" + content[:9])
    []
    >>> framer.feed(content[9:]), framer.garbled
    ([{35: '0', 34: '2'}], 1)
    """

    def __init__(self) -> None:
        self._rest = b""
        self.garbled = 0

    def feed(self, content: bytes) -> list[Message]:
        """Return the messages that are whole with these bytes."""
        self._rest += content
        found: list[Message] = []
        while (taken := self._next(found)) > 0:
            self._rest = self._rest[taken:]
        return found

    def _next(self, found: list[Message]) -> int:
        """Take in one message, if it is whole; return how many bytes are done with, 0 to wait for more."""
        start = self._rest.find(MARK)
        if start:
            done = start if start > 0 else len(self._rest) - _begun(self._rest)
            self.garbled += done > 0
            return done
        head = HEAD.match(self._rest)
        if head is None:
            return 0 if UNFINISHED.fullmatch(self._rest) else self._skip()
        end = head.end() + int(head[1]) + TRAILER
        if end > LONGEST:
            return self._skip()
        if len(self._rest) < end:
            return 0
        message = _parsed(self._rest[:end], head.end(), end - TRAILER)
        if message is None:
            return self._skip()
        found.append(message)
        return end

    def _skip(self) -> int:
        self.garbled += 1
        return len(MARK)


def _begun(content: bytes) -> int:
    """Return how many bytes at the end of content that has no mark may be the beginning of one."""
    return next((size for size in range(len(MARK) - 1, 0, -1) if content.endswith(MARK[:size])), 0)


def _parsed(content: bytes, start: int, end: int) -> Message | None:
    """Return the fields of a frame whose body lies between; None where sum or fields are wrong."""
    if content[end:] != b"10=%03d\x01" % (sum(content[:end]) % 256) or content[end - 1 : end] != SOH:
        return None
    parser = simplefix.FixParser()
    try:
        parser.append_buffer(content)
        message = parser.get_message()
        pairs = [] if message is None else [(int(tag), value.decode("utf-8")) for tag, value in message.pairs]
    except (simplefix.errors.ParsingError, ValueError):
        return None
    if len(pairs) < 4 or pairs[2][0] != 35 or parser.get_buffer():
        return None
    fields: dict[int, str] = {}
    for tag, value in pairs:
        if tag not in (8, 9, 10):
            fields.setdefault(tag, value)
    return fields
