"""Fixed fees and impact: the rule against the average cost it should minimise, its limits, and its use."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize

from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.instruments import Liability
from pipeline.domain.risk_measures import entropic
from pipeline.execution.terms import Terms
from pipeline.policies import exposure
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.trading_rule import fixed_fee_edges, part_of_the_way
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.black_scholes import BlackScholes

COST_AWARE = (WhalleyWilmott(), Zakamouline(), RegimeSwitched())
positive = st.floats(1e-3, 1e3)


def average_cost(inner, outer, variance, weight, cost, fee):
    """Long-run cost a unit of time of a Brownian motion sent from ± outer to ± inner (renewal, exact)."""
    lasts = (outer**2 - inner**2) / variance
    drift = weight * (outer**4 - inner**4) / (6.0 * variance)
    return (drift + cost * (outer - inner) + fee) / lasts


@given(positive, positive, positive, positive)
def test_no_other_edges_cost_less(variance, weight, cost, fee):
    width = np.cbrt(3 * variance * cost / (4 * weight))
    inner, outer = (float(edge) for edge in fixed_fee_edges(width, fee / cost))
    own = average_cost(inner, outer, variance, weight, cost, fee)

    def other(logs):
        near = np.exp(logs[0])
        return average_cost(near, near + np.exp(logs[1]), variance, weight, cost, fee)

    start = np.log([max(inner, 1e-6 * outer), outer - inner])
    found = optimize.minimize(other, start + 0.3, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 0.0})
    assert own <= found.fun * (1 + 1e-9)
    assert found.fun == pytest.approx(own, rel=1e-6)


@given(positive, positive)
def test_the_edges_solve_their_equations(width, trade):
    inner, outer = fixed_fee_edges(width, trade)
    assert 0 <= inner < width < outer
    assert inner * outer * (inner + outer) == pytest.approx(2 * width**3, rel=1e-9)
    assert (outer - inner) ** 3 * (outer + inner) == pytest.approx(8 * trade * width**3, rel=1e-9)


def test_limits_of_the_edges():
    """No fee: the proportional band. No proportional cost: to the centre from (6aF/b)^¼. No band: none."""
    np.testing.assert_allclose(fixed_fee_edges(0.1, 0.0), (0.1, 0.1), rtol=1e-14)
    np.testing.assert_allclose(fixed_fee_edges(0.1, 1e-12), (0.1, 0.1), rtol=1e-3)
    variance, weight, fee = 0.3, 2.0, 0.05
    cost = 1e-12
    inner, outer = fixed_fee_edges(np.cbrt(3 * variance * cost / (4 * weight)), fee / cost)
    assert inner == pytest.approx(0.0, abs=1e-9)
    assert outer == pytest.approx((6 * variance * fee / weight) ** 0.25, rel=1e-6)
    np.testing.assert_array_equal(fixed_fee_edges(np.array([0.0, 1e-80]), 0.5)[0] >= 0, True)
    assert fixed_fee_edges(0.0, 0.5) == (0.0, 0.0)


def cost_of_a_step(part, risk, impact, move):
    """Expected cost a step of going a constant part of the way, by quadrature."""
    density = lambda x: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)  # noqa: E731
    before = move / np.sqrt(1 - (1 - part) ** 2)
    moment = 2 * integrate.quad(lambda x: x**1.5 * density(x), 0, np.inf)[0]
    return 0.5 * risk * ((1 - part) * before) ** 2 + 2 / 3 * impact * (part * before) ** 1.5 * moment


@pytest.mark.parametrize("risk", [1e-3, 0.3, 20.0])
@pytest.mark.parametrize("impact", [1e-2, 1.0, 30.0])
def test_no_other_part_of_the_way_costs_less(risk, impact):
    move = 0.07
    part = float(part_of_the_way(risk * np.sqrt(move), impact))
    found = optimize.minimize_scalar(
        lambda s: cost_of_a_step(s, risk, impact, move), bounds=(1e-9, 1), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    assert part == pytest.approx(found.x, rel=1e-4, abs=1e-6)


def test_the_part_is_what_simulated_distances_and_trades_say():
    """The stationary variances behind the formula, by simulation (4 standard errors)."""
    part, rng, distance = 0.4, np.random.default_rng(1), np.zeros(20_000)
    for _ in range(40):
        before = distance + rng.standard_normal(distance.size)
        distance = (1 - part) * before
    z = part / (2 - part)
    for found, variance in ((distance, (1 - z) ** 2 / (4 * z)), (part * before, z)):
        assert np.mean(found**2) == pytest.approx(variance, abs=4 * variance * np.sqrt(2 / 20_000))


def test_limits_of_the_part():
    assert part_of_the_way(1.0, 0.0) == 1.0
    assert part_of_the_way(0.0, 0.0) == 1.0
    assert part_of_the_way(0.0, 1.0) < 1e-9
    parts = part_of_the_way(1.0, np.geomspace(1e-6, 1e6, 200))
    assert (np.diff(parts) < 0).all()
    assert parts[0] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("policy", COST_AWARE, ids=lambda policy: policy.name)
def test_a_fixed_fee_widens_the_edges_and_draws_the_targets_in(policy, make_state):
    state, _ = make_state()
    plain = policy.band(state)
    band = policy.band(replace(state, fixed_fee=0.02)).checked(policy.name)
    assert (band.lower <= plain.lower + 1e-12).all()
    assert (band.upper >= plain.upper - 1e-12).all()
    assert (band.to_lower >= plain.to_lower - 1e-12).all()
    assert (band.to_upper <= plain.to_upper + 1e-12).all()
    assert (band.upper - band.lower > plain.upper - plain.lower + 0.01).mean() > 0.9
    assert (band.to_lower <= band.to_upper + 1e-12).all()
    tiny = policy.band(replace(state, fixed_fee=1e-15))
    np.testing.assert_allclose(tiny.to_lower, plain.to_lower, atol=1e-3)


@pytest.mark.parametrize("policy", COST_AWARE, ids=lambda policy: policy.name)
def test_without_proportional_cost_a_fixed_fee_trades_to_the_centre(policy, make_state):
    state, _ = make_state(cost=0.0)
    state = replace(state, fixed_fee=0.02, cost=np.zeros(state.shape))
    band, center = policy.band(state), policy.band(replace(state, fixed_fee=0.0))
    np.testing.assert_allclose(band.to_lower, band.to_upper, atol=2e-3)
    np.testing.assert_allclose(band.to_lower, center.lower, atol=5e-3)
    assert (band.upper - band.lower > 0.02).mean() > 0.9


def test_whalley_and_wilmotts_fixed_fee_band_is_theirs(make_state):
    """Without proportional cost the half-width is (12 Γ² F e^(−rτ)/γ)^¼ (Whalley, Wilmott 1999)."""
    state, _ = make_state(cost=0.0)
    band = WhalleyWilmott().band(replace(state, fixed_fee=0.02, rate=0.03))
    gamma = exposure.curvature(replace(state, rate=0.03), state.implied_vol)
    expected = (12 * gamma**2 * 0.02 * np.exp(-0.03 * state.time_to_expiry)) ** 0.25
    half = ((band.upper - band.lower) / 2)[..., 0]
    worth_it = np.sqrt(2 * 0.02 / state.time_to_expiry) / (state.implied_vol * state.price[..., 0])
    alive = expected > worth_it
    assert alive.sum() > 200
    np.testing.assert_allclose(half[alive], expected[alive], rtol=1e-4)


def test_far_from_gamma_a_fee_must_be_worth_the_risk_to_expiry(make_state):
    state, _ = make_state()
    low = replace(state, strike=np.full(state.shape, 60.0), fixed_fee=0.02)
    band = WhalleyWilmott().band(low)
    risk = (low.implied_vol * low.price[..., 0]) ** 2 * low.time_to_expiry
    least = np.sqrt(2 * 0.02 / risk)
    seen = (exposure.curvature(low, low.implied_vol) > 0) & (band.upper > band.lower)[..., 0]
    assert ((band.upper - band.to_upper)[..., 0] >= least - 1e-12)[seen].all()


@pytest.mark.parametrize("policy", COST_AWARE, ids=lambda policy: policy.name)
def test_impact_goes_part_of_the_way_and_more_of_it_less_far(policy, make_state):
    state, _ = make_state()
    assert (policy.band(state).speed == 1.0).all()
    bands = [policy.band(replace(state, impact=np.full(state.shape, each))) for each in (1e-9, 1e-3, 1e-2)]
    speeds = [band.speed[:, 1:18] for band in bands]
    assert speeds[0].mean() > 0.999
    assert ((speeds[2] < speeds[1]) & (speeds[1] < 1.0) & (speeds[2] > 0.0)).all()
    for name in ("lower", "upper", "to_lower", "to_upper"):
        np.testing.assert_array_equal(getattr(bands[2], name), getattr(policy.band(state), name))


def simulated(cost, aversion, **changes):
    paths = BlackScholes(volatility=0.2).simulate(paths=20_000, steps=30, dt=1 / 365, seed=11).spot
    state, market = simulated_episodes(
        paths, 0.2, Liability.of("call", "short"), strike=100.0, interval=1 / 365, cost=cost,
        risk_aversion=aversion,
    )  # fmt: skip
    return state, replace(market, **changes)


def paired(market: Market, band, other, aversion):
    """Entropic risk of two bands on the same paths, and the standard error of the difference."""
    own, rival = (book(market, each).pnl for each in (band, other))
    weights = [np.exp(-aversion * pnl) / np.exp(-aversion * pnl).mean() for pnl in (own, rival)]
    error = np.std(weights[0] - weights[1]) / np.sqrt(len(own)) / aversion
    return float(entropic(own, aversion)), float(entropic(rival, aversion)), error


@pytest.mark.parametrize("fee", [0.01, 0.05])
def test_answering_a_fixed_fee_pays(fee):
    """Short at-the-money call, 30 days, 10 bp and a fixed fee: less risk than with the proportional band."""
    state, market = simulated(1e-3, 1.0, terms=Terms(fixed_fee=fee))
    band, plain = (WhalleyWilmott().band(replace(state, fixed_fee=each)) for each in (fee, 0.0))
    own, rival, error = paired(market, band, plain, 1.0)
    assert own < rival - 3 * error


def test_going_part_of_the_way_pays_where_there_is_impact():
    """5 bp and an impact of 30 bp or 1 % for one unit: less risk than going all the way."""
    for impact in (0.003, 0.01):
        state, market = simulated(5e-4, 0.1, impact=np.full((20_000, 31, 1), impact))
        answered = replace(state, impact=np.full(state.shape, impact))
        bands = (WhalleyWilmott().band(each) for each in (answered, state))
        own, rival, error = paired(market, *bands, 0.1)
        assert own < rival - 3 * error
