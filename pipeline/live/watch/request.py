"""A person halts or resumes a desk: what is asked, and how it is done to one that runs and to one at rest."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.domain.errors import RiskError
from pipeline.live.journal import Entry, Journal
from pipeline.live.order_path import OrderPath
from pipeline.risk.state import Latch, RiskState, resumed, tightened

LONGEST = 500
"""Characters of a person's name or reason."""


class Wish(StrEnum):
    """What a person may ask of a desk."""

    HALT = "halt"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks, and why.

    Raises
    ------
    RiskError
        Person or reason is empty, too long or holds what cannot be printed on a line.

    Examples
    --------
    >>> Request(Wish.HALT, "ada", " ")
    Traceback (most recent call last):
    pipeline.domain.errors.RiskError: to halt a desk needs a reason
    """

    wish: Wish
    person: str
    reason: str

    def __post_init__(self) -> None:
        for what in ("person", "reason"):
            object.__setattr__(self, what, line_of(what, getattr(self, what), self.wish))


def line_of(what: str, told: str, wish: str) -> str:
    """Return what a person tells, a line without blanks around it.

    Raises
    ------
    RiskError
        It is empty, too long or holds what cannot be printed.
    """
    told = told.strip()
    if not told:
        raise RiskError(f"to {wish} a desk needs a {what}")
    if len(told) > LONGEST or not told.isprintable():
        raise RiskError(
            f"{what} of {len(told)} characters: give one line of at most {LONGEST}, without "
            "control characters"
        )
    return told


def obey(path: OrderPath, request: Request, now: int) -> Latch:
    """Halt or resume a running desk, write it down, and return the risk state; working orders are cancelled.

    A desk that has halted already is told again to cancel what works; who halted it first stays.

    Parameters
    ----------
    path : recovered; this is its own thread.
    request : of a person.
    now : ns since 1970 UTC, for the audit.

    Raises
    ------
    RiskError
        It trades already.
    JournalError
        It cannot be written down; the desk has halted.
    GatewayError
        The desk has halted, and a cancellation could not be sent.
    """
    before = path.latch
    try:
        if request.wish is Wish.RESUME:
            path.resume(request.person, request.reason)
        elif before.state is RiskState.HALTED:
            path.cancel_all()
        else:
            path.turn(RiskState.HALTED, request.person, request.reason)
    finally:
        if path.latch is not before or request.wish is Wish.HALT:
            path.note(_entry(request, before, now))
    return path.latch


def written(journal: Journal, request: Request, now: int) -> Latch:
    """Halt or resume a desk that does not run, in its journal; working orders are cancelled when it starts.

    Raises
    ------
    RiskError
        It is to resume and has not halted.
    JournalError
        It cannot be written down.
    """
    before, (person, reason) = journal.latch(), (request.person, request.reason)
    if request.wish is Wish.RESUME:
        latch = resumed(before, person, reason, now)
    else:
        latch = tightened(before, RiskState.HALTED, person, reason, now)
    if latch is not before:
        journal.turn(latch)
    journal.audit(_entry(request, before, now))
    return latch


def written_down(desk: str, place: Path, request: Request) -> Latch:
    """Halt or resume a desk that does not run, as the one writer of its journal.

    Raises
    ------
    JournalError
        It runs after all, or its journal cannot be written.
    RiskError
        It is to resume and has not halted.
    """
    now = time.time_ns()
    with Journal(place, desk, now=now) as journal:
        latch = written(journal, request, now)
        journal.checkpoint()
    return latch


def turn(latch: Latch) -> dict[str, Any]:
    """Return a turn of the risk state as plain data, its time in ms since 1970."""
    return {"at": latch.at // 1_000_000, "state": latch.state.value, "who": latch.who, "why": latch.why}


def _entry(request: Request, before: Latch, now: int) -> Entry:
    inputs = {"before": before.state.value, "by": before.who, "since": before.at}
    return Entry(now, request.person, request.wish.value, request.reason, inputs)
