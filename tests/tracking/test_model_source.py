"""When the champions of a desk change, a live loop is given the new ones once."""

from types import SimpleNamespace

import pytest

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.domain.errors import StoreError
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.policies.catalogue import POLICIES
from pipeline.tracking import model_source
from pipeline.tracking.champions import Champions
from pipeline.tracking.model_source import ChallengerRegistry, RegistrySource, challengers_of, learned_of
from pipeline.tracking.promotion import CHALLENGER, crown

NAMES = ("desk.detector", "desk.policy")


@pytest.fixture
def source(experiment, mlruns, monkeypatch):
    """A registry with two versions of two models, and a loader that says what it was asked."""
    client, _ = experiment
    for name in NAMES:
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, "file:///nowhere")
    crown(client, mlruns, dict.fromkeys(NAMES, "1"), "a run")
    cards = tuple(SimpleNamespace(name=name, version="1") for name in NAMES)
    monkeypatch.setattr(model_source, "load_champions", lambda *asked: asked)
    monkeypatch.setattr(model_source, "learned_of", lambda champions, named: (champions, named))
    return client, RegistrySource(mlruns, "desk", "desk.toml", SimpleNamespace(cards=cards))


def test_others_are_given_once(source, mlruns):
    client, newer = source
    assert newer.newer() is None
    crown(client, mlruns, {"desk.policy": "2"}, "it won")
    asked = (mlruns, "desk", "desk.toml")
    assert newer.newer() == (asked, "desk.toml")
    assert newer.champions == asked
    assert newer.newer() is None


def test_costs_that_were_never_learned_before_are_others_too(source, mlruns):
    client, newer = source
    client.create_registered_model("desk.execution_costs")
    client.create_model_version("desk.execution_costs", "file:///nowhere")
    crown(client, mlruns, {"desk.execution_costs": "1"}, "ann: it won")
    assert newer.newer() is not None
    assert newer.newer() is None


@pytest.mark.parametrize(("learned", "crossing"), [(None, 1.0), (1.7, 1.7)])
def test_a_desk_crosses_at_what_its_own_fills_taught_or_at_what_its_file_says(learned, crossing):
    signals = FittedIntraday.__new__(FittedIntraday)
    costs = LearnedCosts(crossing=learned)
    champions = Champions(signals, POLICIES["delta_implied"](), (), {"desk_cost": 1e-4}, costs=costs)
    assert learned_of(champions, "bac-intraday").crossing == crossing


def test_one_that_is_missing_is_said_once_and_taken_when_it_is_back(source, mlruns, monkeypatch):
    client, newer = source

    def missing(*_):
        raise StoreError("desk has no champion detector")

    client.delete_registered_model_alias("desk.detector", "champion")
    with monkeypatch.context() as patched:
        patched.setattr(model_source, "load_champions", missing)
        with pytest.raises(StoreError, match="no champion detector"):
            newer.newer()
        assert newer.newer() is None
    client.set_registered_model_alias("desk.detector", "champion", "2")
    assert newer.newer() is not None


def test_challengers_are_loaded_all_together_and_each_alone(source, mlruns):
    client, _ = source
    registry = ChallengerRegistry(mlruns, "desk", "desk.toml")
    assert registry.newer() is None
    first, other = "regime_detector", "execution_costs"
    for model, expected in ((first, [[first]]), (other, [[first, other], [first], [other]])):
        client.create_registered_model(f"desk.{model}")
        client.create_model_version(f"desk.{model}", "file:///nowhere")
        client.set_registered_model_alias(f"desk.{model}", CHALLENGER, "1")
        asked = [load() for load in registry.newer()]
        assert asked == [(mlruns, "desk", "desk.toml", each) for each in expected]
        assert registry.newer() is None
    registry.forget()
    assert len(registry.newer()) == 3


@pytest.mark.parametrize(
    ("model", "loaded"), [(None, {"detector", "policy"}), ("policy", {"policy"}), ("execution_costs", None)]
)
def test_the_challenger_of_one_model_stands_alone_among_champions(source, mlruns, model, loaded):
    client, _ = source
    for name in NAMES:
        client.set_registered_model_alias(name, CHALLENGER, "2")
    found = challengers_of(mlruns, "desk", "desk.toml", model)
    assert found == (None if loaded is None else (mlruns, "desk", "desk.toml", loaded))
