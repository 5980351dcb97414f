"""Whether a desk trades, only reduces, or has halted: tightened by anything, loosened by a person alone."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.domain.errors import RiskError


class RiskState(StrEnum):
    """From the loosest to the tightest."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    def tighter_than(self, other: "RiskState") -> bool:
        """Tell whether this allows less than another."""
        return _ORDER[self] > _ORDER[other]


ACTIVE, REDUCING, HALTED = RiskState
"""The same under names that take no look-up in an enumeration, which a decision would wait for."""
_ORDER = {state: place for place, state in enumerate(RiskState)}


@dataclass(frozen=True, slots=True)
class Latch:
    """The state that holds, and who brought it about, why, and when (nanoseconds since 1970 UTC).

    Examples
    --------
    >>> active = Latch(RiskState.ACTIVE, "journal", "a new one", 0)
    >>> latch = tightened(active, RiskState.HALTED, "drawdown", "-3 %", 1)
    >>> tightened(latch, RiskState.REDUCING, "position", "near its limit", 2) is latch
    True
    >>> resumed(latch, "ada", "prices were wrong, they are mended", 3).state.value
    'active'
    """

    state: RiskState
    who: str
    why: str
    at: int


def tightened(latch: Latch, state: RiskState, who: str, why: str, at: int) -> Latch:
    """Return the latch in the state asked for, or the same one where it is as tight already."""
    return Latch(state, who, why, at) if state.tighter_than(latch.state) else latch


def resumed(latch: Latch, person: str, reason: str, at: int) -> Latch:
    """Return the latch that a person opened, trading again.

    Raises
    ------
    RiskError
        Person or reason is not told, or the desk trades already.
    """
    if latch.state is RiskState.ACTIVE:
        raise RiskError(f"the desk is active since {latch.who}: {latch.why}: there is nothing to resume")
    for what, told in (("person", person), ("reason", reason)):
        if not told.strip():
            raise RiskError(f"the desk is {latch.state}: to resume it needs a {what}")
    return Latch(RiskState.ACTIVE, person.strip(), reason.strip(), at)
