"""American options: published values, closed forms, an integral, binomial trees, inequalities, exercise."""

import sys

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from scipy import integrate, stats

from pipeline.domain.errors import DataError
from pipeline.pricing import black
from pipeline.pricing.american import NO_DIVIDENDS, AmericanOption, Dividends

DAY = np.datetime64("2015-01-01")
YEAR = np.timedelta64(365, "D")
# S, σ, T and the put by implicit finite differences: Longstaff and Schwartz (2001), table 1; K = 40, r = 6 %
PUBLISHED = [
    (36, 0.2, 1, 4.478), (36, 0.2, 2, 4.840), (36, 0.4, 1, 7.101), (36, 0.4, 2, 8.508),
    (38, 0.2, 1, 3.250), (38, 0.2, 2, 3.745), (38, 0.4, 1, 6.148), (38, 0.4, 2, 7.670),
    (40, 0.2, 1, 2.314), (40, 0.2, 2, 2.885), (40, 0.4, 1, 5.312), (40, 0.4, 2, 6.920),
    (42, 0.2, 1, 1.617), (42, 0.2, 2, 2.212), (42, 0.4, 1, 4.582), (42, 0.4, 2, 6.248),
    (44, 0.2, 1, 1.110), (44, 0.2, 2, 1.690), (44, 0.4, 1, 3.948), (44, 0.4, 2, 5.647),
]  # fmt: skip


def days(*named):
    return np.array(named, dtype="datetime64[D]")


@pytest.mark.parametrize(("spot", "vol", "years", "value"), PUBLISHED)
def test_puts_of_longstaff_and_schwartz(spot, vol, years, value):
    """Theirs may be exercised on 50 dates a year and ours on any day, so ours are worth up to .01 more.

    Our grid of 200 steps lies up to .004 below its limit, so theirs may be that much higher, too.
    """
    put = AmericanOption("put", 40.0, DAY + years * YEAR, 0.06)
    found = put.greeks(DAY, float(spot), vol).price
    assert value - 0.004 < found < value + 0.012


@pytest.mark.parametrize("spot", [80.0, 100.0, 125.0])
@pytest.mark.parametrize("vol", [0.15, 0.4])
def test_a_call_without_dividends_is_the_european_one(spot, vol):
    call, forward = AmericanOption("call", 100.0, DAY + YEAR, 0.05), spot * np.exp(0.05)
    found = call.greeks(DAY, spot, vol)
    assert found.price == pytest.approx(float(black.price("call", forward, 100.0, 1.0, vol, 0.05)), abs=2e-3)
    delta = float(black.delta("call", forward, 100.0, 1.0, vol, 0.05)) * np.exp(0.05)
    assert found.delta == pytest.approx(delta, abs=2e-4)
    gamma = float(black.gamma(forward, 100.0, 1.0, vol, 0.05)) * np.exp(0.1)
    assert found.gamma == pytest.approx(gamma, abs=2e-5)


@pytest.mark.parametrize("spot", [85.0, 100.0, 115.0])
@pytest.mark.parametrize("right", ["call", "put"])
def test_a_binomial_tree_agrees(right, spot):
    today = ql.Date(1, 1, 2015)
    before, ql.Settings.instance().evaluationDate = ql.Settings.instance().evaluationDate, today
    try:
        count = ql.Actual365Fixed()
        rate, none = (ql.YieldTermStructureHandle(ql.FlatForward(today, each, count)) for each in (0.05, 0.0))
        vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.3, count))
        process = ql.BlackScholesMertonProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), none, rate, vol)
        kind = ql.Option.Call if right == "call" else ql.Option.Put
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, 100.0), ql.AmericanExercise(today, today + 365))
        option.setPricingEngine(ql.BinomialVanillaEngine(process, "lr", 801))
        value, delta = option.NPV(), option.delta()
    finally:
        ql.Settings.instance().evaluationDate = before
    found = AmericanOption(right, 100.0, DAY + YEAR, 0.05).greeks(DAY, spot, 0.3)
    assert found.price == pytest.approx(value, abs=5e-3)
    assert found.delta == pytest.approx(delta, abs=1e-3)


@pytest.mark.parametrize(("spot", "paid"), [(100.0, 1.0), (120.0, 4.0), (140.0, 8.0)])
def test_a_call_with_one_dividend_is_an_integral_over_the_ex_date(spot, paid):
    """It is exercised just before the share goes without the dividend or not before its expiry."""
    first, last, vol, rate = 100 / 365, 1.0, 0.25, 0.03
    call = AmericanOption("call", 100.0, DAY + YEAR, rate)

    def worth(z):
        before = spot * np.exp((rate - 0.5 * vol**2) * first + vol * np.sqrt(first) * z)
        left = last - first
        after = max(before - paid, 1e-9)
        hold = float(black.price("call", after * np.exp(rate * left), 100.0, left, vol, rate))
        return max(before - 100.0, hold) * stats.norm.pdf(z)

    value = np.exp(-rate * first) * integrate.quad(worth, -8.0, 8.0, limit=400, epsabs=1e-9)[0]
    found = call.greeks(DAY, spot, vol, Dividends(days("2015-04-11"), np.array([paid])))
    assert found.price == pytest.approx(value, abs=4e-3)


@pytest.mark.parametrize("spot", [70.0, 100.0, 140.0])
@pytest.mark.parametrize("vol", [0.1, 0.5])
def test_call_less_put_lies_between_its_bounds(spot, vol):
    """S − D − K ≤ C − P ≤ S − K e^(−rT), D the dividends' present value (Hull 2018, eq. 11.11)."""
    paid = Dividends(days("2015-03-02", "2015-08-03"), np.array([2.0, 2.5]))
    value = {
        right: AmericanOption(right, 100.0, DAY + YEAR, 0.04).greeks(DAY, spot, vol, paid).price
        for right in ("call", "put")
    }
    present = float((paid.amounts * np.exp(-0.04 * np.array([60, 214]) / 365)).sum())
    gap = value["call"] - value["put"]
    assert spot - present - 100.0 - 1e-3 <= gap <= spot - 100.0 * np.exp(-0.04) + 1e-3


@pytest.mark.parametrize("right", ["call", "put"])
def test_value_is_at_least_exercise_and_rises_with_volatility_and_life(right):
    paid = Dividends(days("2015-03-02", "2015-08-03"), np.array([2.0, 2.5]))
    short, long = (AmericanOption(right, 100.0, DAY + left, 0.03) for left in (YEAR // 2, YEAR))
    for spot in (60.0, 95.0, 150.0):
        values = [long.greeks(DAY, spot, vol, paid).price for vol in (0.1, 0.2, 0.4)]
        assert values[0] >= long.intrinsic(spot) - 1e-6
        assert np.all(np.diff(values) >= -1e-6)
        assert values[1] >= short.greeks(DAY, spot, 0.2, paid).price - 2e-3


@pytest.mark.parametrize("right", ["call", "put"])
@pytest.mark.parametrize("vol", [0.12, 0.35, 0.9])
def test_implied_volatility_goes_round(right, vol):
    paid = Dividends(days("2015-03-02", "2015-08-03"), np.array([1.0, 1.0]))
    option = AmericanOption(right, 100.0, DAY + YEAR, 0.01)
    price = option.greeks(DAY, 98.0, vol, paid).price
    assert option.implied_vol(price, DAY, 98.0, paid) == pytest.approx(vol, abs=1e-6)


def test_there_is_no_volatility_at_the_value_of_exercise_or_past_the_share():
    put = AmericanOption("put", 100.0, DAY + YEAR, 0.05)
    assert np.isnan(put.implied_vol(40.0, DAY, 60.0))
    assert np.isnan(put.implied_vol(100.5, DAY, 60.0))
    assert np.isnan(put.implied_vol(np.nan, DAY, 60.0))
    assert np.isnan(put.greeks(DAY, np.nan, 0.2).price)


def test_on_its_expiry_it_is_worth_exercise_and_after_it_has_no_value():
    call = AmericanOption("call", 100.0, DAY, 0.05)
    assert call.greeks(DAY, 104.0, 0.2) == (4.0, 1.0, 0.0)
    assert call.greeks(DAY, 96.0, 0.2) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError, match="expired"):
        call.greeks(DAY + np.timedelta64(1, "D"), 104.0, 0.2)


def test_a_dividend_of_today_is_in_the_spot_already():
    call = AmericanOption("call", 100.0, DAY + YEAR, 0.0)
    paid = Dividends(days("2015-01-01"), np.array([5.0]))
    assert call.greeks(DAY, 100.0, 0.2, paid) == call.greeks(DAY, 100.0, 0.2)


def test_a_call_is_exercised_before_the_ex_date_where_its_time_value_is_less_than_the_dividend():
    call, ex = AmericanOption("call", 100.0, DAY + 30, 0.01), DAY + np.timedelta64(1, "D")
    for spot, vol, paid in ((130.0, 0.2, 0.5), (101.0, 0.4, 0.5), (130.0, 0.2, 0.0), (130.0, 0.2, 0.05)):
        dividends = Dividends(days(ex), np.array([paid])) if paid else NO_DIVIDENDS
        left = 30 / 365
        after = (spot - paid) * np.exp(0.01 * left)
        hold = float(black.price("call", after, 100.0, left, vol, 0.01))
        time_value = hold - (spot - paid - 100.0)
        assert call.exercised(DAY, spot, vol, dividends, ex) == bool(paid > 0.0 and time_value < paid)
    assert not call.exercised(DAY, 99.0, 0.2, Dividends(days(ex), np.array([5.0])), ex)


def test_a_put_is_exercised_far_in_the_money_unless_a_dividend_comes():
    put, ex = AmericanOption("put", 100.0, DAY + YEAR, 0.06), DAY + np.timedelta64(1, "D")
    assert put.exercised(DAY, 50.0, 0.2, NO_DIVIDENDS, ex)
    assert not put.exercised(DAY, 95.0, 0.2, NO_DIVIDENDS, ex)
    assert not put.exercised(DAY, 50.0, 0.2, Dividends(days(ex), np.array([1.0])), ex)


def test_quantlib_keeps_its_own_evaluation_date():
    before = ql.Settings.instance().evaluationDate
    AmericanOption("put", 40.0, DAY + YEAR, 0.06).greeks(DAY, 36.0, 0.2)
    assert ql.Settings.instance().evaluationDate == before


def test_without_quantlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "QuantLib", None)
    with pytest.raises(DataError, match=r"regime-hedge\[options\]"):
        AmericanOption("put", 40.0, DAY + YEAR, 0.06).greeks(DAY, 36.0, 0.2)
