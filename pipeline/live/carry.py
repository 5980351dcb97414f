"""What holding a perpetual has cost: the funding that its settlements book, money."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from pipeline.live.journal import Entry

KEPT: Final = 2 * 86_400 * 1_000_000_000
"""For how long what was held is remembered, ns: a settlement that is told later is not booked."""
FUNDED: Final = "funding"
"""Of a line of the audit about a settlement."""


class Booked(NamedTuple):
    """A settlement that was booked: when, ns, its rate, what was held and at which mid, and the money."""

    settled: int
    rate: float
    position: float
    mid: float
    money: float

    def entry(self, at: int, model: str) -> Entry:
        """Return it as a line of the audit."""
        return Entry(at, "account", FUNDED, "settled", self._asdict(), model)


class Carry:
    """Funding paid and received: − position · mid · rate, of the first decision at or after a settlement.

    Position and mid are those that the decision found, so whoever held at the instant of the settlement pays.
    A settlement may be told later than that, for as long as `KEPT`, and is booked once, as it was told first.
    One before the first mid of a day is booked at that mid, and so is one that was missed before the start.

    Parameters
    ----------
    audit : of the journal: what was booked counts from its decision on, and is not booked again.
    held : what was held at a time before the first decision, ns; without it, what the first one found.

    Attributes
    ----------
    money : so far; positive was received.

    Examples
    --------
    >>> carry = Carry([Booked(1, 0.01, 1.0, 100.0, -1.0).entry(5, "")])
    >>> for at, held in ((10, 2.0), (20, 5.0), (30, 1.0)):
    ...     found = carry.settle(at, held, 100.0, ())
    >>> [round(each.money, 12) for each in carry.settle(40, 1.0, 110.0, [(20, 0.001), (31, -0.001)])]
    [-0.5, 0.11]
    >>> round(carry.money, 12)
    -1.39
    """

    def __init__(self, audit: Iterable[Entry] = (), held: Callable[[int], float] | None = None) -> None:
        lines = [each for each in audit if each.what == FUNDED]
        before = {each.inputs["settled"]: (each.at, float(each.inputs["money"])) for each in lines}
        self._before, self._told = deque(sorted(before.values())), set(before)
        self.money = 0.0
        self._found: deque[tuple[int, float, float]] = deque()
        self._owed: list[tuple[int, float]] = []
        self._held, self._first = held, 0

    def settle(
        self, at: int, position: float, mid: float, settled: Iterable[tuple[int, float]]
    ) -> list[Booked]:
        """Remember what a decision found; book what is known to be settled, when, ns, and the rate."""
        while self._before and self._before[0][0] <= at:
            self.money += self._before.popleft()[1]
        self._first = self._first or at
        self._found.append((at, position, mid))
        while self._found[0][0] < at - KEPT:
            self._found.popleft()
        for when, rate in settled:
            if when not in self._told and (when >= at - KEPT or self._held_before(when) is not None):
                self._owed.append((when, rate))
            self._told.add(when)
        if not self._owed:
            return []
        told = {owed: self._booked(*owed) for owed in self._owed}
        self._owed = [owed for owed, booked in told.items() if booked is None]
        found = [booked for booked in told.values() if booked is not None]
        self.money += sum(each.money for each in found)
        return found

    def _booked(self, when: int, rate: float) -> Booked | None:
        """Return a settlement as it is booked; None where it has to wait for a decision with a mid."""
        after = [each for each in self._found if each[0] >= when]
        mid = next((mid for _, _, mid in after if mid > 0.0), None)
        if mid is None:
            return None
        before = self._held_before(when)
        held = after[0][1] if before is None else before
        return Booked(when, rate, held, mid, -held * mid * rate)

    def _held_before(self, when: int) -> float | None:
        """Return what was held before the first decision; None after it, or where nobody knows."""
        return None if self._held is None or when >= self._first else self._held(when)
