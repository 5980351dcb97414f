import numpy as np
import pytest

from pipeline.features.vol_indices import (
    log_term_slope_long,
    log_term_slope_short,
    skew,
    skew_change,
    term_slope_long,
    term_slope_short,
    vix3m,
    vix9d,
    vvix,
)


@pytest.fixture
def indices():
    rng = np.random.default_rng(61)
    return {name: rng.uniform(0.1, 0.6, 40) for name in ("implied_vol", "vix9d", "vix3m")}


def test_a_flat_term_structure_has_no_slope(indices):
    flat = indices["implied_vol"]
    for slope in (term_slope_short, term_slope_long, log_term_slope_short, log_term_slope_long):
        assert (slope(flat, flat) == 0.0).all()


def test_stress_inverts_the_term_structure():
    calm, stress = np.array([0.12, 0.37]), np.array([0.10, 0.59])
    for slope in (term_slope_short, log_term_slope_short):
        assert (np.sign(slope(calm, stress)) == [1.0, -1.0]).all()


def test_the_slopes_add_up_to_the_whole(indices):
    level, short, long = indices["implied_vol"], indices["vix9d"], indices["vix3m"]
    whole = term_slope_short(level, short) + term_slope_long(level, long)
    np.testing.assert_allclose(whole, long - short, rtol=1e-12, atol=1e-15)
    logs = log_term_slope_short(level, short) + log_term_slope_long(level, long)
    np.testing.assert_allclose(logs, np.log(long / short), rtol=1e-12)


def test_the_log_slope_does_not_move_with_the_level(indices):
    level, long = indices["implied_vol"], indices["vix3m"]
    np.testing.assert_allclose(
        log_term_slope_long(3.0 * level, 3.0 * long), log_term_slope_long(level, long), rtol=1e-9, atol=1e-15
    )


def test_the_change_of_the_skew_is_from_the_mean_of_the_sessions_before():
    index = np.arange(10.0) ** 2
    expected = [index[t] - index[t - 5 : t].mean() for t in range(5, 10)]
    np.testing.assert_allclose(skew_change(index, window=5)[5:], expected, rtol=1e-12)
    assert np.isnan(skew_change(index, window=5)[:5]).all()


@pytest.mark.parametrize("level", [vix9d, vix3m, vvix, skew])
def test_a_level_is_a_copy(level):
    index = np.array([0.2])
    level(index)[0] = 1.0
    assert index[0] == 0.2


def test_an_unknown_index_has_no_slope(indices):
    level = indices["implied_vol"].copy()
    level[3] = np.nan
    for slope in (term_slope_short, log_term_slope_short):
        assert np.flatnonzero(np.isnan(slope(level, indices["vix9d"]))).tolist() == [3]
