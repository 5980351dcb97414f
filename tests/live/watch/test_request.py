"""Halting and resuming: what a person asks is done, written down with name and reason, and holds."""

import pytest

from pipeline.domain.errors import GatewayError, JournalError, RiskError
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL
from pipeline.live.watch.request import Request, Wish, obey, written_down
from pipeline.risk.state import RiskState

HALT, RESUME = Request(Wish.HALT, " ada ", "too hot"), Request(Wish.RESUME, "bob", "it is cool again")


def test_a_halt_cancels_what_works_and_names_who_and_why(path):
    latch = obey(path, HALT, now=5)
    assert (latch.state, latch.who, latch.why) == (RiskState.HALTED, "ada", "too hot")
    assert path.gateway.cancelled == ["desk-1"]
    assert path.journal.latch() == latch
    entry = path.journal.entries()[-1]
    assert (entry.at, entry.who, entry.what, entry.why) == (5, "ada", "halt", "too hot")


def test_a_second_halt_cancels_again_and_leaves_the_first_who_and_why(path):
    obey(path, HALT, now=5)
    assert obey(path, Request(Wish.HALT, "bob", "still hot"), now=6).who == "ada"
    assert path.gateway.cancelled == ["desk-1", "desk-1"]
    assert [entry.who for entry in path.journal.entries()[-2:]] == ["ada", "bob"]


def test_a_desk_resumes_and_one_that_trades_already_says_so(path):
    obey(path, HALT, now=5)
    assert obey(path, RESUME, now=6).who == "bob"
    assert path.journal.entries()[-1].inputs == {"before": "halted", "by": "ada", "since": 77}
    lines = len(path.journal.entries())
    with pytest.raises(RiskError, match="nothing to resume"):
        obey(path, RESUME, now=7)
    assert len(path.journal.entries()) == lines


def test_a_halt_whose_cancellation_fails_holds_and_is_in_the_audit(path):
    path.gateway.broken = True
    with pytest.raises(GatewayError, match="line is down"):
        obey(path, HALT, now=5)
    assert path.journal.latch().state is RiskState.HALTED
    assert path.journal.entries()[-1].what == "halt"


def test_a_resume_that_cannot_be_written_into_the_audit_halts_again(path):
    def full(_):
        raise JournalError("journal: the disk is full")

    obey(path, HALT, now=5)
    path.journal.audit = full
    with pytest.raises(JournalError):
        obey(path, RESUME, now=6)
    assert path.latch.state is RiskState.HALTED


def test_one_that_does_not_run_is_halted_in_its_journal_and_starts_so(folder, path):
    with pytest.raises(JournalError, match="writes it"):
        written_down("made", folder / JOURNAL, HALT)
    path.journal.close()
    assert written_down("made", folder / JOURNAL, HALT).who == "ada"
    assert written_down("made", folder / JOURNAL, Request(Wish.HALT, "bob", "too")).who == "ada"
    with Journal(folder / JOURNAL, "made", now=0) as journal:
        assert journal.latch().state is RiskState.HALTED
        assert len(journal.turns()) == 2
        assert [entry.who for entry in journal.entries()[-2:]] == ["ada", "bob"]
    assert written_down("made", folder / JOURNAL, RESUME).state is RiskState.ACTIVE
    with pytest.raises(RiskError, match="nothing to resume"):
        written_down("made", folder / JOURNAL, RESUME)


@pytest.mark.parametrize(
    ("person", "reason"), [("", "x"), ("ada", "\n"), ("ada", "a\nb"), ("ada", 501 * "x")]
)
def test_person_and_reason_are_one_line_each(person, reason):
    with pytest.raises(RiskError, match=r"needs a|one line"):
        Request(Wish.HALT, person, reason)
