"""The shifts for jumps: their closed forms, their signs, and that no later day moves them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.jump_risk import SHIFTS, PastDays, jump_shift, past_days, third_moment_shift
from benchmarks.paired import dealt
from pipeline.domain.desk import load_desk

DESK = load_desk("spx-daily")
VOL, YEARS = 0.2, 21 / 252


@pytest.fixture
def state():
    price = np.tile([100.0, 104.0, 97.0], (2, 1))
    left = np.broadcast_to([YEARS, YEARS / 2], (2, 2))
    return dealt(DESK, price, left, np.full((2, 2), VOL), 1.0)[0]


def days(returns, jumps):
    returns = np.asarray(returns)
    return PastDays(returns, np.asarray(jumps, bool), np.full(len(returns), 1.0 / len(returns)))


def call(spot):
    d1 = (np.log(spot / 100.0) + 0.5 * VOL**2 * YEARS) / (VOL * np.sqrt(YEARS))
    return spot * norm.cdf(d1) - 100.0 * norm.cdf(d1 - VOL * np.sqrt(YEARS)), norm.cdf(d1)


def test_jumps_shift_a_sold_call_by_the_least_variance_of_merton_s_market(state):
    seen = days([0.01, -0.01, -0.05, 0.008], [0, 0, 1, 0])
    value, delta = call(100.0)
    excess = call(95.0)[0] - value - delta * -5.0
    variance = 100.0**2 * (0.01**2 + 0.01**2 + 0.05**2 + 0.008**2)
    assert jump_shift(state, seen)[0, 0] == pytest.approx(-5.0 * excess / variance, rel=1e-9)


def test_the_third_moment_shifts_by_half_gamma_times_its_ratio_to_the_second(state):
    seen = days([0.02, 0.01, -0.05, 0.02], [0, 0, 0, 0])
    r = seen.returns
    gamma = norm.pdf(0.5 * VOL * np.sqrt(YEARS)) / (100.0 * VOL * np.sqrt(YEARS))
    expected = 0.5 * 100.0 * gamma * np.mean(r**3) / np.mean(r**2)
    assert third_moment_shift(state, seen)[0, 0] == pytest.approx(expected, rel=1e-9)


def test_the_two_agree_where_every_day_is_a_small_jump(state):
    r = 1e-4 * np.array([1.0, 1.0, -2.0])
    seen = days(r, [1, 1, 1])
    np.testing.assert_allclose(jump_shift(state, seen), third_moment_shift(state, seen), rtol=1e-2)


@pytest.mark.parametrize("shift", SHIFTS.values())
def test_symmetric_days_without_jumps_shift_nothing(state, shift):
    assert np.abs(shift(state, days([0.01, -0.01], [0, 0]))).max() < 1e-12


@pytest.mark.parametrize("in_regime", [True, False])
def test_later_sessions_move_nothing(in_regime):
    rng = np.random.default_rng(3)
    turbulent = rng.uniform(size=300)
    table = pd.DataFrame(
        {
            "close": 100.0 * np.exp(np.cumsum(rng.standard_t(3, 300) * 0.01)),
            "implied_vol": 0.15,
            "regime_prob_0": 1.0 - turbulent,
            "regime_prob_1": turbulent,
        }
    )
    scrambled = table.copy()
    scrambled.iloc[200:] = rng.uniform(0.1, 0.9, (100, 4))
    first, second = (past_days(each, 1.0, 200, in_regime) for each in (table, scrambled))
    assert first.jumps.any()
    for name in ("returns", "jumps", "share"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
