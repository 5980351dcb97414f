"""Questions of a live desk reach Prefect and their answers come back, whatever Prefect does meanwhile."""

import subprocess
import sys
import time
from contextlib import contextmanager
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Pending

from flows import questions
from flows.approval import approval
from flows.asking import ANSWERED, NOT_PUT, PUT, PrefectApprovals
from pipeline.domain.errors import RiskError, StoreError
from pipeline.live.approvals import Answer, Answered, Question
from tests.flows.worker import worked_off

NOW = 1_700_000_000 * 10**9
ASKED = Question("btc-1", "BTC", 4.0, 100.0, NOW, NOW + 300 * 10**9, "position of 2: soft limit 3")
YES = Answer(verdict="approve", person="ada", reason="the book is deep")


class Server:
    """Prefect as far as `questions` uses it; it can be down."""

    def __init__(self, monkeypatch):
        self.down, self.runs, self.filled, self.ended = False, {}, {}, {}
        self.starting = 0
        for name in ("reached", "put", "page_of", "given", "taken_back"):
            monkeypatch.setattr(questions, name, getattr(self, name))

    @contextmanager
    def reached(self, api):
        if self.down:
            raise StoreError(f"Prefect at {api} does not answer")
        yield self

    def put(self, client, desk, question, until):
        return self.runs.setdefault(question.request, (uuid4(), until))[0]

    def page_of(self, run):
        return f"http://prefect/{run}"

    def given(self, client, run, request):
        return self.filled.get(request)

    def taken_back(self, client, run, why):
        self.starting -= 1
        if self.starting < 0:
            self.ended[run] = why
        return self.starting < 0


@pytest.fixture
def server(monkeypatch):
    return Server(monkeypatch)


@pytest.fixture
def asking():
    return PrefectApprovals("btc", "http://prefect/api", every=0.01)


def test_a_question_is_put_once_and_its_answer_comes_once(server, asking):
    asking.ask(ASKED)
    asking.look()
    run, until = server.runs["btc-1"]
    assert asking.told() == {"stands": PUT, "page": f"http://prefect/{run}", "fault": ""}
    assert until.timestamp() == pytest.approx(time.time() + 300, abs=5)
    assert asking.answers() == []
    server.filled["btc-1"] = Answered("btc-1", YES)
    asking.look()
    asking.look()
    assert asking.told()["stands"] == ANSWERED
    assert asking.answers() == [Answered("btc-1", YES)]
    assert asking.answers() == []
    asking.close("btc-1", "approve: the book is deep")
    asking.look()
    assert asking.told() == {"stands": "", "page": "", "fault": ""}
    assert run not in server.ended, "what was answered is not taken back"


def test_in_a_replay_that_is_faster_the_last_moment_of_an_answer_is_sooner(server):
    asking = PrefectApprovals("btc", "http://prefect/api", speed=3.0)
    asking.ask(ASKED)
    asking.look()
    assert server.runs["btc-1"][1].timestamp() == pytest.approx(time.time() + 100, abs=5)


def test_a_question_that_is_closed_is_taken_back(server, asking):
    asking.ask(ASKED)
    asking.look()
    asking.close("btc-1", "the desk has halted")
    asking.look()
    assert server.ended == {server.runs["btc-1"][0]: "the desk has halted"}
    asking.close("btc-1", "again")


def test_one_whose_process_is_starting_is_taken_back_when_it_waits(server, asking):
    server.starting = 2
    asking.ask(ASKED)
    asking.look()
    asking.close("btc-1", "the desk has halted")
    asking.look()
    asking.look()
    assert server.ended == {}
    asking.look()
    assert server.ended == {server.runs["btc-1"][0]: "the desk has halted"}
    asking.look()


def test_a_desk_that_ends_waits_for_what_it_takes_back(server, asking):
    server.starting = 5
    with asking.beside(None):
        asking.ask(ASKED)
        asking.look()
        asking.close("btc-1", "the desk has halted")
    assert server.ended == {server.runs["btc-1"][0]: "the desk has halted"}


def test_one_that_was_closed_before_it_was_put_is_not_put(server, asking):
    asking.ask(ASKED)
    asking.close("btc-1", "the desk does not want it any more")
    asking.look()
    assert server.runs == {}


def test_while_prefect_is_down_it_says_so_and_tries_again(server, asking):
    server.down = True
    asking.ask(ASKED)
    asking.look()
    assert "does not answer" in asking.fault
    assert asking.told() == {"stands": NOT_PUT, "page": "", "fault": asking.fault}
    server.down = False
    asking.look()
    assert asking.fault == ""
    assert set(server.runs) == {"btc-1"}


def test_a_fault_of_the_program_is_one_too_and_nobody_waits_for_it(server, asking, monkeypatch, caplog):
    monkeypatch.setattr(questions, "put", lambda *_: 1 / 0)
    asking.ask(ASKED)
    asking.look()
    assert asking.fault == "ZeroDivisionError: division by zero"
    assert "people cannot be asked" in caplog.text


def test_it_carries_in_a_thread_of_its_own_and_leaves_open_what_is_open(server, asking):
    with asking.beside(None):
        asking.ask(ASKED)
        deadline = time.monotonic() + 5
        while "btc-1" not in server.runs and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "btc-1" in server.runs
    assert server.ended == {}


def test_no_server_is_one_line_and_quick():
    asking = PrefectApprovals("btc", "http://127.0.0.1:9/api")
    asking.ask(ASKED)
    asking.look()
    assert asking.fault.startswith("Prefect at http://127.0.0.1:9/api does not answer")
    assert "\n" not in asking.fault


@pytest.mark.slow
def test_a_flow_run_suspends_until_it_is_answered_and_answers_the_desk(prefect, environment, tmp_path):
    """The run is first started as a worker does it: by `prefect flow-run execute`."""
    environment |= {"PREFECT_API_URL": prefect, "PREFECT_HOME": str(tmp_path)}
    asking = PrefectApprovals("btc", prefect)
    with get_client(sync_client=True) as client:
        asking.ask(ASKED)
        asking.look()
        assert "hedge up DESK makes it" in asking.fault
        flow = client.create_flow(approval)
        client.create_deployment(flow, "btc", entrypoint="flows.approval.approval", pull_steps=[])
        asking.look()
        assert asking.fault == ""
        run = questions._run_of(client, "btc-1")
        assert asking.told()["page"] == f"{prefect.removesuffix('/api')}/runs/flow-run/{run.id}"
        with pytest.raises(RiskError, match="no worker has come to it"):
            questions.answer_for(prefect, "btc-1", YES)

        line = [sys.executable, "-m", "prefect", "flow-run", "execute", str(run.id)]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        run = client.read_flow_run(run.id)
        assert run.state.name == "Suspended"
        description = client.read_flow_run_input(
            run.id, run.state.state_details.run_input_keyset["description"]
        )
        assert "buy 4 BTC at about 100, beyond a soft limit: position of 2: soft limit 3" in description
        for none in ({"verdict": "reduce"}, {"verdict": "perhaps"}, {"verdict": "approve", "reason": " "}):
            told = {"person": "ada", "reason": "why", **none}
            assert client.resume_flow_run(run.id, run_input=told).status.value == "REJECT"
        asking.look()
        assert asking.answers() == []
        reduced = Answer(verdict="reduce", person="ada", reason="a thin book", quantity=2.0)
        questions.answer_for(prefect, "btc-1", reduced)
        asking.look()
        assert asking.answers() == [Answered("btc-1", reduced)]
        with pytest.raises(RiskError, match="answered already"):
            questions.answer_for(prefect, "btc-1", YES)
        worked_off(approval, client.read_flow_run(run.id))
        assert client.read_flow_run(run.id).state.is_completed()
        with pytest.raises(RiskError, match="is over: Completed"):
            questions.answer_for(prefect, "btc-1", YES)

        again = PrefectApprovals("btc", prefect)
        again.ask(ASKED)
        again.look()
        assert again.answers() == [Answered("btc-1", reduced)], "after a restart it is the same run"

        third = Question("btc-4", *(getattr(ASKED, name) for name in Question.__slots__[1:]))
        asking.ask(third)
        asking.look()
        run = questions._run_of(client, "btc-4")
        client.set_flow_run_state(run.id, Pending(name="Submitting"), force=True)
        asking.close("btc-4", "the desk has halted")
        asking.look()
        assert questions._run_of(client, "btc-4").state.is_pending(), "its process would suspend all the same"
        worked_off(approval, questions._run_of(client, "btc-4"))
        asking.look()
        assert client.read_flow_run(run.id).state.name == "Cancelled"

        other = Question("btc-2", *(getattr(ASKED, name) for name in Question.__slots__[1:]))
        asking.ask(other)
        asking.look()
        asking.close("btc-2", "the desk has halted")
        asking.look()
        assert questions._run_of(client, "btc-2").state.name == "Cancelled"
        with pytest.raises(RiskError, match="is over: Cancelled: the desk has halted"):
            questions.answer_for(prefect, "btc-2", YES)
        with pytest.raises(RiskError, match="is not in Prefect"):
            questions.answer_for(prefect, "btc-3", YES)
