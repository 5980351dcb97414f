"""Merton and Bates: the jumps, and what is left without them."""

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses
from scipy.stats import poisson

from pipeline.domain.errors import SettingsError
from pipeline.simulate.bates import Bates
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import Heston
from pipeline.simulate.jump_law import JumpLaw
from pipeline.simulate.merton import Merton
from pipeline.simulate.noise import draws

LAW = JumpLaw(intensity=6.0, mean=-0.03, deviation=0.04)
NONE = JumpLaw(intensity=0.0, mean=-0.03, deviation=0.04)


def test_the_kernel_is_its_plain_twin():
    noise = draws(7, first=0, steps=12)[:, 0]
    count = poisson.ppf(noise[:, 2], LAW.intensity / 12)
    sizes = count * LAW.mean + np.sqrt(count) * LAW.deviation * noise[:, 0]
    plain = np.cumsum(sizes - LAW.intensity * LAW.relative_mean / 12, axis=0).T
    spot = np.ones((256, 13))
    LAW.apply(noise, 1 / 12, spot)
    assert count.max() >= 3
    np.testing.assert_allclose(np.log(spot[:, 1:]), plain, rtol=1e-12, atol=1e-13)


def test_merton_has_its_variance_skewness_and_kurtosis():
    market = Merton(volatility=0.15, jumps=LAW)
    dt = 1 / 12
    found = market.simulate(paths=400_000, steps=1, dt=dt, seed=3).spot[:, 1]
    returns = np.log(found / 100.0)
    m, s2 = LAW.mean, LAW.deviation**2
    rate = LAW.intensity * dt
    variance = 0.15**2 * dt + rate * (m**2 + s2)
    third, fourth = rate * (m**3 + 3 * m * s2), rate * (m**4 + 6 * m**2 * s2 + 3 * s2**2)
    centred = returns - ((-0.5 * 0.15**2 - LAW.intensity * LAW.relative_mean) * dt + rate * m)
    for power, exact in ((2, variance), (3, third), (4, fourth + 3 * variance**2)):
        powers = centred**power
        assert abs(powers.mean() - exact) < 3 * powers.std() / np.sqrt(len(powers)), power


def quantlib_bates(market, strike, days):
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot, law = ql.QuoteHandle(ql.SimpleQuote(market.spot)), market.jumps
    process = ql.BatesProcess(
        flat, flat, spot, market.start, market.reversion, market.mean, market.vol_of_vol,
        market.correlation, law.intensity, law.mean, law.deviation,
    )  # fmt: skip
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days)
    )
    option.setPricingEngine(ql.BatesEngine(ql.BatesModel(process), 128))
    return option.NPV()


@pytest.mark.parametrize("strike", [92.0, 100.0, 106.0])
def test_calls_under_bates_are_worth_what_quantlib_says(strike):
    market = Bates(start=0.03, mean=0.04, reversion=3.0, vol_of_vol=0.4, correlation=-0.6, jumps=LAW)
    last = market.simulate(paths=100_000, steps=73, dt=1 / 365, seed=5).spot[:, -1]
    paid = np.maximum(last - strike, 0.0)
    assert abs(paid.mean() - quantlib_bates(market, strike, 73)) < 3 * paid.std() / np.sqrt(len(paid))


@pytest.mark.parametrize(
    ("jumping", "plain"), [(Merton(jumps=NONE), BlackScholes()), (Bates(jumps=NONE), Heston())]
)
def test_without_jumps_it_is_the_plain_market_path_by_path(jumping, plain):
    one, other = (market.simulate(paths=50, steps=20, dt=1 / 252, seed=9) for market in (jumping, plain))
    np.testing.assert_array_equal(one.spot, other.spot)


@pytest.mark.parametrize("law", [{"intensity": -1.0}, {"deviation": -0.1}, {"mean": np.nan}])
def test_a_law_that_cannot_be_is_refused(law):
    with pytest.raises(SettingsError, match="JumpLaw"):
        JumpLaw(**law)
