import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from pipeline.features.option_surface import NAMES, option_surface
from tests.option_chain import CARRY, chain, surface

DAYS = ("2019-05-28", "2019-05-29", "2019-05-30")


@pytest.fixture(scope="module")
def quotes():
    return pd.concat([chain(day, 100.0 + k) for k, day in enumerate(DAYS)], ignore_index=True)


def vol_of_delta(delta, days):
    """By search over strikes on the surface that the chain was made of, which is not linear in time."""
    time = days / 365.0
    sign = 1.0 if delta > 0 else -1.0

    def off(k):
        root = float(np.sqrt(surface(time).total_variance(k)))
        return sign * norm.cdf(sign * (-k / root + 0.5 * root)) - delta

    return float(surface(time).vol(brentq(off, -0.5, 0.5), time))


def test_what_is_read_is_what_the_chain_was_made_of(quotes):
    found = option_surface(quotes)
    assert found["known_time"].is_monotonic_increasing
    for days in (30, 60, 90):
        time = days / 365.0
        atm = float(surface(time).vol(0.0, time))
        put, call = vol_of_delta(-0.25, days), vol_of_delta(0.25, days)
        slope = float(surface(time).slope(0.0) / (2.0 * np.sqrt(surface(time).total_variance(0.0) * time)))
        np.testing.assert_allclose(found[f"atm_vol_{days}d"], atm, atol=1.5e-3)
        np.testing.assert_allclose(found[f"skew_{days}d"], put - call, atol=1.5e-3)
        np.testing.assert_allclose(found[f"convexity_{days}d"], 0.5 * (put + call) - atm, atol=1.5e-3)
        np.testing.assert_allclose(found[f"vol_slope_{days}d"], slope, atol=0.03)
        np.testing.assert_allclose(found[f"carry_{days}d"], CARRY, atol=1e-6)
    np.testing.assert_array_equal(found["term_slope"], found["atm_vol_90d"] - found["atm_vol_30d"])


def test_a_day_sees_its_own_quotes_only_and_comes_alone_with_the_same_bits(quotes):
    whole = option_surface(quotes)
    one = quotes["event_time"].unique()[1]
    alone = option_surface(quotes[quotes["event_time"] == one])
    pd.testing.assert_frame_equal(whole.iloc[[1]].reset_index(drop=True), alone, check_exact=True)
    rng = np.random.default_rng(1)
    later = quotes["event_time"] > one
    noise = quotes["bid"] * rng.uniform(0.9, 1.0, len(quotes))
    scrambled = option_surface(quotes.assign(bid=noise.where(later, quotes["bid"])))
    pd.testing.assert_frame_equal(whole.iloc[:2], scrambled.iloc[:2], check_exact=True)


def test_what_the_chain_does_not_reach_is_unknown():
    found = option_surface(chain(DAYS[0], expiries=("06-21", "07-19"))).iloc[0]
    assert np.isfinite(found["atm_vol_30d"])
    assert found[[name for name in NAMES if "60" in name or "90" in name]].isna().all()
    assert np.isnan(found["term_slope"])
