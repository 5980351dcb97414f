"""What a hedger that learns in a run of its desk may see, and what it leaves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline.domain.desk import Desk, parse_desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.ingest.content import content_digest
from pipeline.ingest.packing import unpacked
from pipeline.learning.in_a_run import NETWORK, STATE, learn_hedger
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS
from pipeline.learning.order import Order
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import terms_digest

MARKET = KnownMarket(volatility=(0.1, 0.3))
NETWORKS = ["network_band", "recurrent_band", "network_position", "recurrent_position"]
START = pd.Timestamp("2017-01-03")


def desk(**policies):
    windows = {"learn_start": "2010-01-04", "signals_start": "2014-01-01", "test_start": START.date()}
    return Desk(
        name="mine",
        windows=windows,
        policies={"run": ["network_band"], **policies},
        market={"atm_ratio": 0.9},
    )


def told(steps=2, markets=512, market=MARKET):
    return Order(steps=steps, markets=markets, known=market, seed=7)


@pytest.mark.parametrize("policy", NETWORKS)
def test_what_is_left_is_the_desk_s_and_the_same_each_time(policy):
    own = desk().for_learning()
    once, again = learn_hedger(own, policy, told()), learn_hedger(own, policy, told())
    assert (once[NETWORK], once[STATE]) == (again[NETWORK], again[STATE])
    assert once["curve"]["step"].tolist() == [0, 2]
    other = learn_hedger(own, policy, told(market=KnownMarket(volatility=(0.1, 0.5))))
    assert other[NETWORK] != once[NETWORK]


@pytest.mark.parametrize("policy", NETWORKS)
def test_a_desk_with_frictions_teaches_its_networks_another_hedge(policy, tmp_path):
    """What learned at its constant cost is refused, what learned under its frictions is not."""
    own = desk()
    execution = ExecutionSettings(impact=1.0, notional_share=0.01)
    late = own.hedge.model_copy(update={"delay_sessions": 1})
    pushed = own.model_copy(update={"execution": execution, "hedge": late})
    found = network_in(learn_hedger(pushed.for_learning(), policy, told()), tmp_path)
    hedger = found.of_desk(terms_digest(pushed)).policy()
    assert getattr(hedger, "paced", None) == (None if policy.endswith("position") else True)
    assert learn_hedger(own.for_learning(), policy, told())["curve"]["risk"][0] < found.facts["history"][0][1]
    before = content_digest([pushed.option, pushed.costs, pushed.risk, execution, 1])
    with pytest.raises(StoreError, match="train a network for this one"):
        replace(found, desk=before).of_desk(terms_digest(pushed))


def test_a_hedger_that_remembers_learns_in_the_regimes_that_are_known():
    own = desk().for_learning()
    once = learn_hedger(own, "recurrent_band", told(1))
    other = MARKET.model_copy(update={"ratio": (0.5, 2.0)})
    assert (
        learn_hedger(own, "recurrent_band", told(1, market=other))["curve"]["risk"][0]
        > once["curve"]["risk"][0]
    )


def network_in(learned, tmp_path):
    (tmp_path / "net.npz").write_bytes(learned[NETWORK])
    return Checkpoint.read(tmp_path / "net.npz")


def test_the_desk_that_learns_is_known_by_its_terms(tmp_path):
    own = desk()
    found = network_in(learn_hedger(own.for_learning(), "network_band", told(1, 64)), tmp_path)
    assert found.desk == terms_digest(own)
    assert found.facts["market"]["volatility"] == [0.1, 0.3]
    assert not found.facts["goes_on"]


@pytest.mark.parametrize("policy", NETWORKS)
def test_a_training_goes_on_from_the_one_before(policy, tmp_path):
    """It begins with the earlier weights, in whatever market: there they hedge as they did."""
    own = desk().for_learning()
    first = learn_hedger(own, policy, told(4))
    same = learn_hedger(own, policy, told(1), first[STATE])
    assert same["curve"]["risk"][0] == first["curve"]["risk"].iloc[-1] != first["curve"]["risk"][0]
    left = network_in(same, tmp_path).facts
    assert left["goes_on"]
    assert left["untrained"] == first["curve"]["risk"][0], "untrained in its own markets, which are the same"


@pytest.mark.parametrize(
    ("policy", "ends"),
    [("network_band", None), ("recurrent_band", ("network.least", "network.most"))],
)
def test_in_a_wider_market_it_is_the_same_hedger_and_more_of_what_it_sees_counts(policy, ends):
    own = desk().for_learning()
    first = unpacked(learn_hedger(own, policy, told(4))[STATE])
    wider = LEARNERS[policy].of(own, told(market=KnownMarket(volatility=(0.05, 0.6))))
    narrow = LEARNERS[policy].of(own, told())
    for trainer in (wider, narrow):
        trainer.go_on_from(first)
    before, after = dict(narrow.arrays()), dict(wider.arrays())
    for arrays in (before, after):
        least, most = arrays.pop("network.scaling")[2:] if ends is None else map(arrays.pop, ends)
        arrays["reach"] = np.stack([least, most])
    low, high = after.pop("reach") - before.pop("reach")
    assert (low <= 0).sum() > len(low) / 2
    assert low.min() < 0 < high.max()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"train": {"ppo_band": {}}}, "policies.train names ppo_band, which policies.run does not"),
        ({"train": {"network_band": {}}, "networks": {"network_band": "a.npz"}}, "both name network_band"),
        ({"train": {"network_band": {"paths": 12}}}, "multiple of 8"),
    ],
)
def test_settings_that_cannot_be(policies, said):
    with pytest.raises(ValidationError, match=said):
        desk(**policies)


def test_a_key_of_a_training_that_is_unknown_is_told_the_nearest_one():
    text = 'name = "mine"\n[policies]\nrun = ["ppo_band"]\n[policies.train]\nppo_band = {{ {} = 1 }}\n'
    for key, near in (("path", "paths"), ("refit_step", "refit_steps")):
        with pytest.raises(SettingsError, match=rf"policies\.train\.ppo_band\.{key}; did you mean {near}\?"):
            parse_desk(text.format(key), "mine.toml")


def test_a_policy_that_does_not_learn():
    with pytest.raises(SettingsError, match=r"policies.train names whalley_wilmott, which learns no network"):
        desk_policies(desk(run=["whalley_wilmott"], train={"whalley_wilmott": {}}))
