"""A promotion that a person has to approve: asked in Prefect, awaited, and taken back when it is too late."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flows import questions
from pipeline.domain.errors import RiskError
from pipeline.live.approvals import Answer, Verdict

EVERY: Final = 1.0
"""Seconds between two looks for the answer."""
PATIENCE: Final = 10.0
"""Seconds that a question which is still on its way to suspend has, before it is taken back."""


@dataclass(frozen=True)
class Promotion:
    """What is asked: the request's id, and the whole question in words."""

    request: str
    told: str


def approved(
    api: str,
    desk: str,
    promotion: Promotion,
    seconds: float,
    say: Callable[[str], None],
    every: float = EVERY,
) -> Answer:
    """Ask people whether challengers may take over, and return the answer that allows it.

    Parameters
    ----------
    api : of the Prefect server, where `hedge up` has deployed `approval` for the desk.
    desk : its name.
    promotion : what is asked.
    seconds : how long an answer counts; silence means no.
    say : is told where it is answered.
    every : seconds between two looks.

    Raises
    ------
    RiskError
        It was not approved: rejected, reduced, which a promotion cannot be, or nobody answered in time.
    StoreError
        The server does not answer: then nobody has approved either.
    """
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    with questions.reached(api) as client:
        run = questions.put(client, desk, promotion, until)
        say(
            f"{promotion.request}: a person has to approve it before {until:%Y-%m-%d %H:%M:%S} UTC, with "
            f"hedge approve {desk} or at {questions.page_of(run)}"
        )
        why = "given up"
        try:
            while datetime.now(UTC) < until:
                if (came := questions.given(client, run, promotion.request)) is not None:
                    why = ""
                    return _allowed(came.answer, came.fault)
                time.sleep(every)
            why = "nobody answered in time"
        finally:
            given_up = time.monotonic() + PATIENCE
            while why and not questions.taken_back(client, run, why) and time.monotonic() < given_up:
                time.sleep(every)
    raise RiskError(f"not promoted: {why}, and silence means no")


def _allowed(answer: Answer | None, fault: str) -> Answer:
    if answer is None:
        raise RiskError(f"not promoted: {fault}")
    if answer.verdict is not Verdict.APPROVE:
        what = "rejected" if answer.verdict is Verdict.REJECT else "reduced, which a promotion cannot be,"
        raise RiskError(f"not promoted: {what} by {answer.person}: {answer.reason}")
    return answer
