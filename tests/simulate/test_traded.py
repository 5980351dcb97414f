"""Instruments along paths, and options priced by what the hidden regime may do."""

from itertools import product

import numpy as np
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.hedges import option_prices, variance_swap_prices
from pipeline.simulate.heston import Heston
from pipeline.simulate.nested import MOST, laws
from pipeline.simulate.nested import option_prices as nested_prices
from pipeline.simulate.switching import MarkovSwitching
from pipeline.simulate.traded import ListedOption, Spot, VarianceSwap

SWITCHING = MarkovSwitching()


@pytest.fixture(scope="module")
def paths():
    return SWITCHING.simulate(paths=20_000, steps=6, dt=1 / 252, seed=5)


def test_each_instrument_has_its_own_price():
    market = Heston()
    found = market.simulate(paths=3, steps=4, dt=1 / 365, seed=1)
    np.testing.assert_array_equal(Spot().prices(market, found), found.spot)
    swap = variance_swap_prices(market, found, 4)
    np.testing.assert_allclose(VarianceSwap(500.0).prices(market, found), 500.0 * swap)
    law = ListedOption("put", 101.0, 9).prices(market, found)
    np.testing.assert_array_equal(law, option_prices(market, found, "put", 101.0, 9))
    naive = ListedOption("put", 101.0, 9, 0.25).prices(market, found)
    time = (9 - np.arange(5)) / 365
    np.testing.assert_allclose(naive, black.price("put", found.spot, 101.0, time, 0.25))


@pytest.mark.parametrize("right", ["call", "put"])
def test_nested_prices_of_black_and_scholes_are_theirs(right):
    market = BlackScholes(volatility=0.2)
    found = market.simulate(paths=500, steps=5, dt=1 / 365, seed=2)
    ours = nested_prices(market, found, right, 101.0, expiry=5)
    time = (5 - np.arange(6)) / 365
    np.testing.assert_allclose(ours, black.price(right, found.spot, 101.0, time, 0.2), atol=1e-11)


def test_nested_prices_are_fair_from_every_regime(paths):
    """No step earns on average, in neither regime; a constant volatility's price does."""
    for priced, fair in (("nested", True), (0.2128, False)):
        price = ListedOption("call", 100.0, 12, priced).prices(SWITCHING, paths)
        earned = []
        for regime in (0, 1):
            gain = np.diff(price, axis=1)[:, 0][paths.regime[:, 0] == regime]
            earned.append(abs(gain.mean()) / (gain.std() / np.sqrt(len(gain))))
        assert bool(max(earned) < 4.0) is fair


def test_nested_prices_keep_parity_and_pay_at_the_end(paths):
    call, put = (nested_prices(SWITCHING, paths, right, 101.0, expiry=6) for right in ("call", "put"))
    np.testing.assert_allclose(call - put, paths.spot - 101.0, atol=1e-9)
    np.testing.assert_allclose(call[:, -1], np.maximum(paths.spot[:, -1] - 101.0, 0.0), atol=1e-9)


JUMPING = MarkovSwitching(
    volatility=(0.1, 0.2, 0.5),
    moves=((0.7, 0.2, 0.1), (0.3, 0.6, 0.1), (0.0, 0.5, 0.5)),
    jumps=((0.0, -0.05, -0.1), (0.03, 0.0, -0.04), (0.0, 0.02, 0.0)),
)


def by_every_path(market, spot, first, strike, steps, interval):
    """Black's call averaged over all paths of the regime, one by one."""
    moves, jumps, total = np.array(market.moves), market.switch_jumps, 0.0
    for path in product(range(len(moves)), repeat=steps):
        chance, drift, variance, now = 1.0, 0.0, 0.0, first
        for then in path:
            chance *= moves[now, then]
            drift += jumps[now, then] - np.log(moves[now] @ np.exp(jumps[now]))
            variance += market.volatility[now] ** 2 * interval
            now = then
        total += chance * black.price("call", spot * np.exp(drift), strike, 1.0, np.sqrt(variance))
    return total


@pytest.mark.parametrize("market", [SWITCHING, JUMPING], ids=["two", "three that jump"])
def test_nested_prices_are_those_of_every_path_of_the_regime(market):
    found = market.simulate(paths=40, steps=2, dt=1 / 252, seed=3)
    for strike in (85.0, 100.0, 108.0):
        ours = nested_prices(market, found, "call", strike, expiry=5)
        for t in range(3):
            for i in range(0, 40, 5):
                first, spot = int(found.regime[i, t]), found.spot[i, t]
                expected = by_every_path(market, spot, first, strike, 5 - t, 1 / 252)
                assert ours[i, t] == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_laws_of_many_components_are_grouped_and_keep_their_mean():
    """After 60 steps of three regimes that jump: against the same option by simulation."""
    found = JUMPING.simulate(paths=100_000, steps=60, dt=1 / 252, seed=4)
    first, few = found.regime[:, 0], found.episodes(slice(0, 20))
    for strike in (80.0, 100.0, 125.0):
        price = nested_prices(JUMPING, few, "call", strike, expiry=60)[:, 0]
        start = np.array([price[few.regime[:, 0] == z][0] for z in range(3)])
        gain = np.maximum(found.spot[:, -1] - strike, 0.0) - start[first]
        assert abs(gain.mean()) < 4.0 * gain.std() / np.sqrt(len(gain))
    for law in laws(JUMPING, 60, 1 / 252)[60]:
        assert 100 < len(law.chance) <= MOST
        assert law.chance.sum() == pytest.approx(1.0, abs=1e-12)
        assert law.chance @ law.factor == pytest.approx(1.0, abs=1e-12)


def test_no_strike_is_free():
    """A strike that no path would reach costs what Black's formula allows between both volatilities."""
    found = SWITCHING.simulate(paths=4, steps=1, dt=1 / 252, seed=5)
    ours = nested_prices(SWITCHING, found, "call", 150.0, expiry=12)[:, 0]
    low, high = (float(black.price("call", 100.0, 150.0, 12 / 252, vol)) for vol in SWITCHING.volatility)
    assert ((low < ours) & (ours < high)).all()
    assert low < 1e-30 < ours.min()


def test_markets_that_have_no_nested_price():
    market = Heston()
    found = market.simulate(paths=2, steps=2, dt=1 / 365, seed=1)
    with pytest.raises(SettingsError, match="heston: nested prices need a market"):
        nested_prices(market, found, "call", 100.0, expiry=2)
    drifting = BlackScholes(drift=0.1)
    with pytest.raises(SettingsError, match="priced is where the spot has none"):
        nested_prices(drifting, drifting.simulate(paths=2, steps=2, dt=0.1, seed=1), "call", 100.0, expiry=2)
