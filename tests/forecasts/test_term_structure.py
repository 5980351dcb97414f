import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.forecasts.term_structure import interpolate_variance

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
