"""Challengers stay in their place while they can still win, and give it up when they cannot."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.desk_file import load_any
from pipeline.tracking.challenge import why_they_stay
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, RUN, aliased, crown, promote_challengers
from pipeline.tracking.registry import place, versions_of

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


def lines(options, gain, alarms, champion=CHAMPIONS, challenger=CHALLENGERS):
    """So many options of a gain, the first with critical alarms."""
    told = {"champion": champion, "challenger": challenger}
    return [
        {
            **told, "at": at, "champion_pnl": -1.0 - 0.01 * (at % 5),
            "challenger_pnl": gain - 1.0 - 0.01 * (at % 5), "alarms": [] if at else ["data x"] * alarms,
        }
        for at in range(options)
    ]  # fmt: skip


def alone(model, *told):
    """The same of the challenger of one model among the champions of the others."""
    versions = {name: "2" if name == model else "1" for name in NAMES}
    return lines(*told, challenger=", ".join(f"{name} {version}" for name, version in versions.items()))


@pytest.fixture
def stays(registry, tmp_path):
    """Return who stays and why, after what was compared."""

    def asked(compared=(), days=0.0, desk=DESK):
        file = tmp_path / "shadow.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in compared))
        return why_they_stay(registry[1], file, desk, datetime.now(UTC) + timedelta(days=days))

    return asked


def said_of(found):
    """What is said of all, who must be all challengers."""
    assert set(found) == {name.partition(".")[2] for name in NAMES}
    (said,) = {each.partition(";")[0] for each in found.values()}
    return said


def test_they_stay_while_they_are_compared_and_when_they_have_won(stays):
    assert said_of(stays()) == "0 of 30 options were compared"
    assert said_of(stays(lines(29, 0.5, 0))) == "29 of 30 options were compared"
    other = lines(29, 0.5, 0, champion="another 7")
    assert said_of(stays(other)) == "0 of 30 options were compared", (
        "evidence against another champion is none"
    )
    assert said_of(stays(lines(40, 0.5, 0))) == "it has won"
    assert "; newer ones take its place from " in stays()["regime_detector"]


def test_evidence_of_a_desk_that_goes_live_with_a_network_is_that_with_the_network(stays):
    policies = DESK.policies.model_copy(update={"live": "sac_band", "networks": {"sac_band": "a.npz"}})
    live = DESK.model_copy(update={"policies": policies})
    none = stays(lines(29, 0.5, 0), desk=live)
    assert said_of(none).startswith("0 of 30"), "evidence of the flagship is none of the network"
    both = (f"{CHAMPIONS}, a.npz", f"{CHALLENGERS}, a.npz")
    assert said_of(stays(lines(29, 0.5, 0, *both), desk=live)).startswith("29 of 30")


def test_they_go_when_they_cannot_win_any_more(stays):
    assert stays(lines(40, -0.5, 0)) == {}
    assert stays(lines(5, 0.5, 1)) == {}, "a critical alarm of their own"
    assert stays(days=27.9) != {}
    assert stays(days=28.1) == {}
    assert stays(desk=load_any("spx-daily")) == {}, "nothing is compared of a desk that does not go live"


def test_they_stay_who_have_saved_risk_though_not_yet_beyond_doubt(stays):
    """The champion loses more in one hour of forty: by chance, as far as forty options can tell."""
    told = lines(40, -0.001, 0)
    for line in told[:6]:
        line["champion_pnl"] -= 0.5
    assert "which chance explains" in said_of(stays(told))


def test_where_all_together_have_lost_one_stays_by_its_own_evidence(stays):
    lost, (first, second) = lines(40, -0.5, 0), NAMES
    found = stays([*lost, *alone(first, 40, 0.5, 0), *alone(second, 40, -0.5, 0)])
    assert list(found) == ["regime_detector"]
    assert found["regime_detector"].startswith("it has won;")
    assert list(stays([*lost, *alone(second, 12, 0.5, 0)])) == ["volatility_forecaster"], "it still can win"
    assert stays([*lost, *alone(second, 12, 0.5, 1)]) == {}
    assert said_of(stays([*lines(40, 0.5, 0), *alone(first, 40, -0.5, 0)])) == "it has won", "together"


def test_a_network_stays_by_its_own_evidence(registry, stays):
    client, name = registry[0], f"{DESK.name}.network_band"
    client.create_registered_model(name)
    client.create_model_version(name, "file:///nowhere", run_id="training")
    client.set_registered_model_alias(name, CHALLENGER, "1")
    line = f"{CHAMPIONS}, {name} 1"
    lost = lines(40, -0.5, 0)
    assert set(stays(lost)) == {"network_band"}, "nothing was compared of it"
    assert stays([*lost, *lines(40, 0.5, 0, challenger=line)])["network_band"].startswith("it has won")
    assert stays([*lost, *lines(40, -0.5, 0, challenger=line)]) == {}
    live = DESK.model_copy(update={"policies": DESK.policies.model_copy(update={"live": "network_band"})})
    all_of_them = lines(31, 0.5, 0, challenger=f"{CHALLENGERS}, {name} 1")
    assert set(stays(all_of_them, desk=live)) == {"network_band", *(each.partition(".")[2] for each in NAMES)}


def test_a_younger_champion_makes_them_old(registry, stays):
    client, mlruns = registry
    for name in NAMES:
        client.create_model_version(name, "file:///nowhere")
    crown(client, mlruns, dict.fromkeys(NAMES, "3"), RUN)
    assert stays() == {}


def test_one_of_them_that_was_promoted_alone_does_not_make_the_others_old(registry, stays):
    client, mlruns = registry
    promote_challengers(mlruns, DESK.name, "ann", "why", model="volatility_forecaster")
    assert set(aliased(client, DESK.name, CHALLENGER)) == {NAMES[0]}
    assert stays()["regime_detector"].startswith("0 of 30 options")


def test_without_challengers_or_a_registry_nobody_stays(registry, stays, tmp_path):
    client, _ = registry
    for name in NAMES:
        client.delete_registered_model_alias(name, CHALLENGER)
    assert stays() == {}
    assert why_they_stay(tmp_path, tmp_path / "none", DESK, datetime.now(UTC)) == {}


def test_the_models_of_an_unchanged_run_become_challengers_but_for_champions(registry):
    client, mlruns = registry
    for name in NAMES:
        client.delete_registered_model_alias(name, CHALLENGER)
    crown(client, mlruns, {NAMES[0]: "2"}, RUN)
    place(client, mlruns, versions_of(client, "run2"), CHALLENGER)
    assert aliased(client, DESK.name, CHALLENGER) == {NAMES[1]: "2"}
    assert aliased(client, DESK.name, CHAMPION) == {NAMES[0]: "2", NAMES[1]: "1"}


def test_who_was_fitted_as_the_champion_was_challenges_nobody(registry):
    client, mlruns = registry
    costs = "bac-intraday.execution_costs"
    client.create_registered_model(costs)
    for _ in range(2):
        client.create_model_version(costs, "file:///nowhere")
    client.set_registered_model_alias(costs, CHAMPION, "1")
    for name in NAMES:
        client.delete_registered_model_alias(name, CHALLENGER)
    for name, before, after in ((NAMES[0], "one", "one"), (NAMES[1], "one", "two"), (costs, "one", "one")):
        client.set_model_version_tag(name, "1", "backtest", before)
        client.set_model_version_tag(name, "2", "backtest", after)
    place(client, mlruns, dict.fromkeys((*NAMES, costs), "2"), CHALLENGER)
    assert aliased(client, DESK.name, CHALLENGER) == {NAMES[1]: "2", costs: "2"}
