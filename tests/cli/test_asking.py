"""A desk that goes live asks people where it has soft limits and the user names a server, else nobody."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from flows import questions
from flows.asking import PrefectApprovals
from pipeline.cli.asking import FORGOTTEN, NO_SERVER, approvals_of, forget_asked
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.approvals import Nobody, Question
from pipeline.live.journal import Entry, Journal
from pipeline.live.permits import ASK, WITHDRAW

SERVER = "http://127.0.0.1:4200/api"


@pytest.fixture
def desk():
    """Return a function that gives a desk a rule about its position."""
    plain = load_any("bac-intraday")
    return lambda rule: plain.model_copy(update={"overlay": OverlaySettings(position=rule)})


def test_people_are_asked_in_the_named_server(desk):
    approvals, beside = approvals_of(desk({"limit": 2.0, "soft": 1.0}), SERVER)
    assert isinstance(approvals, PrefectApprovals)
    assert beside == [approvals]


@pytest.mark.parametrize(("rule", "server"), [({"limit": 2.0, "soft": 1.0}, None), ({"limit": 2.0}, SERVER)])
def test_else_nobody_is(desk, rule, server):
    approvals, beside = approvals_of(desk(rule), server)
    assert isinstance(approvals, Nobody)
    assert (approvals.fault, approvals.answers(), beside) == (NO_SERVER, (), [])


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A journal with an open question, and Prefect, which ends a run at the second look."""
    question = Question("made-1", "BTC", 4.0, 100.0, 1, 9, "why")
    inputs = {"question": {name: getattr(question, name) for name in Question.__slots__}}
    with Journal(tmp_path / "journal.db", "made", now=0) as journal:
        journal.audit(Entry(1, "overlay", ASK, question.told, inputs))
    looks = []
    monkeypatch.setattr(questions, "reached", lambda api: nullcontext(api))
    monkeypatch.setattr(questions, "_run_of", lambda client, request: SimpleNamespace(id=f"run of {request}"))
    monkeypatch.setattr(questions, "taken_back", lambda *told: looks.append(told) or len(looks) > 1)
    monkeypatch.setattr(questions.time, "sleep", lambda _: None)
    return tmp_path / "journal.db", looks


def test_a_day_that_begins_again_takes_its_question_back(asked, capsys):
    journal, looks = asked
    forget_asked(journal, "made", SERVER)
    assert looks == [(SERVER, "run of made-1", FORGOTTEN)] * 2
    assert capsys.readouterr().err == "request made-1 is taken back\n"
    with Journal(journal, "made", now=0) as kept:
        kept.audit(Entry(2, "desk", WITHDRAW, "why", {"request": "made-1"}))
    forget_asked(journal, "made", SERVER)
    assert (len(looks), capsys.readouterr().err) == (2, ""), "what was closed asks nobody"


def test_a_question_that_stays_is_told(asked, capsys, monkeypatch):
    journal, looks = asked
    forget_asked(journal, "made", None)
    assert "made-1 stays open in Prefect and answers nobody" in capsys.readouterr().err
    monkeypatch.setattr(questions, "taken_back", lambda *_: False)
    assert not questions.forget(SERVER, "made-1", "why", seconds=0.0)

    def down(api):
        raise StoreError("Prefect does not answer")

    monkeypatch.setattr(questions, "reached", down)
    forget_asked(journal, "made", SERVER)
    assert "cancel its flow run (Prefect does not answer)" in capsys.readouterr().err
    assert looks == []
    forget_asked(journal.with_name("none.db"), "made", SERVER)
    assert capsys.readouterr().err == "", "a journal that cannot be read is no obstacle"
