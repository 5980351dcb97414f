"""The numbers of a FIX session, kept through the death of the process."""

from pathlib import Path
from typing import Any

from pipeline.domain.errors import GatewayError
from pipeline.live.line_file import LineFile


class Sequence:
    """The numbers of the last message sent and of the last one received, and which order a number carried.

    A number is written down before its message is sent, and after the message of the other side was acted
    on: one that is sent again after a crash is refused by its number or acted on twice, never lost.

    Parameters
    ----------
    place : the file; a session that begins anew each day has one a day.
    session : sender and target; a file of another session is refused.

    Attributes
    ----------
    new : whether no number was ever written in it.

    Raises
    ------
    GatewayError
        The file is damaged, of another session, cannot be written, or another process has it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         numbers = Sequence(Path(folder) / "session", "US to THEM")
    ...         print(numbers.sent, numbers.received, numbers.orders)
    ...         _ = numbers.send("")
    ...         _ = numbers.send("order-1")
    ...         numbers.receive(1)
    ...         numbers.close()
    0 0 {}
    2 1 {2: 'order-1'}
    """

    def __init__(self, place: Path, session: str) -> None:
        self.sent, self.received = 0, 0
        self.orders: dict[int, str] = {}
        self._file = LineFile(place, f"FIX session of {session}")
        try:
            lines = self._file.lines()
            self.new = not lines
            for number, line in enumerate(lines, start=2):
                self._apply(number, line)
        except BaseException:
            self._file.close()
            raise

    def send(self, order_id: str) -> int:
        """Return the number of the next message, which carries an order or nothing."""
        self._write(["sent", self.sent + 1, order_id])
        return self.sent

    def receive(self, number: int) -> None:
        """Remember the number of a message that was acted on."""
        self._write(["received", number, ""])

    def reset(self) -> None:
        """Begin both at one, as both sides have agreed."""
        self._write(["reset", 0, ""])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, line: list[Any]) -> None:
        self._file.append(line)
        self._apply(0, line)

    def _apply(self, number: int, line: Any) -> None:
        match line:
            case ["sent", int(sent), str(order_id)]:
                self.sent = sent
                if order_id:
                    self.orders[sent] = order_id
            case ["received", int(received), _]:
                self.received = received
            case ["reset", _, _]:
                self.sent, self.received, self.orders = 0, 0, {}
            case _:
                raise self._file.damaged(number, GatewayError("not a line of a session"))
