"""One decision after another is what the policy says of the whole path."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.policies.live_recurrent_band import LiveRecurrentBand
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.simulate.black_scholes import BlackScholes
from tests.recurrent import some_recurrent

COST, STEP = 2e-3, 1 / 252

pytestmark = pytest.mark.slow  # it is compiled


@pytest.fixture(scope="module")
def policy():
    return RecurrentBand(some_recurrent())


def asked(live, numbers):
    """The edges of one option's decisions, [T, 2]."""
    live.deal()
    return [live(*each, 0.97) for each in numbers.tolist()]


@pytest.mark.parametrize(("kind", "side"), [("call", "short"), ("put", "long"), ("straddle", "short")])
def test_it_is_the_policy_s_band_along_the_path(policy, kind, side):
    liability = Liability.of(kind, side)
    spot = BlackScholes(volatility=0.4).simulate(paths=20, steps=8, dt=STEP, seed=2).spot
    vol = 0.3 * np.sqrt(100.0 / spot[:, :-1])
    state, _ = simulated_episodes(
        spot, vol, liability, strike=101.0, interval=STEP, cost=COST, risk_aversion=0.7
    )
    state = replace(state, rate=0.03, forward_slope=np.full(state.shape, 0.97))
    band = policy.band(state)
    live = LiveRecurrentBand(policy, liability, COST, 0.7, STEP, 0.03)
    columns = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.price[..., 0])
    numbers = np.stack([np.broadcast_to(each, state.shape) for each in columns], axis=-1)
    edges = np.array([asked(live, path) for path in numbers])
    np.testing.assert_allclose(edges[..., 0], band.lower[..., 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(edges[..., 1], band.upper[..., 0], rtol=0, atol=1e-12)
    forgetful = np.array([asked(live, path[1:]) for path in numbers])
    assert np.abs(forgetful - edges[:, 1:]).max() > 1e-3


def test_a_failed_call_is_not_remembered(policy):
    live = LiveRecurrentBand(policy, Liability.of("call", "short"), COST, 1.0, STEP)
    again = (103.0, 100.0, 0.1, 0.2, 103.0)
    live(100.0, 100.0, 0.1, 0.2, 100.0)
    with pytest.raises(PolicyError, match="no band at forward nan"):
        live(math.nan, 100.0, 0.1, 0.2, 100.0)
    found = live(*again)
    live.deal()
    live(100.0, 100.0, 0.1, 0.2, 100.0)
    assert live(*again) == found


def test_without_a_network_there_is_nothing_to_ask():
    with pytest.raises(PolicyError, match="no network"):
        LiveRecurrentBand(RecurrentBand(), Liability.of("call", "short"), COST, 1.0, STEP)


def test_a_pace_is_not_answered_where_no_impact_is_told():
    paced = RecurrentBand(some_recurrent(outputs=3))
    with pytest.raises(PolicyError, match="answers impact"):
        LiveRecurrentBand(paced, Liability.of("call", "short"), COST, 1.0, STEP)
