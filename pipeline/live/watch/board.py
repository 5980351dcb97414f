"""What a running desk publishes of its decisions: a frozen snapshot each, the newest of them kept."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.live.hedger import Decided
from pipeline.risk.state import Latch

KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One decision as the desk stood when its order had been sent.

    Attributes
    ----------
    number : counts from 1.
    decided : the decision.
    latch : the risk state.
    fees, heard : money paid until the decision, and reports that were taken in until then.
    """

    number: int
    decided: Decided
    latch: Latch
    fees: float
    heard: int


class Pulse(NamedTuple):
    """Where a running desk is: another one whenever its journal may have new rows.

    Attributes
    ----------
    latch : the risk state that holds, whether or not it could be written down.
    decisions, orders, reports, obeyed : how many there were, the last of requests by people.
    """

    latch: Latch
    decisions: int
    orders: int
    reports: int
    obeyed: int


class Board:
    """The newest snapshots, written by one thread and read by others; nobody waits for anybody.

    Parameters
    ----------
    kept : how many; older ones are forgotten.

    Attributes
    ----------
    count : of the snapshots there were.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept: list[Snapshot | None] = [None] * kept
        self.count = 0

    def publish(self, decided: Decided, latch: Latch, fees: float, heard: int) -> None:
        """Put a decision up."""
        number = self.count + 1
        self._kept[number % len(self._kept)] = Snapshot(number, decided, latch, fees, heard)
        self.count = number

    def since(self, number: int) -> list[Snapshot]:
        """Return the snapshots after a number that are still kept, the oldest first."""
        first = max(number, self.count - len(self._kept)) + 1
        found = (self._kept[each % len(self._kept)] for each in range(first, self.count + 1))
        return [each for each in found if each is not None and each.number >= first]
