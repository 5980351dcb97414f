"""`hedge promote` on the command line: criteria first, then a person where the desk asks for one."""

import json
from types import SimpleNamespace

import pytest

from flows import promoting
from pipeline.cli import promote
from pipeline.domain.errors import RiskError
from pipeline.live.approvals import Answer
from pipeline.monitor.contest import Contest
from pipeline.tracking import champions, promotion
from pipeline.tracking.promotion import Change
from tests.market_ticks import DESK

MEANT = {"small-intraday.regime_switched": "4"}
YES = Answer(verdict="approve", person="ada", reason="good evidence")


@pytest.fixture
def desk(tmp_path):
    file = tmp_path / "desk.toml"
    file.write_text(f"{DESK}\n[promotion]\napproval = true\ndeadline_seconds = 60\n")
    return file


@pytest.fixture
def world(monkeypatch):
    """A contest, the registry and Prefect; what reached them."""
    found = SimpleNamespace(
        promoted=[], asked=[], answer=YES, contest=Contest(40, 0.5, 0.1, (1.0, 0.9), (), lost=False)
    )
    found.first = []

    def promoted(*told):
        found.promoted.append(told)
        return [Change("small-intraday.regime_switched", "3", "4")]

    def approved(*told):
        found.asked.append(told[:4])
        if isinstance(found.answer, Exception):
            raise found.answer
        return found.answer

    monkeypatch.setenv("PREFECT_API_URL", "http://prefect/api")
    monkeypatch.setattr(promote, "contest_of", lambda *_: found.contest)
    monkeypatch.setattr(champions, "unchallenged", lambda *_: found.first)
    monkeypatch.setattr(promotion, "challengers", lambda *_: MEANT)
    monkeypatch.setattr(promotion, "promote_challengers", promoted)
    monkeypatch.setattr(promoting, "approved", approved)
    return found


def test_a_person_is_asked_with_the_evidence_and_stands_in_it(hedge_here, world, desk, tmp_path):
    said = hedge_here("promote", desk, "--reason", "it won", "--home", tmp_path)
    assert said.stdout.split() == ["small-intraday.regime_switched", "champion", "3", "→", "4"]
    ((api, name, asked, seconds),) = world.asked
    assert (api, name, seconds) == ("http://prefect/api", "small-intraday", 60.0)
    assert asked.request.startswith("promote-small-intraday-")
    assert asked.told.startswith("promote small-intraday.regime_switched 4 (")
    assert asked.told.endswith("it won). They have won: 40 options, risk falls by 0.5")
    ((*_, evidence, meant, hedger),) = world.promoted
    assert evidence["approved"] == {"person": "ada", "reason": "good evidence"}
    assert (meant, hedger) == (MEANT, "regime_switched")
    assert json.dumps(evidence)


def test_one_model_is_judged_by_its_own_evidence(hedge_here, world, desk, tmp_path, monkeypatch):
    judged = []
    monkeypatch.setattr(promote, "contest_of", lambda *asked: judged.append(asked[3]) or world.contest)
    told = ("promote", desk, "--reason", "it won", "--home", tmp_path)
    for model in ((), ("--model", "regime_switched")):
        assert hedge_here(*told, *model).returncode == 0
    assert judged == [None, "regime_switched"]


def test_nobody_is_asked_about_who_has_not_won_but_by_force(hedge_here, world, desk, tmp_path):
    world.contest = Contest(3, 0.0, 0.0, (0.0, 0.0), ("3 options were compared, 30 are needed",), lost=False)
    told = ("promote", desk, "--reason", "a drill", "--home", tmp_path)
    assert "not promoted: 3 options" in hedge_here(*told).stderr
    assert (world.asked, world.promoted) == ([], [])
    assert hedge_here(*told, "--anyway").returncode == 0
    assert world.asked[0][2].told.endswith("a drill). 3 options were compared, 30 are needed")


def test_who_challenges_nobody_is_approved_without_a_contest(hedge_here, world, desk, tmp_path, monkeypatch):
    monkeypatch.setattr(promote, "contest_of", lambda *_: pytest.fail("there is nobody to compare with"))
    world.first = ["regime_switched"]
    assert hedge_here("promote", desk, "--reason", "to begin", "--home", tmp_path).returncode == 0
    assert world.asked[0][2].told.endswith(
        "to begin). Nobody decides in their place yet, so nothing was compared"
    )
    ((*_, evidence, _, _),) = world.promoted
    assert evidence == {
        "first": ["regime_switched"],
        "approved": {"person": "ada", "reason": "good evidence"},
    }
    world.answer = RiskError("not promoted: rejected by ada: which data?")
    assert "rejected by ada" in hedge_here("promote", desk, "--reason", "to begin", "--home", tmp_path).stderr
    assert len(world.promoted) == 1


def test_without_a_yes_nothing_is_promoted(hedge_here, world, desk, tmp_path, monkeypatch):
    told = ("promote", desk, "--reason", "it won", "--home", tmp_path)
    world.answer = RiskError("not promoted: nobody answered in time, and silence means no")
    assert "silence means no" in hedge_here(*told).stderr
    monkeypatch.delenv("PREFECT_API_URL")
    assert "set PREFECT_API_URL to the API" in hedge_here(*told).stderr
    assert world.promoted == []


def test_a_network_that_the_desk_names_by_its_file_goes_on(hedge_here, world, desk, tmp_path):
    named = '[policies]\nnetworks = { network_band = "a.npz" }'
    desk.write_text(DESK.replace("[policies]", named))
    told = ("promote", desk, "--reason", "it won", "--home", tmp_path, "--model", "network_band")
    said = hedge_here(*told)
    assert said.returncode == 0
    assert "policies.networks names a.npz for network_band: the desk hedges with that" in said.stderr


def test_a_desk_that_does_not_ask_for_it_asks_nobody(hedge_here, world, desk, tmp_path):
    desk.write_text(DESK)
    assert hedge_here("promote", desk, "--reason", "it won", "--home", tmp_path).returncode == 0
    ((*_, evidence, _, _),) = world.promoted
    assert world.asked == []
    assert "approved" not in evidence


def test_challengers_that_come_while_others_are_judged_are_not_meant(
    hedge_here, world, desk, tmp_path, monkeypatch
):
    there = dict(MEANT)

    def judged(*_):
        there["small-intraday.regime_switched"] = "5"
        return world.contest

    monkeypatch.setattr(promote, "contest_of", judged)
    monkeypatch.setattr(promotion, "challengers", lambda *_: dict(there))
    assert hedge_here("promote", desk, "--reason", "it won", "--home", tmp_path).returncode == 0
    assert world.promoted[0][-2] == MEANT


@pytest.mark.parametrize("change", ["promote", "rollback"])
def test_a_change_of_champions_takes_a_reason(hedge_here, change):
    done = hedge_here(change, "bac-intraday", "--reason", " ")
    assert (done.returncode, done.stderr) == (1, "hedge: --reason: say why; it is written down\n")
