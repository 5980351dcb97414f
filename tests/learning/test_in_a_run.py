"""What a hedger that learns in a run of its desk may see, and what it leaves."""

import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.learning.in_a_run import NETWORK, learn_hedger
from pipeline.learning.known_market import KnownMarket
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import terms_digest

MARKET = KnownMarket(volatility=(0.1, 0.3))
START = pd.Timestamp("2017-01-03")


def desk(**policies):
    windows = {"learn_start": "2010-01-04", "signals_start": "2014-01-01", "test_start": START.date()}
    return Desk(
        name="mine",
        windows=windows,
        policies={"run": ["network_band"], **policies},
        market={"atm_ratio": 0.9},
    )


@pytest.mark.parametrize("policy", ["network_band", "recurrent_band"])
def test_what_is_left_is_the_desk_s_and_the_same_each_time(policy):
    own, told = desk().for_learning(), (policy, 2, 512)
    once, again = learn_hedger(own, *told, MARKET), learn_hedger(own, *told, MARKET)
    assert once[NETWORK] == again[NETWORK]
    assert once["curve"]["step"].tolist() == [0, 2]
    other = learn_hedger(own, *told, KnownMarket(volatility=(0.1, 0.5)))
    assert other[NETWORK] != once[NETWORK]


def test_a_hedger_that_remembers_learns_in_the_regimes_that_are_known():
    own, told = desk().for_learning(), ("recurrent_band", 1, 512)
    once = learn_hedger(own, *told, MARKET)
    other = learn_hedger(own, *told, MARKET.model_copy(update={"ratio": (0.5, 2.0)}))
    assert other["curve"]["risk"][0] > once["curve"]["risk"][0]


def test_the_desk_that_learns_is_known_by_its_terms(tmp_path):
    own = desk()
    (tmp_path / "net.npz").write_bytes(
        learn_hedger(own.for_learning(), "network_band", 1, 64, MARKET)[NETWORK]
    )
    assert Checkpoint.read(tmp_path / "net.npz").desk == terms_digest(own)


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


def test_a_policy_that_does_not_learn():
    with pytest.raises(SettingsError, match=r"policies.train names whalley_wilmott, which learns no network"):
        desk_policies(desk(run=["whalley_wilmott"], train={"whalley_wilmott": {}}))
