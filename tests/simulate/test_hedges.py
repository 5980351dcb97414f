import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.simulate.bates import Bates
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.hedges import option_prices, variance_swap_prices
from pipeline.simulate.heston import FellerWarning, Heston
from pipeline.simulate.jump_law import JumpLaw
from pipeline.simulate.merton import Merton
from pipeline.simulate.payoffs import European
from pipeline.simulate.switching import MarkovSwitching

with pytest.warns(FellerWarning):
    BUEHLER = Heston(reversion=1.0, vol_of_vol=2.0)
JUMPS = JumpLaw(intensity=6.0, mean=-0.03, deviation=0.04)
MARKETS = pytest.mark.parametrize(
    "market",
    [BlackScholes(), BUEHLER, Bates(jumps=JUMPS), Merton(jumps=JUMPS)],
    ids=["black_scholes", "buehler", "bates", "merton"],
)


def simulated(market, paths=6000, steps=8):
    return market.simulate(paths=paths, steps=steps, dt=1 / 365, seed=5)


@MARKETS
@pytest.mark.parametrize("right", ["call", "put"])
def test_an_options_gains_are_fair_from_any_state(market, right):
    """No step earns on average, neither at all nor where price or variance is high: nothing to arbitrage."""
    paths = simulated(market)
    found = option_prices(market, paths, right, 101.0, expiry=8)
    np.testing.assert_allclose(found[:, -1], European(right, 101.0).payoff(paths.spot), atol=1e-12)
    for t in (0, 3, 7):
        gain = found[:, t + 1] - found[:, t]
        for held in (1.0, paths.spot[:, t] > 100.0, paths.variance[:, t] > 0.04):
            earned = held * gain
            assert abs(earned.mean()) <= 3.5 * earned.std() / np.sqrt(len(earned))


def test_mertons_options_are_worth_what_quantlib_says():
    """Its Bates engine, the variance without a motion of its own."""
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    quote = ql.QuoteHandle(ql.SimpleQuote(100.0))
    jumps = JUMPS.intensity, JUMPS.mean, JUMPS.deviation
    process = ql.BatesProcess(flat, flat, quote, 0.04, 1.0, 0.04, 1e-4, 0.0, *jumps)
    engine = ql.BatesEngine(ql.BatesModel(process), 1e-12, 1_000_000)
    market = Merton(volatility=0.2, jumps=JUMPS)
    paths = market.simulate(paths=1, steps=1, dt=1 / 365, seed=5)
    for strike in (60.0, 97.0, 130.0):
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Put, strike), ql.EuropeanExercise(today + 60)
        )
        option.setPricingEngine(engine)
        found = option_prices(market, paths, "put", strike, expiry=60)[0, 0]
        assert found == pytest.approx(option.NPV(), abs=1e-6)


def test_an_option_that_outlives_the_paths_is_still_priced():
    paths = simulated(BlackScholes(), paths=5)
    found = option_prices(BlackScholes(), paths, "put", 99.0, expiry=40)
    np.testing.assert_allclose(found[:, 8], black.price("put", paths.spot[:, 8], 99.0, 32 / 365, 0.2))


@MARKETS
def test_a_variance_swap_is_fair_and_pays_the_integrated_variance(market):
    paths = simulated(market)
    found = variance_swap_prices(market, paths, 8)
    paid = 0.5 * (paths.variance[:, 1:] + paths.variance[:, :-1]).sum(axis=1) / 365
    np.testing.assert_allclose(found[:, -1], paid, rtol=1e-12)
    np.testing.assert_allclose(found[:, 0], 0.04 * 8 / 365, rtol=1e-12)
    for t in (0, 3, 7):
        gain = found[:, t + 1] - found[:, t]
        assert abs(gain.mean()) <= 3 * gain.std() / np.sqrt(len(gain)) + 1e-16


def test_what_cannot_be_priced_is_refused():
    switching = MarkovSwitching(step=1 / 365)
    paths = simulated(switching, paths=2)
    with pytest.raises(SettingsError, match="nested simulation"):
        option_prices(switching, paths, "call", 100.0, 8)
    with pytest.raises(SettingsError, match="no variance swap"):
        variance_swap_prices(switching, paths, 8)
    with pytest.raises(SettingsError, match="simulate more steps"):
        variance_swap_prices(BlackScholes(), paths, 9)
    with pytest.raises(SettingsError, match="drift"):
        option_prices(BlackScholes(drift=0.1), paths, "call", 100.0, 8)
