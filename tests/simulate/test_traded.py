"""Instruments along paths, and options priced by inner paths."""

import numpy as np
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.hedges import option_prices, variance_swap_prices
from pipeline.simulate.heston import Heston
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
    np.testing.assert_allclose(ours, black.price(right, found.spot, 101.0, time, 0.2), atol=0.02)


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


def test_markets_that_have_no_nested_price():
    market = Heston()
    found = market.simulate(paths=2, steps=2, dt=1 / 365, seed=1)
    with pytest.raises(SettingsError, match="heston: nested prices need a market"):
        nested_prices(market, found, "call", 100.0, expiry=2)
    drifting = BlackScholes(drift=0.1)
    with pytest.raises(SettingsError, match="priced is where the spot has none"):
        nested_prices(drifting, drifting.simulate(paths=2, steps=2, dt=0.1, seed=1), "call", 100.0, expiry=2)
