import numpy as np
import pytest
from scipy.stats import chi2

from pipeline.domain.errors import DataError
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.term_structure import interpolate_interval, interpolate_variance

HORIZONS = (1, 5, 10, 21)


@pytest.fixture
def forecasts():
    rng = np.random.default_rng(2)
    return np.cumsum(rng.uniform(0.1, 1.0, (50, 4)), axis=1)


def test_exact_at_the_knots(forecasts):
    curve = interpolate_variance(HORIZONS, forecasts, steps=21)
    np.testing.assert_array_equal(curve[:, [0, 4, 9, 20]], forecasts)


def test_equals_numpy_interpolation(forecasts):
    curve = interpolate_variance(HORIZONS, forecasts, steps=18)
    knots = (0, *HORIZONS)
    expected = [np.interp(np.arange(1, 19), knots, (0.0, *row)) for row in forecasts]
    np.testing.assert_allclose(curve, expected, rtol=1e-12)


def test_a_constant_rate_stays_constant():
    flat = np.array([[0.5 * h for h in HORIZONS]])
    np.testing.assert_allclose(
        interpolate_variance(HORIZONS, flat, 21)[0], 0.5 * np.arange(1, 22), rtol=1e-12
    )


def test_never_falls_even_where_forecasts_cross():
    curve = interpolate_variance(HORIZONS, np.array([[3.0, 2.0, 2.5, 4.0]]), steps=21)[0]
    assert (np.diff(curve) >= 0).all()
    assert curve[4] == curve[0] == 3.0


def test_starts_from_zero_before_the_first_horizon():
    np.testing.assert_allclose(interpolate_variance((4,), np.array([[2.0]]), 4), [[0.5, 1.0, 1.5, 2.0]])


def test_one_missing_forecast_voids_its_row_only(forecasts):
    forecasts[3, 2] = np.nan
    curve = interpolate_variance(HORIZONS, forecasts, steps=21)
    assert np.isnan(curve[3]).all()
    assert np.isfinite(np.delete(curve, 3, axis=0)).all()


@pytest.mark.parametrize(
    ("horizons", "steps"), [((5, 1, 10, 21), 21), (HORIZONS, 22), ((1, 5, 21), 21), ((0, 5, 10, 21), 21)]
)
def test_faulty_horizons_are_refused(forecasts, horizons, steps):
    with pytest.raises(DataError, match="must increase"):
        interpolate_variance(horizons, forecasts, steps)


def around(forecasts, below, above):
    """Intervals at every horizon whose edges stand at given log distances from the forecast."""
    return [
        Interval(forecast * np.exp(low), forecast * np.exp(high))
        for forecast, low, high in zip(forecasts.T, below, above, strict=True)
    ]


def test_the_edges_are_those_of_the_fitted_horizons(forecasts):
    intervals = around(forecasts, (-3.0, -1.5, -1.0, -0.7), (1.5, 1.2, 0.9, 0.8))
    curve = interpolate_variance(HORIZONS, forecasts, steps=21)
    found = interpolate_interval(HORIZONS, forecasts, intervals, curve)
    for place, horizon in enumerate(HORIZONS):
        np.testing.assert_allclose(found.lower[:, horizon - 1], intervals[place].lower, rtol=1e-12)
        np.testing.assert_allclose(found.upper[:, horizon - 1], intervals[place].upper, rtol=1e-12)
    assert (found.lower < curve).all()
    assert (curve < found.upper).all()


def test_equal_ratios_stay_equal_and_edges_follow_a_raised_point():
    forecasts = np.array([[1.0, 5.0, 4.0, 9.0]])
    curve = interpolate_variance(HORIZONS, forecasts, steps=21)
    found = interpolate_interval(HORIZONS, forecasts, around(forecasts, [-0.5] * 4, [0.7] * 4), curve)
    np.testing.assert_allclose(found.lower, curve * np.exp(-0.5), rtol=1e-12)
    np.testing.assert_allclose(found.upper, curve * np.exp(0.7), rtol=1e-12)


def test_sums_of_normal_squares_are_covered_between_the_horizons():
    """The variance of m sessions of known volatility is a chi-square: exact at the horizons, near between."""
    forecasts = np.array([[float(h) for h in HORIZONS]])
    intervals = [Interval(chi2.ppf([0.05], h), chi2.ppf([0.95], h)) for h in HORIZONS]
    curve = interpolate_variance(HORIZONS, forecasts, steps=21)
    found = interpolate_interval(HORIZONS, forecasts, intervals, curve)
    sessions = np.arange(1, 22)
    covered = chi2.cdf(found.upper[0], sessions) - chi2.cdf(found.lower[0], sessions)
    np.testing.assert_allclose(covered, 0.9, atol=0.02)


def test_below_the_first_horizon_its_ratio_holds_and_nan_stays_in_its_row():
    forecasts = np.array([[5.0, 21.0], [np.nan, 21.0]])
    curve = interpolate_variance((5, 21), forecasts, steps=21)
    found = interpolate_interval((5, 21), forecasts, around(forecasts, (-1.0, -0.5), (1.0, 0.5)), curve)
    np.testing.assert_allclose(np.log(found.upper[0, :5] / curve[0, :5]), 1.0, rtol=1e-12)
    assert np.isnan(found.lower[1]).all()
