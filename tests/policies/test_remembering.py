"""A remembering state: the same bands, the Greeks computed once, never those of other episodes."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain import rows
from pipeline.domain.instruments import Liability
from pipeline.policies import exposure, regime_switched, remembering
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.remembering import Memory, RememberingState, remembered
from pipeline.simulate.black_scholes import BlackScholes


@pytest.fixture
def state():
    paths = BlackScholes(volatility=0.2).simulate(paths=20, steps=9, dt=1 / 252, seed=3).spot
    rng = np.random.default_rng(5)
    prob = rng.dirichlet((1.0, 1.0, 1.0), (20, 9))
    plain, _ = simulated_episodes(
        paths, 0.2, Liability.of("straddle", "short"), strike=100.0, interval=1 / 252, cost=1e-3,
        risk_aversion=1.0, regime_prob=prob, regime_moves=np.full((3, 3), 1 / 3),
        regime_variance=np.array([0.1, 0.2, 0.3]) ** 2 / 252,
    )  # fmt: skip
    drawn = {name: 0.2 + 0.1 * rng.random((20, 9)) for name in ("regime_vol", "forecast_vol", "loss_room")}
    return replace(plain, **drawn)


@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"regime_map"}))
def test_a_band_is_the_same_with_memory_and_without(state, name):
    policy = POLICIES[name]()
    memory = Memory()
    for aversion in (0.5, 2.0):
        plain = policy.band(replace(state, risk_aversion=aversion))
        for _ in range(2):
            kept = policy.band(RememberingState.of(state, aversion, memory))
            np.testing.assert_array_equal(kept.lower, plain.lower)
            np.testing.assert_array_equal(kept.upper, plain.upper)


def test_a_greek_is_computed_once_for_every_aversion(state, monkeypatch):
    calls, plain = [], exposure.black.delta_gamma
    monkeypatch.setattr(exposure.black, "delta_gamma", lambda *terms: calls.append(terms) or plain(*terms))
    memory = Memory()
    for aversion in (0.5, 2.0, 8.0):
        exposure.target(RememberingState.of(state, aversion, memory), state.implied_vol)
        exposure.curvature(RememberingState.of(state, aversion, memory), state.implied_vol)
    assert len(calls) == 1
    exposure.target(RememberingState.of(state, 1.0, memory), state.regime_vol)
    assert len(calls) == 2


def test_a_state_made_from_one_remembers_nothing(state):
    whole = RememberingState.of(state, 1.0, Memory())
    exposure.target(whole, whole.implied_vol)
    for part in (whole.episodes(np.arange(3)), whole.at(2), replace(whole, rate=0.05)):
        np.testing.assert_array_equal(
            exposure.target(part, part.implied_vol),
            exposure.target(replace(state, rate=part.rate).at(2), state.implied_vol[:, 2:3])
            if part.shape[1] == 1
            else exposure.target(replace(state, rate=part.rate), state.implied_vol)[: part.shape[0]],
        )


def test_what_was_asked_for_last_stays(state, monkeypatch):
    monkeypatch.setattr(remembering, "MOST", 2)
    kept, calls = RememberingState.of(state, 1.0, Memory()), []
    for name in ("a", "b", "a", "c", "a", "b"):
        remembered(kept, (name,), (), lambda name=name: calls.append(name) or np.zeros(1))
    assert calls == ["a", "b", "c", "b"]


def test_the_flagships_unadjusted_position_is_computed_once_for_an_aversion(state, monkeypatch):
    calls, plain = [], regime_switched.target
    monkeypatch.setattr(regime_switched, "target", lambda *terms: calls.append(terms) or plain(*terms))
    memory = Memory()
    for aversion in (0.5, 2.0):
        for scale in (0.0, 0.5):
            policy = regime_switched.RegimeSwitched(band_scale=scale)
            policy.band(RememberingState.of(state, aversion, memory))
    assert len(calls) == 2


def test_episodes_get_a_memory_and_a_net_book_or_a_large_batch_none(state, monkeypatch):
    assert isinstance(remembering.remembering(state), RememberingState)
    book = replace(state, risk_aversion=np.ones(state.shape))
    assert remembering.remembering(book) is book
    monkeypatch.setattr(rows, "CELLS_WORTH_IT", 1)
    assert remembering.remembering(state) is state


def test_the_oldest_goes_first_and_an_id_is_never_mistaken(state, monkeypatch):
    monkeypatch.setattr(remembering, "MOST", 2)
    kept = RememberingState.of(state, 1.0, Memory())
    for value in range(50):
        fresh = np.full((20, 9), float(value))
        np.testing.assert_array_equal(remembered(kept, ("copy",), (fresh,), fresh.copy), fresh)
    assert len(kept.memory) == 2


def test_threads_may_share_a_memory(state, monkeypatch):
    """Switched between as often as can be, with room for less than they ask for."""
    monkeypatch.setattr(remembering, "MOST", 3)
    kept, interval = RememberingState.of(state, 1.0, Memory()), sys.getswitchinterval()

    def ask(seed):
        for number in np.random.default_rng(seed).integers(0, 8, 20_000):
            value = float(number)
            assert remembered(kept, (value,), (), lambda value=value: np.full(1, value))[0] == value

    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ask, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert len(kept.memory) <= 3


def test_reading_the_aversion_is_noted(state):
    kept = RememberingState.of(state, 1.0, Memory())
    assert kept.rate == 0.0
    assert not kept.read
    assert kept.risk_aversion == 1.0
    assert kept.read
