"""Messages of a venue as they come: a line each, stamped on receipt, until the loop takes them."""

from typing import Final

from pipeline.domain.errors import FeedError
from pipeline.live.desk_clock import DeskClock

MOST: Final = 32 << 20
"""Bytes that may wait for the loop."""
LOST: Final = b'{"e":"connectionLost"}'
"""What is noted among the messages where the line to the venue ended; readers of recorded streams know it."""
BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


class Inbox:
    r"""Lines as `ingest.formats` reads them, `stamp {json}`, in bounded memory.

    Parameters
    ----------
    clock : gives the stamps.
    most : bytes that may wait.

    Examples
    --------
    >>> inbox = Inbox(DeskClock(lambda: 5, lambda: 0))
    >>> inbox.put('{"a":\n1}')
    >>> inbox.take()
    b'5 {"a": 1}\n'
    """

    def __init__(self, clock: DeskClock, most: int = MOST) -> None:
        self._clock, self._most = clock, most
        self._lines: list[bytes] = []
        self._size, self.messages = 0, 0
        self._first = 0

    def put(self, message: str | bytes) -> None:
        """Take a message in.

        Raises
        ------
        FeedError
            Too many wait already; this one is not taken.
        """
        text = (message.encode(errors="replace") if isinstance(message, str) else message).translate(BREAKS)
        if self._size + len(text) > self._most:
            raise FeedError(f"{self._size >> 20} MiB of messages wait for the loop, which is too far behind")
        self.messages += 1
        self._note(text)

    def lost(self) -> None:
        """Note that the line to the venue has ended."""
        self._note(LOST)

    def take(self) -> bytes:
        """Return the lines that wait, and wait for others."""
        lines, self._lines, self._size = self._lines, [], 0
        return b"".join(lines)

    @property
    def behind(self) -> float:
        """Seconds for which the oldest line has waited; 0 without one."""
        return (self._clock.now() - self._first) / 1e9 if self._lines else 0.0

    def _note(self, text: bytes) -> None:
        now = self._clock.now()
        if not self._lines:
            self._first = now
        self._lines.append(b"%d %b\n" % (now, text))
        self._size += len(text)
