"""One decision alone is what the policy says of the whole batch."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.policies.live_band import LiveBand
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.simulate.black_scholes import BlackScholes

WIDTH, COST, STEP = len(INPUTS), 2e-3, 1 / 252


@pytest.fixture(scope="module")
def policy():
    rng = np.random.default_rng(4)

    def layer(out, into):
        return Layer(tuple(map(tuple, rng.normal(0, 0.4, (out, into)).tolist())), tuple(rng.normal(size=out)))

    mean, scale = tuple(rng.normal(size=WIDTH)), tuple(rng.uniform(0.5, 2.0, WIDTH))
    return NetworkBand(
        Network((layer(12, WIDTH), layer(9, 12), layer(2, 9)), mean, scale, (-6.0,) * WIDTH, (6.0,) * WIDTH)
    )


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("side", ["short", "long"])
def test_it_is_the_policy_s_band(policy, kind, side):
    liability = Liability.of(kind, side)
    spot = BlackScholes(volatility=0.4).simulate(paths=40, steps=8, dt=STEP, seed=2).spot
    state, _ = simulated_episodes(
        spot, 0.3, liability, strike=101.0, interval=STEP, cost=COST, risk_aversion=0.7
    )
    state = replace(state, rate=0.03, forward_slope=np.full(state.shape, 0.97))
    band = policy.band(state)
    live = LiveBand(policy, liability, COST, 0.7, STEP, 0.03)
    columns = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.price[..., 0])
    numbers = np.stack([np.broadcast_to(each, state.shape) for each in columns], axis=-1)
    alone = np.array([[live(*row.tolist(), 0.97) for row in rows] for rows in numbers])
    np.testing.assert_allclose(alone[..., 0], band.lower[..., 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(alone[..., 1], band.upper[..., 0], rtol=0, atol=1e-12)
    assert np.ptp(alone[..., 1] - alone[..., 0]) > 0.01


def test_what_has_no_band(policy):
    live = LiveBand(policy, Liability.of("call", "long"), COST, 1.0, STEP)
    with pytest.raises(PolicyError, match="no band at forward nan"):
        live(math.nan, 100.0, 0.1, 0.2, 100.0)
    dear = LiveBand(policy, Liability.of("call", "short"), 0.5, 1.0, STEP)
    assert dear(100.0, 100.0, 0.1, 0.2, 100.0)[0] >= 0.0
    with pytest.raises(PolicyError, match="too high for an option bought"):
        LiveBand(policy, Liability.of("call", "long"), 0.5, 1.0, STEP)
    with pytest.raises(PolicyError, match="no network"):
        LiveBand(NetworkBand(), Liability.of("call", "short"), COST, 1.0, STEP)
