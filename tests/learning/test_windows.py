"""When a hedger is trained, on what, and that no training knows what came after."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import Desk
from pipeline.learning import windows
from pipeline.learning.in_a_run import NETWORK, STATE, learn_hedger
from pipeline.simulate.switching import MarkovSwitching

FIRST = [date(2014, 1, 1), date(2014, 7, 1), date(2015, 1, 1)]


def learning_windows(settings, policy, sessions):
    return windows.learning_windows(settings, policy, {"signals": sessions})


def desk(policy, **plan):
    plans = {policy: {"steps": 4, "paths": 256, **plan}}
    return Desk(name="mine", policies={"run": [policy], "train": plans}, market={"atm_ratio": 1.0})


@pytest.fixture(scope="module")
def sessions():
    """Six years of prices in two regimes, tested in the last eighteen months, three windows."""
    days = pd.bdate_range("2009-07-01", "2015-06-30")
    vol = np.exp(np.random.default_rng(2).normal(np.log(0.2), 0.3, len(days)))
    market = MarkovSwitching(volatility=(0.6, 1.5), moves=((0.98, 0.02), (0.04, 0.96)))
    paths = market.simulate(paths=1, steps=len(days) - 1, dt=1 / 252, seed=5)
    moves = np.diff(np.log(paths.spot[0])) * vol[:-1]
    close = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    window = days.searchsorted(pd.DatetimeIndex(FIRST), side="left")
    number = np.searchsorted(window, np.arange(len(days)), side="right")
    columns = {"session": days, "implied_vol": vol, "close": close, "window": number, "tested": number > 0}
    return pd.DataFrame(columns)


def trained(settings, policy, sessions):
    """The networks of all windows, by their first day, and what went before the last one."""
    found, before = {}, None
    for window in learning_windows(settings, policy, sessions):
        made = learn_hedger(settings.for_learning(), policy, window.order, before)
        found[window.first], before = made[NETWORK], made[STATE]
    return found


def test_every_window_is_trained_few_steps_but_the_first(sessions):
    plans = list(learning_windows(desk("recurrent_band"), "recurrent_band", sessions))
    assert [each.first for each in plans] == FIRST
    assert [each.order.steps for each in plans] == [4, 1, 1]
    assert len({each.order.known.ratio for each in plans}) == 3
    told = desk("recurrent_band", refit_steps=3)
    assert [each.order.steps for each in learning_windows(told, "recurrent_band", sessions)] == [4, 3, 3]


def test_once_is_before_the_first_window_only(sessions):
    once = list(learning_windows(desk("recurrent_band", refit="once"), "recurrent_band", sessions))
    assert once == list(learning_windows(desk("recurrent_band"), "recurrent_band", sessions))[:1]


def test_a_window_that_tells_nothing_new_trains_nothing(sessions):
    """The range of volatilities grows only where a session leaves it."""
    calm = sessions.assign(implied_vol=sessions["implied_vol"].clip(0.15, 0.25))
    (only,) = learning_windows(desk("network_band"), "network_band", calm)
    assert only.first == FIRST[0]
    wild = calm.assign(implied_vol=calm["implied_vol"].where(calm.index != calm.index[-200], 0.6))
    assert [each.first for each in learning_windows(desk("network_band"), "network_band", wild)] == [
        FIRST[0], FIRST[2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "policy", ["network_band", "recurrent_band", "network_position", "recurrent_position"]
)
def test_what_came_after_a_refit_moves_no_bit_of_its_network(sessions, policy):
    settings, rng = desk(policy, steps=2), np.random.default_rng(0)
    later = (sessions["session"] >= pd.Timestamp(FIRST[1])).to_numpy()
    noise = {
        name: sessions[name] * np.exp(rng.normal(0, 0.5, len(later)) * later)
        for name in ("close", "implied_vol")
    }
    whole = trained(settings, policy, sessions)
    scrambled = trained(settings, policy, sessions.assign(**noise))
    cut = trained(settings, policy, sessions[~later | (sessions["window"] == 2)])
    for other in (scrambled, cut):
        for first in FIRST[:2]:
            assert other.get(first) == whole.get(first)
    assert scrambled[FIRST[2]] != whole.get(FIRST[2])
