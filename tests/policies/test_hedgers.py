"""Each hedger against its formula, its limits and the errors it promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from pipeline.domain.errors import FitError, PolicyError
from pipeline.domain.instruments import Leg
from pipeline.policies import exposure
from pipeline.policies.base import Score, Training
from pipeline.policies.certainty_equivalent import loading
from pipeline.policies.constant_shift import ConstantShift
from pipeline.policies.delta import DeltaForecast, DeltaImplied
from pipeline.policies.fixed_band import FixedBand
from pipeline.policies.leland import Leland, leland_vol
from pipeline.policies.minimum_variance import MinimumVariance, adjustment, slope_coefficients
from pipeline.policies.no_hedge import NoHedge
from pipeline.policies.regime_map import RegimeMap, Rule
from pipeline.policies.regime_switched import (
    ABLATIONS,
    RegimeSwitched,
    RegimeSwitchedNoForecasts,
    RegimeSwitchedNoRegimes,
)
from pipeline.policies.whalley_wilmott import WhalleyWilmott, half_width
from pipeline.policies.zakamouline import Zakamouline
from pipeline.pricing import black


def middle(band):
    return 0.5 * (band.lower + band.upper)[..., 0]


def width(band):
    return 0.5 * (band.upper - band.lower)[..., 0]


def untouched(state, score=lambda _: Score(0.0, np.zeros(4)), budget=60):
    return Training(state, score, budget)


def test_delta_is_the_black_scholes_delta(make_state):
    state, _ = make_state()
    expected = black.delta("call", state.forward, 100.0, state.time_to_expiry, state.implied_vol)
    np.testing.assert_allclose(DeltaImplied().band(state).lower[..., 0], expected, rtol=1e-12)
    by_forecast = black.delta("call", state.forward, 100.0, state.time_to_expiry, state.forecast_vol)
    np.testing.assert_allclose(DeltaForecast().band(state).upper[..., 0], by_forecast, rtol=1e-12)


def test_a_hedged_straddle_is_twice_a_hedged_call_less_the_forward(make_state):
    call, straddle = (DeltaImplied().band(make_state(kind)[0]).lower for kind in ("call", "straddle"))
    np.testing.assert_allclose(straddle, 2 * call - 1, atol=1e-14)


def test_no_hedge_never_trades(make_state):
    band = NoHedge().band(make_state()[0])
    assert np.isneginf(band.lower).all()
    assert np.isposinf(band.upper).all()


@pytest.mark.parametrize("policy", [WhalleyWilmott(), Zakamouline(), Leland()])
def test_without_cost_every_band_is_the_delta(make_state, policy):
    state, _ = make_state(cost=1e-13)
    free = policy.band(replace(state, desk_cost=1e-13))
    np.testing.assert_allclose(free.lower, DeltaImplied().band(state).lower, atol=2e-3)
    np.testing.assert_allclose(free.upper, DeltaImplied().band(state).upper, atol=2e-3)


def test_whalley_wilmott_width(make_state):
    state, _ = make_state()
    gamma = black.gamma(state.forward, 100.0, state.time_to_expiry, state.implied_vol)
    expected = (1.5 * 1e-3 * state.forward * gamma**2) ** (1 / 3)
    np.testing.assert_allclose(width(WhalleyWilmott().band(state)), expected, rtol=1e-12, atol=1e-15)
    doubled = half_width(state, gamma=gamma, cost=8e-3, aversion=1.0)
    np.testing.assert_allclose(doubled, 2 * expected, rtol=1e-12)
    averse = half_width(state, gamma=gamma, cost=1e-3, aversion=8.0)
    np.testing.assert_allclose(averse, expected / 2, rtol=1e-12)


def test_zakamouline_by_hand(make_state):
    """One state worked out from the formulas with plain numbers."""
    state, _ = make_state()
    S, vol, tau, c = state.forward[0, 0], state.implied_vol[0, 0], state.time_to_expiry[0, 0], 1e-3
    gamma = float(black.gamma(S, 100.0, tau, vol))
    h0 = c / (S * vol**2 * tau)
    h1 = 1.12 * c**0.31 * tau**0.05 * vol**-0.25 * gamma**0.5
    K = -4.76 * c**0.78 * tau**-0.02 * vol**-0.25 * (S**2 * gamma) ** 0.15
    center = float(black.delta("call", S, 100.0, tau, vol * np.sqrt(1 - K)))
    band = Zakamouline().band(state)
    assert band.lower[0, 0, 0] == pytest.approx(center - h0 - h1, rel=1e-12)
    assert band.upper[0, 0, 0] == pytest.approx(center + h0 + h1, rel=1e-12)


def test_zakamouline_stays_inside_the_range_of_the_delta(make_state):
    state, _ = make_state(cost=0.02)
    band = Zakamouline().band(state)
    assert band.lower.min() >= 0.0
    assert band.upper.max() <= 1.0
    assert width(band)[:, -1].mean() > width(band)[:, 0].mean()


def test_leland_volatility():
    number = np.sqrt(2 / np.pi) * 2 * 1e-3 / (0.2 * np.sqrt(1 / 252))
    sold, bought = (leland_vol(np.array([0.2]), 1e-3, 1 / 252, Leg("call", q))[0] for q in (-1.0, 1.0))
    assert sold == pytest.approx(0.2 * np.sqrt(1 + number))
    assert bought == pytest.approx(0.2 * np.sqrt(1 - number))


@pytest.mark.parametrize("policy", [Leland(), Zakamouline()])
def test_bought_options_at_high_cost_have_no_adjusted_variance(make_state, policy):
    state, _ = make_state(side="long", cost=0.09)
    with pytest.raises(PolicyError, match=f"policy {policy.name}: a bought option at a cost of 900 bps"):
        policy.band(state)


def test_a_missing_volatility_names_policy_and_place(make_state):
    state, _ = make_state()
    state.forecast_vol[2, 5] = np.nan
    with pytest.raises(PolicyError, match="delta_forecast: no forecast_vol in episode 2 at decision time 5"):
        DeltaForecast().band(state)


def test_spot_hedge_is_the_future_hedge_times_the_forward_slope(make_state):
    state, _ = make_state()
    spot = replace(state, forward_slope=state.forward_slope * 1.01, price=state.price / 1.01)
    np.testing.assert_allclose(
        exposure.target(spot, spot.implied_vol), 1.01 * exposure.target(state, state.implied_vol)
    )
    np.testing.assert_allclose(
        exposure.curvature(spot, spot.implied_vol), 1.01**2 * exposure.curvature(state, state.implied_vol)
    )


def test_minimum_variance_recovers_the_slope_of_volatility_against_spot(make_state):
    """In a market where σ = 0.2 (S/100)^(b/0.2), dσ/dlog S = bσ/0.2: the adjustment must be about ν·b/F."""
    state, _ = make_state(slope=-0.4)
    a, b, c = slope_coefficients(state, "call")
    delta = np.array([0.3, 0.5, 0.7])
    slope = (a + b * delta + c * delta**2) / np.sqrt(np.mean(state.time_to_expiry))
    assert slope[1] * np.sqrt(np.mean(state.time_to_expiry)) < -0.05
    policy = MinimumVariance().fit(untouched(state))
    shift = adjustment(state, policy.by_right())[:, :10]
    expected = black.vega(state.forward, 100.0, state.time_to_expiry, state.implied_vol) * -0.4 / 100.0
    ratio = shift.mean() / expected[:, :10].mean()
    assert 0.5 < ratio < 1.5


def test_minimum_variance_is_delta_where_volatility_stands_still(make_state):
    state, _ = make_state(slope=0.0)
    still = replace(state, implied_vol=np.full_like(state.implied_vol, 0.2))
    policy = MinimumVariance().fit(untouched(still))
    extra = adjustment(still, policy.by_right())
    assert abs(extra).mean() < 0.05


def test_minimum_variance_asks_for_enough_rows(make_state):
    state, _ = make_state()
    with pytest.raises(FitError, match=r"minimum_variance: only .* training rows"):
        slope_coefficients(state.episodes(np.array([0])), "call")


def test_fixed_band_finds_its_width(make_state):
    state, _ = make_state()

    def score(policy):
        loss = (policy.half_width - 0.08) ** 2
        return Score(loss, np.full(4, loss) + 1e-9 * np.arange(4))

    fitted = FixedBand().fit(untouched(state, score))
    assert fitted.half_width == 0.08
    np.testing.assert_allclose(width(fitted.band(state)), 0.08)


def test_regime_map_follows_the_most_probable_regime_and_its_frequency(make_state):
    state, _ = make_state()
    policy = RegimeMap((Rule(DeltaImplied(), 2), Rule(NoHedge(), 1), Rule(WhalleyWilmott(), 1)))
    band = policy.band(state)
    regime = state.regime_prob.argmax(axis=-1)
    even = np.arange(21) % 2 == 0
    calm = regime == 0
    delta = DeltaImplied().band(state).lower[..., 0]
    np.testing.assert_array_equal(band.lower[..., 0][calm & even], delta[calm & even])
    assert np.isinf(band.lower[..., 0][calm & ~even]).all()
    assert np.isinf(band.lower[..., 0][regime == 1]).all()
    turbulent = WhalleyWilmott().band(state).upper[..., 0]
    np.testing.assert_array_equal(band.upper[..., 0][regime == 2], turbulent[regime == 2])
    assert policy.parameters() == {"regime_0_every": 2.0, "regime_1_every": 1.0, "regime_2_every": 1.0}


NEUTRAL = RegimeSwitched(
    slope_share=0.0, band_scale=1.0, regime_weight=0.0, forecast_weight=0.0, doubt=0.0, aversion_tilt=1.0
)
SLOPE = (-0.4, 0.1, 0.0)


def test_the_flagship_without_its_parts_is_whalley_wilmott_at_the_forecast_cost(make_state):
    state, _ = make_state()
    expected = WhalleyWilmott().band(replace(state, cost=state.cost)).clipped(*exposure.position_range(state))
    got = NEUTRAL.band(replace(state, cost=np.full(state.shape, state.desk_cost)))
    np.testing.assert_allclose(got.lower, expected.lower, rtol=1e-12)
    dear = NEUTRAL.band(replace(state, cost=np.full(state.shape, 8 * state.desk_cost)))
    np.testing.assert_allclose(
        (dear.upper - DeltaImplied().band(state).upper)[:, 0],
        2 * (WhalleyWilmott().band(state).upper - DeltaImplied().band(state).upper)[:, 0],
        rtol=1e-9,
    )


def test_the_ratio_blends_variances(make_state):
    state, _ = make_state()
    policy = replace(NEUTRAL, band_scale=0.0, regime_weight=0.25, forecast_weight=2 / 3)
    others = 0.25 * state.implied_vol**2 + 0.5 * state.forecast_vol**2
    for premium in (1.0, 1.5):
        vol = np.sqrt(others + 0.25 * premium * state.regime_vol**2)
        band = replace(policy, regime_premium=premium).band(state)
        np.testing.assert_allclose(middle(band), exposure.target(state, vol))


@pytest.mark.parametrize("doubt", [0.1, 0.4])
def test_a_doubtful_variance_is_counted_at_its_certainty_equivalent(make_state, doubt):
    """log E exp(γ ½ΓS² W) of a gamma-distributed W, to second order in γ."""
    state, _ = make_state()
    vol, tau = state.implied_vol[:, 0], state.time_to_expiry[:, 0]
    expected = vol**2 * tau
    dollar_gamma = state.price[:, 0, 0] * norm.pdf(0.0) / np.sqrt(expected)
    for aversion in (1e-3, 1e-1):
        cautious = replace(state, risk_aversion=aversion)
        exposed = aversion * 0.5 * dollar_gamma
        heavy = exposed * doubt * expected
        exact = -np.log1p(-heavy) / (doubt * exposed)
        got = expected * (1.0 + loading(cautious, state.implied_vol, doubt)[:, 0])
        third_order = 1.0 - 2.0 / 3.0 * heavy
        np.testing.assert_allclose((got - expected) / (exact - expected), third_order, atol=heavy.max() ** 2)


def test_options_bought_are_hedged_at_less_than_the_expected_variance_and_sold_at_more(make_state):
    doubtful, sure = replace(NEUTRAL, band_scale=0.0, doubt=0.6), replace(NEUTRAL, band_scale=0.0)
    for side, sign in (("short", 1.0), ("long", -1.0)):
        state, _ = make_state(side=side)
        low = state.forward < 0.97 * state.strike
        lean = np.abs(middle(doubtful.band(state))) - np.abs(middle(sure.band(state)))
        assert (sign * lean[low] >= 0.0).all()
        assert (sign * lean[low]).max() > 0.005
    calm = replace(state, risk_aversion=1e-9)
    np.testing.assert_allclose(doubtful.band(calm).lower, sure.band(calm).lower, atol=1e-8)


def test_one_regime_leaves_the_flagship_without_regimes(make_state):
    state, _ = make_state()
    alone = replace(state, regime_prob=np.ones((*state.shape, 1)))
    flagship = RegimeSwitched(call=SLOPE, slope_tilt=0.5, doubt_tilt=1.5, aversion_tilt=4.0)
    band, without = flagship.band(alone), RegimeSwitchedNoRegimes(call=SLOPE).band(state)
    np.testing.assert_array_equal(band.lower, without.lower)
    np.testing.assert_array_equal(band.upper, without.upper)


def test_doubtful_regimes_count_more_variance_and_the_average_of_all_is_no_tilt(make_state):
    state, _ = make_state()
    policy, plain = replace(NEUTRAL, band_scale=0.0, doubt_tilt=2.25), replace(NEUTRAL, band_scale=0.0)
    for k, factor in enumerate((1 / 1.5, 1.0, 1.5)):
        sure = np.zeros_like(state.regime_prob)
        sure[..., k] = 1.0
        scaled = replace(state, implied_vol=np.sqrt(factor) * state.implied_vol)
        got = middle(policy.band(replace(state, regime_prob=sure)))
        np.testing.assert_allclose(got, middle(plain.band(scaled)), rtol=1e-10, atol=1e-12)


def test_a_turbulent_regime_takes_less_of_the_slope_and_an_average_one_its_share(make_state):
    state, _ = make_state()
    tilted = replace(NEUTRAL, call=SLOPE, slope_share=0.5, slope_tilt=0.25, band_scale=0.0)
    bare, whole = replace(tilted, slope_share=0.0), replace(tilted, slope_share=1.0, slope_tilt=1.0)
    start = (slice(None), 0)
    taken = []
    for k in range(3):
        sure = np.zeros_like(state.regime_prob)
        sure[..., k] = 1.0
        own, none, all_of_it = (
            middle(p.band(replace(state, regime_prob=sure)))[start] for p in (tilted, bare, whole)
        )
        taken.append(((own - none) / (all_of_it - none)).mean())
    np.testing.assert_allclose(taken, [1.0, 0.5, 0.25], rtol=1e-9)


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
def test_the_constant_shift_leans_each_option_alike_and_vanishes_at_expiry(make_state, kind):
    state, _ = make_state(kind=kind)
    lean = middle(DeltaImplied().band(state)) - middle(ConstantShift(0.3).band(state))
    options = 2 if kind == "straddle" else 1
    np.testing.assert_allclose(
        lean[:, 0], options * 0.3 * norm.pdf(0.0) * state.forward_slope[:, 0], rtol=5e-3
    )
    assert (lean[:, -1] <= options * 0.3 * 0.4 * np.sqrt(1.5 / 21)).all()


def test_the_constant_shift_takes_the_best_of_its_grid(make_state):
    state, _ = make_state()

    def score(policy):
        return Score((policy.shift - 0.26) ** 2, np.zeros(4))

    assert ConstantShift().fit(Training(state, score, 60)).shift == 0.25


def test_a_turbulent_regime_narrows_the_band_and_an_average_one_leaves_it(make_state):
    state, _ = make_state()
    tilted = replace(NEUTRAL, aversion_tilt=4.0)
    widths = []
    for k in range(3):
        sure = np.zeros_like(state.regime_prob)
        sure[..., k] = 1.0
        own, plain = (p.band(replace(state, regime_prob=sure)) for p in (tilted, NEUTRAL))
        inside = (own.lower > 0) & (own.upper < 1) & (plain.lower > 0) & (plain.upper < 1)
        widths.append((width(own)[inside[..., 0]] / width(plain)[inside[..., 0]]).mean())
    np.testing.assert_allclose(widths, [2 ** (1 / 3), 1.0, 2 ** (-1 / 3)], rtol=1e-9)


@pytest.mark.parametrize(("response", "sign"), [(1.0, 1), (-1.0, -1)])
def test_an_event_ahead_widens_or_narrows(make_state, response, sign):
    state, _ = make_state()
    quiet = replace(state, gap_prob=state.gap_base, spike_prob=state.spike_base)
    ahead = replace(quiet, gap_prob=state.gap_base + 0.5)
    policy = replace(NEUTRAL, gap_response=response)
    change = width(policy.band(ahead)) - width(policy.band(quiet))
    assert (sign * change >= -1e-12).all()
    assert (sign * change).max() > 0.001


def test_each_ablation_ignores_what_it_is_without(make_state):
    state, _ = make_state()
    other, _ = make_state(seed=77)
    parts = {
        "no_regimes": {name: getattr(other, name) for name in ("regime_prob", "regime_vol")},
        "no_forecasts": {
            name: getattr(other, name) for name in ("forecast_vol", "cost", "gap_prob", "spike_prob")
        },
    }
    for ablation in ABLATIONS:
        sloped, flagship = ablation(call=SLOPE), RegimeSwitched(call=SLOPE, slope_tilt=0.5)
        band = sloped.band(state)
        kind = ablation.name.removeprefix("regime_switched_")
        if kind == "no_bands":
            assert not width(band).any()
        else:
            assert (band.lower == sloped.band(replace(state, **parts[kind])).lower).all()
            changed = flagship.band(replace(state, **parts[kind]))
            assert (flagship.band(state).lower != changed.lower).any()


def test_ablations_are_tuned_with_the_same_budget_and_never_touch_what_they_lack(make_state):
    state, _ = make_state()
    for kind in (RegimeSwitched, *ABLATIONS):
        tried = []

        def score(policy, tried=tried):
            tried.append(policy)
            loss = -float(len(tried))
            return Score(loss, np.full(4, loss) + 1e-6 * np.arange(4))

        fitted = kind().fit(untouched(state, score, budget=25))
        assert len(tried) <= 25
        assert len(tried) == len(set(tried))
        for name in kind.without:
            assert getattr(fitted, name) == getattr(kind(), name)
    assert RegimeSwitchedNoForecasts().forecast_weight == 0.0
