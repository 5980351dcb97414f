"""When the champions of a desk change, a live loop is given the new ones once."""

from types import SimpleNamespace

import pandas as pd
import pytest

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import LatencySettings
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.policies.checkpoint import SEEN, SEES, Checkpoint, network_arrays
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.saved_network import keep_network, terms_digest
from pipeline.tracking import model_source
from pipeline.tracking.champions import NEEDED, Champions, load_champions
from pipeline.tracking.model_source import (
    ChallengerRegistry,
    RegistrySource,
    band_of,
    challengers_of,
    learned_of,
)
from pipeline.tracking.promotion import CHALLENGER, crown
from tests.stored_market import DESK

NAMES = ("desk.detector", "desk.policy")
WIDTH = len(INPUTS) + len(COLUMNS)
NETWORK = Network(
    (Layer(((0.5,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2)),), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH,
    (1.0,) * WIDTH,
)  # fmt: skip


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

    def loaded(*asked, hedger=None):
        return asked if hedger is None else (*asked, hedger)

    monkeypatch.setattr(model_source, "load_champions", loaded)
    monkeypatch.setattr(model_source, "learned_of", lambda champions, named: (champions, named))
    return client, RegistrySource(mlruns, "desk", "desk.toml", SimpleNamespace(cards=cards, hedger="policy"))


@pytest.mark.parametrize(
    ("lacks", "waits", "makes"),
    [
        ("network_band", False, "train d.toml --policy network_band"),
        ("network_band", True, "promote d.toml --model network_band"),
        ("whalley_wilmott", False, "run d.toml"),
        ("whalley_wilmott", True, "promote d.toml --model whalley_wilmott"),
        (NEEDED[0], False, "run d.toml"),
        (NEEDED[0], True, "promote d.toml"),
    ],
)
def test_without_a_champion_the_command_that_makes_one_is_named(experiment, mlruns, lacks, waits, makes):
    client, _ = experiment
    hedger = "network_band" if lacks in NEEDED else lacks
    for model in (*NEEDED, hedger):
        client.create_registered_model(f"desk.{model}")
        client.create_model_version(f"desk.{model}", "file:///nowhere")
    crown(client, mlruns, {f"desk.{model}": "1" for model in {*NEEDED, hedger} - {lacks}}, "a run")
    if waits:
        client.set_registered_model_alias(f"desk.{lacks}", CHALLENGER, "1")
    with pytest.raises(StoreError, match=f"no champion {lacks} yet: `hedge {makes}` makes one"):
        load_champions(mlruns, "desk", "d.toml", hedger=hedger)


def test_others_are_given_once(source, mlruns):
    client, newer = source
    assert newer.newer() is None
    crown(client, mlruns, {"desk.policy": "2"}, "it won")
    asked = (mlruns, "desk", "desk.toml", "policy")
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


@pytest.mark.parametrize("loader", ["load_champions", "learned_of"])
def test_one_that_cannot_be_loaded_is_asked_for_again_until_it_can(source, mlruns, monkeypatch, loader):
    client, newer = source
    before = newer.champions

    def missing(*_, **__):
        raise StoreError("desk has no champion detector")

    crown(client, mlruns, {"desk.policy": "2"}, "it won")
    with monkeypatch.context() as patched:
        patched.setattr(model_source, loader, missing)
        for _ in range(2):
            with pytest.raises(StoreError, match="no champion detector"):
                newer.newer()
        assert newer.champions is before
    assert newer.newer() is not None
    assert newer.newer() is None


def test_challengers_are_loaded_all_together_and_each_alone(source, mlruns):
    client, _ = source
    registry = ChallengerRegistry(mlruns, "desk", "desk.toml", FLAGSHIP)
    assert registry.newer() is None
    first, other, network = "regime_detector", "execution_costs", "network_band"
    ours = [([first, other], FLAGSHIP), ([first], FLAGSHIP), ([other], FLAGSHIP)]
    for model, expected in (
        (first, [([first], FLAGSHIP)]),
        (other, ours),
        (network, [*ours, ([network], network)]),
    ):
        client.create_registered_model(f"desk.{model}")
        client.create_model_version(f"desk.{model}", "file:///nowhere")
        client.set_registered_model_alias(f"desk.{model}", CHALLENGER, "1")
        asked = [load() for load in registry.newer()]
        assert asked == [(mlruns, "desk", "desk.toml", *each) for each in expected]
        assert registry.newer() is None
    registry.forget()
    assert len(registry.newer()) == 4
    live = ChallengerRegistry(mlruns, "desk", "desk.toml", network)
    asked = [load() for load in live.newer()]
    assert asked[0] == (mlruns, "desk", "desk.toml", [first, other, network], network), "it decides with them"
    assert asked[-1] == (mlruns, "desk", "desk.toml", [network], network)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("model", "loaded"),
    [
        (None, (["regime_detector", FLAGSHIP], FLAGSHIP)),
        (FLAGSHIP, ([FLAGSHIP], FLAGSHIP)),
        ("ppo_band", (["ppo_band"], "ppo_band")),
        ("execution_costs", None),
    ],
)
def test_the_challenger_of_one_model_stands_alone_among_champions(source, mlruns, model, loaded):
    client, _ = source
    for name in ("regime_detector", FLAGSHIP, "ppo_band"):
        client.create_registered_model(f"desk.{name}")
        client.create_model_version(f"desk.{name}", "file:///nowhere")
        client.set_registered_model_alias(f"desk.{name}", CHALLENGER, "1")
    found = challengers_of(mlruns, "desk", "desk.toml", model, FLAGSHIP)
    assert found == (None if loaded is None else (mlruns, "desk", "desk.toml", *loaded))


def champions_of(desk, **network):
    """Champions of a desk within the day without a file."""
    signals = FittedIntraday.__new__(FittedIntraday)
    return Champions(signals, POLICIES["delta_implied"](), (), {"desk_cost": 1e-4}, **network)


def with_live(monkeypatch, **policies):
    """Let the desk file say who goes live."""
    desk = DESK.model_copy(update={"policies": DESK.policies.model_copy(update=policies)})
    monkeypatch.setattr(model_source, "load_any", lambda _: desk)
    return desk


def test_the_network_of_the_champions_or_of_the_file_gives_the_band(tmp_path, monkeypatch):
    seen = {SEES: list(COLUMNS), SEEN: "2020-03-04T16:59:30+00:00"}
    network = Checkpoint(terms_digest(DESK), seen, network_arrays(NETWORK))
    band = NetworkBand(NETWORK, tuple(COLUMNS))
    desk = with_live(monkeypatch, live="network_band")
    found = learned_of(champions_of(desk, hedger="network_band", network=network), "x")
    assert (found.policy, found.seen_until) == (band, pd.Timestamp(seen[SEEN]))
    network.write(tmp_path / "new.npz")
    file = keep_network(Home.find(), DESK.name, "network_band", (tmp_path / "new.npz").read_bytes()).name
    desk = with_live(monkeypatch, live="network_band", networks={"network_band": file})
    found = learned_of(champions_of(desk), "x")
    assert (found.policy, found.seen_until) == (band, pd.Timestamp(seen[SEEN]))
    assert found.model.endswith(file)
    taught = desk.executed(LatencySettings(median_seconds=1.5), crossing=1.3)
    assert band_of(champions_of(desk), taught, "network_band")[0] == band, "own fills outdate none"
    other = desk.model_copy(update={"hedge": DESK.hedge.model_copy(update={"size": 7.0})})
    for champions in (champions_of(desk), champions_of(desk, hedger="network_band", network=network)):
        with pytest.raises(StoreError, match="trained for another desk"):
            band_of(champions, other, "network_band")
    with_live(monkeypatch)
    assert learned_of(champions_of(desk), "x").policy == POLICIES["delta_implied"]()


@pytest.mark.parametrize("live", ["network_band", "delta_implied"])
def test_a_desk_file_that_turns_to_the_registry_meanwhile_waits_for_the_next_start(monkeypatch, live):
    desk = with_live(monkeypatch, live=live)
    with pytest.raises(StoreError, match=f"follows the registry's {live} by now: start again"):
        learned_of(champions_of(desk), "x")
