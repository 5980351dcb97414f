"""A promotion is approved by a person or not at all; whatever else happens is a no."""

import threading
import time
from contextlib import contextmanager
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client

from flows import questions
from flows.approval import approval
from flows.promoting import Promotion, approved
from pipeline.domain.errors import RiskError, StoreError
from pipeline.live.approvals import Answer, Answered
from tests.flows.worker import worked_off

ASKED = Promotion("promote-btc-1", "promote btc.policy 2 (ann: it won). They have won: 40 options")
YES = Answer(verdict="approve", person="ada", reason="good evidence")
API = "http://prefect/api"


@pytest.fixture
def server(monkeypatch):
    """Prefect as far as `questions` uses it: answers come after so many looks."""
    found = {"answer": None, "after": 2, "ended": {}, "put": []}

    @contextmanager
    def reached(api):
        yield found

    def given(client, run, request):
        found["after"] -= 1
        return found["answer"] if found["after"] < 0 else None

    def put(client, desk, question, until):
        found["put"].append((desk, question.request, question.told))
        return uuid4()

    for name, double in (("reached", reached), ("put", put), ("given", given)):
        monkeypatch.setattr(questions, name, double)

    def taken_back(client, run, why):
        found["ended"][run] = why
        return True

    monkeypatch.setattr(questions, "taken_back", taken_back)
    return found


def asked(seconds=5.0):
    return approved(API, "btc", ASKED, seconds, lambda said: None, every=0.001)


def test_an_approval_is_returned_and_the_question_stands(server):
    server["answer"] = Answered(ASKED.request, YES)
    assert asked() == YES
    assert server["put"] == [("btc", ASKED.request, ASKED.told)]
    assert server["ended"] == {}


@pytest.mark.parametrize(
    ("answer", "fault", "said"),
    [
        (
            Answer(verdict="reject", person="ada", reason="one quiet day"),
            "",
            "rejected by ada: one quiet day",
        ),
        (Answer(verdict="reduce", quantity=1, person="ada", reason="half"), "", "reduced, which a promotion"),
        (None, "what was filled in is no answer", "what was filled in is no answer"),
    ],
)
def test_every_other_answer_is_a_no(server, answer, fault, said):
    server["answer"] = Answered(ASKED.request, answer, fault)
    with pytest.raises(RiskError, match=f"not promoted: {said}"):
        asked()


def test_silence_is_a_no_and_takes_the_question_back(server):
    with pytest.raises(RiskError, match="nobody answered in time, and silence means no"):
        asked(seconds=0.02)
    assert list(server["ended"].values()) == ["nobody answered in time"]


def test_who_gives_up_takes_the_question_back(server, monkeypatch):
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.promoting.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asked()
    assert list(server["ended"].values()) == ["given up"]


def test_without_a_server_nobody_has_approved():
    with pytest.raises(StoreError, match=r"Prefect at http://127.0.0.1:9/api does not answer"):
        approved("http://127.0.0.1:9/api", "btc", ASKED, 5.0, lambda said: None)


@pytest.mark.slow
def test_a_promotion_waits_in_prefect_until_it_is_answered(prefect):
    """The run is gone through, found by the desk, and answered as `hedge approve` does."""
    said, came = [], []
    with get_client(sync_client=True) as client:
        flow = client.create_flow(approval)
        client.create_deployment(flow, "promoted", entrypoint="flows.approval.approval", pull_steps=[])
        told = (prefect, "promoted", ASKED, 120.0, said.append)
        waiter = threading.Thread(target=lambda: came.append(approved(*told, every=0.1)))
        waiter.start()
        until = time.monotonic() + 20
        while not said and time.monotonic() < until:
            time.sleep(0.05)
        assert questions.waiting(prefect, "promoted", "promote-") == {}, "no worker has come to it"
        run = questions._run_of(client, ASKED.request)
        worked_off(approval, run)
        assert questions.waiting(prefect, "promoted", "promote-") == {ASKED.request: ASKED.told}
        assert questions.waiting(prefect, "promoted", "other-") == {}
        questions.answer_for(prefect, ASKED.request, YES)
        waiter.join(20)
    assert came == [YES]
    assert f"hedge approve promoted or at {prefect.removesuffix('/api')}/runs/flow-run/{run.id}" in said[0]
