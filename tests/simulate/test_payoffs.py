import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Liability
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.payoffs import (
    Asian,
    Barrier,
    European,
    Guarantee,
    Lookback,
    Portfolio,
    Straddle,
)

DAYS, VOL = 20, 0.3
PATHS = BlackScholes(volatility=VOL).simulate(paths=60_000, steps=DAYS, dt=1 / 365, seed=5).spot
TODAY = ql.Date(1, 1, 2024)


def engine_process(rate=0.0):
    ql.Settings.instance().evaluationDate = TODAY
    flat, none = (
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, each, ql.Actual365Fixed())) for each in (rate, 0.0)
    )
    vol = ql.BlackVolTermStructureHandle(
        ql.BlackConstantVol(TODAY, ql.NullCalendar(), VOL, ql.Actual365Fixed())
    )
    return ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(100.0)), none, flat, vol)


def agrees(paid, exact):
    return abs(paid.mean() - exact) < 3 * paid.std() / np.sqrt(len(paid))


@pytest.mark.parametrize("right", ["call", "put"])
def test_a_european_is_worth_blacks_formula(right):
    exact = float(black.price(right, 100.0, 103.0, DAYS / 365, VOL))
    assert agrees(European(right, 103.0).payoff(PATHS), exact)


def test_a_straddle_is_the_domains():
    domain = Liability.of("straddle", "long").payoff(PATHS[:, -1], np.full(len(PATHS), 98.0))
    np.testing.assert_allclose(Straddle(98.0).payoff(PATHS), domain, atol=1e-12)


def test_a_geometric_asian_is_worth_what_quantlib_says():
    process = engine_process()
    dates = [TODAY + day for day in range(1, DAYS + 1)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average().Geometric, 1.0, 0, dates, ql.PlainVanillaPayoff(ql.Option.Call, 101.0),
        ql.EuropeanExercise(TODAY + DAYS),
    )  # fmt: skip
    option.setPricingEngine(ql.AnalyticDiscreteGeometricAveragePriceAsianEngine(process))
    assert agrees(Asian("call", 101.0, "geometric").payoff(PATHS), option.NPV())


def test_an_arithmetic_asian_is_worth_what_quantlib_says():
    process = engine_process()
    dates = [TODAY + day for day in range(1, DAYS + 1)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average().Arithmetic, dates, ql.PlainVanillaPayoff(ql.Option.Call, 101.0),
        ql.EuropeanExercise(TODAY + DAYS),
    )  # fmt: skip
    option.setPricingEngine(ql.TurnbullWakemanAsianEngine(process))
    assert agrees(Asian("call", 101.0).payoff(PATHS), option.NPV())


@pytest.mark.parametrize(
    ("direction", "kind", "barrier"),
    [("down", ql.Barrier.DownOut, 95.0), ("up", ql.Barrier.UpOut, 108.0)],
)
def test_a_barrier_is_worth_quantlibs_with_the_shift_for_watching_at_steps(direction, kind, barrier):
    """Watching at steps is a barrier that is e^(±.5826 σ√Δt) further away, watched all the time."""
    away = np.exp(0.5826 * VOL * np.sqrt(1 / 365) * (1 if direction == "up" else -1))
    option = ql.BarrierOption(
        kind, barrier * away, 0.0, ql.PlainVanillaPayoff(ql.Option.Call, 100.0),
        ql.EuropeanExercise(TODAY + DAYS),
    )  # fmt: skip
    option.setPricingEngine(ql.AnalyticBarrierEngine(engine_process()))
    paid = Barrier("call", 100.0, barrier, direction, "out").payoff(PATHS)
    assert abs(paid.mean() - option.NPV()) < 3 * paid.std() / np.sqrt(len(paid)) + 0.01 * option.NPV()


def test_in_and_out_are_the_option():
    one, other = (Barrier("put", 101.0, 96.0, "down", knock).payoff(PATHS) for knock in ("in", "out"))
    np.testing.assert_allclose(one + other, European("put", 101.0).payoff(PATHS))
    assert one.max() > 0.0
    assert other.max() > 0.0


def test_a_lookback_is_at_least_the_european_and_scales():
    look = Lookback("call", 103.0).payoff(PATHS)
    assert (look >= European("call", 103.0).payoff(PATHS)).all()
    np.testing.assert_allclose(Lookback("call", 206.0).payoff(2.0 * PATHS), 2.0 * look)
    put = Lookback("put", 97.0).payoff(PATHS)
    np.testing.assert_allclose(put, np.maximum(97.0 - PATHS.min(axis=1), 0.0))


def test_a_lookback_is_worth_quantlibs_with_the_shift_for_watching_at_steps():
    """Its formula divides by the rate, so that the rate cannot be zero."""
    option = ql.ContinuousFixedLookbackOption(
        100.0, ql.PlainVanillaPayoff(ql.Option.Call, 103.0), ql.EuropeanExercise(TODAY + DAYS)
    )
    option.setPricingEngine(ql.AnalyticContinuousFixedLookbackEngine(engine_process(rate=1e-5)))
    paid = Lookback("call", 103.0).payoff(PATHS * np.exp(0.5826 * VOL * np.sqrt(1 / 365)))
    assert abs(paid.mean() - option.NPV()) < 3 * paid.std() / np.sqrt(len(paid)) + 0.02 * option.NPV()


def test_a_guarantee_is_a_put_on_the_account():
    found = Guarantee(amount=100.0, account=100.0, years=10.0, fee=0.01, survival=0.8).payoff(PATHS)
    strike = 100.0 * np.exp(0.1)
    np.testing.assert_allclose(found, 0.8 * np.exp(-0.1) * European("put", strike).payoff(PATHS), atol=1e-12)


def test_a_portfolio_adds_up():
    parts = ((2.0, European("call", 100.0)), (-1.0, Asian("put", 99.0)))
    expected = 2.0 * parts[0][1].payoff(PATHS) - parts[1][1].payoff(PATHS)
    np.testing.assert_array_equal(Portfolio(parts).payoff(PATHS), expected)


@pytest.mark.parametrize("fault", [{"survival": 1.2}, {"years": 0.0}])
def test_a_guarantee_that_cannot_be_is_refused(fault):
    with pytest.raises(SettingsError, match="Guarantee"):
        Guarantee(**({"amount": 1.0, "account": 1.0, "years": 10.0} | fault))
