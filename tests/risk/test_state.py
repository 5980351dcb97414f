"""The latch: every rule may tighten it, none may loosen it."""

import itertools

import pytest

from pipeline.domain.errors import RiskError
from pipeline.risk.state import Latch, RiskState, resumed, tightened

OPEN = Latch(RiskState.ACTIVE, "desk", "opened", 1)
HALT = Latch(RiskState.HALTED, "ada", "fire drill", 2)


@pytest.mark.parametrize("states", list(itertools.product(RiskState, repeat=3)))
def test_the_latch_holds_the_tightest_of_all_that_was_asked(states):
    latch = OPEN
    for at, state in enumerate(states, start=2):
        latch = tightened(latch, state, "rule", f"reason {at}", at)
    tightest = max(states, key=list(RiskState).index)
    first = states.index(tightest) + 2
    assert latch == (
        OPEN if tightest == RiskState.ACTIVE else Latch(tightest, "rule", f"reason {first}", first)
    )


@pytest.mark.parametrize(("person", "reason"), [("", "mended"), ("ada", ""), ("ada", "  ")])
def test_to_resume_takes_a_person_and_a_reason(person, reason):
    with pytest.raises(RiskError, match="the desk is halted: to resume it needs a"):
        resumed(HALT, person, reason, 3)


def test_a_person_with_a_reason_resumes():
    assert resumed(HALT, " ada ", "mended", 3) == Latch(RiskState.ACTIVE, "ada", "mended", 3)


def test_what_trades_cannot_be_resumed():
    with pytest.raises(RiskError, match="nothing to resume"):
        resumed(OPEN, "ada", "mended", 3)
