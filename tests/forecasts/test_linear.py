import numpy as np
import pytest

from pipeline.forecasts.linear import Standardiser, least_squares, linear_predictor


def test_least_squares_recovers_coefficients_of_any_scale():
    rng = np.random.default_rng(1)
    Z = rng.normal(1.0, 1.0, (300, 3)) * np.array([1e-4, 1.0, 1e3])
    slopes = np.array([2e3, -1.0, 5e-4])
    intercept, fitted = least_squares(Z, linear_predictor(0.7, slopes, Z))
    assert intercept == pytest.approx(0.7, rel=1e-8)
    np.testing.assert_allclose(fitted, slopes, rtol=1e-8)


def test_a_row_does_not_depend_on_its_neighbours():
    rng = np.random.default_rng(1)
    Z, slopes = rng.normal(size=(1001, 17)), rng.normal(size=17)
    whole = linear_predictor(0.1, slopes, Z)
    for t in (0, 1, 500, 1000):
        assert linear_predictor(0.1, slopes, Z[t : t + 1])[0] == whole[t]
    np.testing.assert_allclose(whole, 0.1 + Z @ slopes, rtol=1e-12, atol=1e-12)


def test_a_constant_column_is_centred_and_not_divided_by_zero():
    Z = np.column_stack([np.full(5, 3.0), np.arange(5.0)])
    standard = Standardiser.of(Z)(Z)
    np.testing.assert_array_equal(standard[:, 0], 0.0)
    assert standard[:, 1].std() == pytest.approx(1.0)
