"""Orders that are held for a person: asked about once, and permitted at the next decision or never."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.domain.overlay_settings import ApprovalSettings
from pipeline.live.approvals import Answer, Answered, Approvals, Question, Verdict
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.risk.overlay import Judgement
from pipeline.risk.rules import price_collar, tradable
from pipeline.risk.situation import Situation
from pipeline.risk.state import RiskState

log = logging.getLogger(__name__)

SECOND: Final = 1_000_000_000
ASK: Final = "ask"
REFUSE, EXPIRE, WITHDRAW = "refuse", "expire", "withdraw"
CLOSED: Final = (*Verdict, REFUSE, EXPIRE, WITHDRAW)
"""How a request ends, in the audit: by a verdict, an answer that does not count, silence, or the desk."""
OF_REQUESTS: Final = frozenset({ASK, *CLOSED})
"""Of lines of the audit about requests."""
NO: Final = (Verdict.REJECT, EXPIRE)


@dataclass(frozen=True, slots=True)
class Requests:
    """What an audit says of a desk's requests: the one that is open, the last one that was not permitted.

    Attributes
    ----------
    open : None where nothing is held.
    refused : the question that the last no was given to, or that nobody answered, and when it was closed.
    newest : time of the newest line about a request, ns.
    """

    open: Question | None = None
    refused: tuple[Question, int] | None = None
    newest: int = 0


def told_requests(entries: Sequence[Entry]) -> Requests:
    """Return what an audit says of requests."""
    asked: Question | None = None
    refused, newest = None, 0
    for entry in entries:
        if entry.what == ASK:
            asked, newest = Question(**entry.inputs["question"]), entry.at
        elif entry.what in CLOSED and asked is not None and entry.inputs["request"] == asked.request:
            refused = (asked, entry.at) if entry.what in NO else refused
            asked, newest = None, entry.at
    return Requests(asked, refused, newest)


class Permits:
    """The one request of a desk that may be open, from its journal on; all of it happens at decisions.

    What a person permits is no order. It lifts the soft limits at the next decision, up to so many units of
    the same side: the desk decides anew, and every hard limit is checked in the market as it is then. A
    permission that is not used there is gone.

    Parameters
    ----------
    settings : deadline, pause and collar.
    path : recovered; its journal holds the requests.
    approvals : where people are asked; the open request is put before them again.
    desk : with which the ids of requests begin: its name, and what no other life of its days has.
    """

    def __init__(self, settings: ApprovalSettings, path: OrderPath, approvals: Approvals, desk: str) -> None:
        self._settings, self._path, self._approvals, self._desk = settings, path, approvals, desk
        self._known = told_requests(path.journal.entries())
        self._fault = ""
        if self._known.open is not None:
            approvals.ask(self._known.open)

    def permitted(self, at: int, seen: Situation) -> float:
        """Return the signed units that a person permits at a decision, 0 for none; it uses an answer up.

        In a market without two sides answers wait.
        """
        units = 0.0
        if at > self._known.newest:
            for came in self._approvals.answers() if tradable(seen) else ():
                units += self._taken(came, at, seen)
            if (asked := self._known.open) is not None and at >= asked.deadline:
                self._close(
                    at, EXPIRE, "desk", f"nobody answered in {(asked.deadline - asked.at) / SECOND:g} s"
                )
            self._say_fault(at)
        return units

    def settle(self, at: int, asked: float, judged: Judgement, seen: Situation, model: str) -> None:
        """Ask about what a judgement held; take back a request that the desk has no use for any more."""
        known = self._known
        if at <= known.newest:
            return
        if known.open is not None and (why := self._useless(known.open, asked, judged)):
            self._close(at, WITHDRAW, "desk", why)
        halted = self._path.latch.state is RiskState.HALTED
        if judged.held and self._known.open is None and not halted and not self._paused(at, judged.held):
            self._ask(at, judged, seen, model)

    def _taken(self, came: Answered, at: int, seen: Situation) -> float:
        """Return what an answer permits; it closes its request, or is refused."""
        question, answer = self._known.open, came.answer
        if question is None or question.request != came.request:
            self._note(at, REFUSE, _who(answer), f"request {came.request} is not open", came.request, answer)
            return 0.0
        if answer is None:
            self._close(at, REFUSE, "somebody", came.fault)
            return 0.0
        if why := self._void(question, at, seen):
            self._close(at, REFUSE, answer.person, why, answer)
            return 0.0
        self._close(at, answer.verdict, answer.person, answer.reason, answer)
        return answer.permits(question.units)

    def _void(self, question: Question, at: int, seen: Situation) -> str:
        """Return why an answer does not count any more."""
        if at >= question.deadline + self._settings.deadline_seconds * SECOND:
            return "no decision has come in time since the answer"
        asked_at = seen._replace(reference=question.mid)
        if price_collar(question.units, asked_at, self._settings.collar) != question.units:
            return (
                f"bid {seen.bid:g} and ask {seen.ask:g} have left the mid of {question.mid:g} when it was "
                f"asked by more than {self._settings.collar:g} of it"
            )
        return ""

    def _useless(self, question: Question, asked: float, judged: Judgement) -> str:
        if self._path.latch.state is RiskState.HALTED:
            return "the desk has halted"
        if not asked * question.units > 0.0:
            return "the desk does not want it any more"
        return "the desk has traded since" if judged.units else ""

    def _paused(self, at: int, units: float) -> bool:
        if self._known.refused is None:
            return False
        question, closed = self._known.refused
        return question.units * units > 0.0 and at < closed + self._settings.again_seconds * SECOND

    def _ask(self, at: int, judged: Judgement, seen: Situation, model: str) -> None:
        why = "; ".join(each.said for each in judged.rulings)
        deadline = at + round(self._settings.deadline_seconds * SECOND)
        question = Question(f"{self._desk}-{at}", seen.instrument, judged.held, seen.mid, at, deadline, why)
        inputs = {"question": {name: getattr(question, name) for name in Question.__slots__}}
        self._path.note(Entry(at, "overlay", ASK, question.told, inputs, model))
        self._known = Requests(question, self._known.refused, at)
        self._approvals.ask(question)

    def _close(self, at: int, what: str, who: str, why: str, answer: Answer | None = None) -> None:
        question = self._known.open
        if question is not None:
            self._note(at, what, who, why, question.request, answer)
            refused = (question, at) if what in NO else self._known.refused
            self._known = Requests(None, refused, at)
            self._approvals.close(question.request, f"{what}: {why}")

    def _note(self, at: int, what: str, who: str, why: str, request: str, answer: Answer | None) -> None:
        inputs: dict[str, Any] = {"request": request}
        if answer is not None:
            inputs |= {"verdict": answer.verdict.value, "quantity": answer.quantity}
        self._path.note(Entry(at, who, str(what), why, inputs))

    def _say_fault(self, at: int) -> None:
        """Say when people cannot be asked, and when they can again."""
        if (fault := self._approvals.fault) != self._fault:
            self._fault = fault
            said = (
                f"nobody can be asked, nothing is approved: {fault}" if fault else "people can be asked again"
            )
            log.warning("%s", said)
            self._path.note(Entry(at, "approvals", "reach", said, {}))


def _who(answer: Answer | None) -> str:
    return "somebody" if answer is None else answer.person
