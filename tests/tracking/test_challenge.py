"""Challengers stay in their place while they can still win, and give it up when they cannot."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.desk_file import load_any
from pipeline.tracking.challenge import why_they_stay
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, RUN, aliased, crown, promote_challengers
from pipeline.tracking.registry import challenge, versions_of

DESK = load_any("bac-intraday")
NAMES = tuple(f"bac-intraday.{model}" for model in ("regime_detector", "volatility_forecaster"))
CHAMPIONS, CHALLENGERS = (", ".join(f"{name} {version}" for name in NAMES) for version in (1, 2))


@pytest.fixture
def registry(experiment, mlruns):
    """A desk with champions, and challengers a moment younger."""
    client, _ = experiment
    for version in ("1", "2"):
        for name in NAMES:
            if version == "1":
                client.create_registered_model(name)
            client.create_model_version(name, "file:///nowhere", run_id=f"run{version}")
        time.sleep(0.01)
    crown(client, mlruns, dict.fromkeys(NAMES, "1"), RUN)
    for name in NAMES:
        client.set_registered_model_alias(name, CHALLENGER, "2")
    return client, mlruns


@pytest.fixture
def stays(registry, tmp_path):
    """Return why they stay, after so many options of a gain and so many critical alarms."""

    def asked(options=0, gain=0.5, alarms=0, days=0.0, desk=DESK, champion=CHAMPIONS, network=""):
        file = tmp_path / "shadow.jsonl"
        told = {
            "champion": f"{champion}{network}",
            "challenger": f"{CHALLENGERS}{network}",
            "alarms": 0,
        }
        lines = [
            {
                **told,
                "at": at,
                "champion_pnl": -1.0 - 0.01 * (at % 5),
                "challenger_pnl": gain - 1.0 - 0.01 * (at % 5),
            }
            for at in range(options)
        ]
        if lines:
            lines[0]["alarms"] = alarms
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return why_they_stay(registry[1], file, desk, datetime.now(UTC) + timedelta(days=days))

    return asked


def test_they_stay_while_they_are_compared_and_when_they_have_won(stays):
    assert stays().startswith("0 of 30 options were compared; newer ones take their place from ")
    assert stays(29).startswith("29 of 30 options")
    assert stays(29, champion="another 7").startswith("0 of 30"), "evidence against another champion is none"
    assert stays(40).startswith("they have won; newer ones")


def test_evidence_of_a_desk_that_goes_live_with_a_network_is_that_with_the_network(stays):
    policies = DESK.policies.model_copy(update={"live": "sac_band", "networks": {"sac_band": "a.npz"}})
    live = DESK.model_copy(update={"policies": policies})
    assert stays(29, desk=live).startswith("0 of 30"), "evidence of the flagship is none of the network"
    assert stays(29, desk=live, network=", a.npz").startswith("29 of 30")


def test_they_go_when_they_cannot_win_any_more(stays):
    assert stays(40, gain=-0.5) == ""
    assert stays(5, alarms=1) == "", "a critical alarm of their own"
    assert stays(5, days=27.9) != ""
    assert stays(5, days=28.1) == ""
    assert stays(desk=load_any("spx-daily")) == "", "nothing is compared of a desk that does not go live"


def test_a_younger_champion_makes_them_old(registry, stays):
    client, mlruns = registry
    for name in NAMES:
        client.create_model_version(name, "file:///nowhere")
    crown(client, mlruns, dict.fromkeys(NAMES, "3"), RUN)
    assert stays() == ""


def test_one_of_them_that_was_promoted_alone_does_not_make_the_others_old(registry, stays):
    client, mlruns = registry
    promote_challengers(mlruns, DESK.name, "ann", "why", model="volatility_forecaster")
    assert set(aliased(client, DESK.name, CHALLENGER)) == {NAMES[0]}
    assert stays().startswith("0 of 30 options")


def test_without_challengers_or_a_registry_nobody_stays(registry, stays, tmp_path):
    client, _ = registry
    for name in NAMES:
        client.delete_registered_model_alias(name, CHALLENGER)
    assert stays() == ""
    assert why_they_stay(tmp_path, tmp_path / "none", DESK, datetime.now(UTC)) == ""


def test_the_models_of_an_unchanged_run_become_challengers_but_for_champions(registry):
    client, mlruns = registry
    for name in NAMES:
        client.delete_registered_model_alias(name, CHALLENGER)
    crown(client, mlruns, {NAMES[0]: "2"}, RUN)
    challenge(client, versions_of(client, "run2"))
    assert aliased(client, DESK.name, CHALLENGER) == {NAMES[1]: "2"}
    assert aliased(client, DESK.name, CHAMPION) == {NAMES[0]: "2", NAMES[1]: "1"}
