"""What a hedger that learns in a run of its desk may see, and what it leaves."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError, SettingsError
from pipeline.learning.in_a_run import MARGIN, NETWORK, learn_hedger, seen_volatility
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.saved_network import terms_digest

START = pd.Timestamp("2017-01-03")


def desk(**policies):
    windows = {"learn_start": "2010-01-04", "signals_start": "2014-01-01", "test_start": START.date()}
    return Desk(
        name="mine",
        windows=windows,
        policies={"run": ["network_band"], **policies},
        market={"atm_ratio": 0.9},
    )


@pytest.fixture
def sessions():
    days = pd.bdate_range("2016-12-01", "2017-02-01")
    vol = np.random.default_rng(1).uniform(0.1, 0.3, len(days))
    return pd.DataFrame({"session": days, "implied_vol": vol})


def test_nothing_after_the_first_test_session_is_seen(sessions):
    seen = seen_volatility(desk(), sessions)
    before = sessions["implied_vol"][sessions["session"] < START] * 0.9
    assert seen == pytest.approx((before.min() / MARGIN, before.max() * MARGIN), abs=1e-4)
    wild = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] < START, 5.0))
    assert seen_volatility(desk(), wild) == seen
    calm = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] >= START, 0.05))
    assert seen_volatility(desk(), calm) != seen


def test_sessions_without_an_index_tell_nothing(sessions):
    holed = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] >= START))
    with pytest.raises(DataError, match=r"no implied volatility before windows.test_start 2017-01-03"):
        seen_volatility(desk(), holed)


def test_what_is_left_is_the_desk_s_and_the_same_each_time():
    own, told = desk().for_learning(), ("network_band", 2, 512, (0.1, 0.3))
    once, again = learn_hedger(own, *told), learn_hedger(own, *told)
    assert once[NETWORK] == again[NETWORK]
    assert once["curve"]["step"].tolist() == [0, 2]
    other = learn_hedger(own, *told[:-1], (0.1, 0.5))
    assert other[NETWORK] != once[NETWORK]


def test_the_desk_that_learns_is_known_by_its_terms(tmp_path):
    own = desk()
    (tmp_path / "net.npz").write_bytes(
        learn_hedger(own.for_learning(), "network_band", 1, 64, (0.1, 0.3))[NETWORK]
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
