from dataclasses import replace

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from scipy.stats import poisson

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.pricing.heston import HestonLaw, price

CALM = HestonLaw(mean=0.04, reversion=3.0, vol_of_vol=0.4, correlation=-0.6)
WILD = HestonLaw(mean=0.04, reversion=1.0, vol_of_vol=2.0, correlation=-0.7)
JUMPY = HestonLaw(0.04, 3.0, 0.4, -0.6, intensity=6.0, jump_mean=-0.03, jump_deviation=0.04)


def in_quantlib(law, forward, variance, strike, days):
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    process = ql.BatesProcess(
        flat, flat, ql.QuoteHandle(ql.SimpleQuote(forward)), variance, law.reversion, law.mean,
        law.vol_of_vol, law.correlation, max(law.intensity, 1e-12), law.jump_mean,
        max(law.jump_deviation, 1e-6),
    )  # fmt: skip
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days)
    )
    option.setPricingEngine(ql.BatesEngine(ql.BatesModel(process), 1e-11, 1_000_000))
    return option.NPV()


@pytest.mark.parametrize("law", [CALM, WILD, JUMPY], ids=["calm", "wild", "jumpy"])
@pytest.mark.parametrize("days", [3, 30, 365, 3650])
def test_calls_are_worth_what_quantlib_says(law, days):
    for strike in (85.0, 100.0, 112.0):
        found = price("call", law, np.array([100.0]), np.array([0.05]), strike, days / 365)
        assert found[0] == pytest.approx(in_quantlib(law, 100.0, 0.05, strike, days), abs=1e-4)


@pytest.mark.parametrize("variance", [1e-10, 1e-4, 0.3])
@pytest.mark.parametrize("days", [1, 30])
def test_a_variance_of_hardly_anything_near_expiry(variance, days):
    """Most paths of a market that breaks Feller's condition stand there; φ hardly decays."""
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    quote = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(flat, flat, quote, variance, 1.0, 0.04, 2.0, -0.7)
    engine = ql.ExponentialFittingHestonEngine(ql.HestonModel(process))
    for strike in (60.0, 85.0, 100.0, 112.0, 170.0):
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days)
        )
        option.setPricingEngine(engine)
        found = price("call", WILD, np.array([100.0, 100.0]), np.array([variance, 0.04]), strike, days / 365)
        assert found[0] == pytest.approx(option.NPV(), abs=1e-6)


@pytest.mark.parametrize("correlation", [-0.9999, -0.99, 0.99, 0.999])
@pytest.mark.parametrize("days", [3, 30, 365])
def test_a_correlation_near_one(correlation, days):
    law = replace(CALM, correlation=correlation)
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    quote = ql.QuoteHandle(ql.SimpleQuote(100.0))
    process = ql.HestonProcess(flat, flat, quote, 0.05, 3.0, 0.04, 0.4, correlation)
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-11, 1_000_000)
    for strike in (85.0, 100.0, 112.0):
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days)
        )
        option.setPricingEngine(engine)
        found = price("call", law, np.array([100.0]), np.array([0.05]), strike, days / 365)
        assert found[0] == pytest.approx(option.NPV(), abs=1e-6)


def test_one_shock_for_price_and_variance_is_refused():
    for correlation in (-1.0, 0.99999, np.nan):
        with pytest.raises(SettingsError, match="are priced for those from"):
            price("call", replace(CALM, correlation=correlation), np.array([100.0]), 0.04, 100.0, 0.1)


def test_jumps_are_worth_what_mertons_series_says():
    law = HestonLaw(0.04, 1.0, 1e-3, 0.0, intensity=2.0, jump_mean=-0.1, jump_deviation=0.0)
    for strike in (60.0, 95.0, 150.0):
        series, expected = 0.0, 2.0 * 0.25
        for jumps in range(30):
            forward = 100.0 * np.exp(-0.1 * jumps - expected * np.expm1(-0.1))
            series += poisson.pmf(jumps, expected) * float(black.price("call", forward, strike, 0.25, 0.2))
        found = price("call", law, np.array([100.0]), np.array([0.04]), strike, 0.25)
        assert found[0] == pytest.approx(series, abs=1e-5)


def test_a_state_that_is_not_known_has_no_price_and_disturbs_no_other():
    found = price("put", CALM, np.array([100.0, np.nan, 100.0]), np.array([0.04, 0.04, np.nan]), 95.0, 0.1)
    alone = price("put", CALM, np.array([100.0]), np.array([0.04]), 95.0, 0.1)
    assert found[0] == pytest.approx(alone[0], abs=1e-12)
    assert np.isnan(found[1:]).all()


def test_parity_and_states_side_by_side():
    forward, variance = np.array([90.0, 100.0, 120.0]), np.array([0.02, 0.05, 0.3])
    call, put = (price(right, CALM, forward, variance, 100.0, 0.25) for right in ("call", "put"))
    np.testing.assert_allclose(call - put, forward - 100.0, atol=1e-12)
    for each in range(3):
        alone = price("call", CALM, forward[each : each + 1], variance[each : each + 1], 100.0, 0.25)
        assert call[each] == pytest.approx(alone[0], abs=1e-6)


def test_small_vol_of_vol_is_black():
    law = HestonLaw(mean=0.04, reversion=2.0, vol_of_vol=1e-3, correlation=0.0)
    found = price("call", law, np.array([100.0]), np.array([0.04]), 105.0, 0.5)
    assert found[0] == pytest.approx(float(black.price("call", 100.0, 105.0, 0.5, 0.2)), abs=1e-5)


def test_at_expiry_it_is_the_payoff():
    found = price("put", CALM, np.array([90.0, 110.0]), np.array([0.04, 0.04]), 100.0, 0.0)
    np.testing.assert_array_equal(found, [10.0, 0.0])
