import numpy as np
import pytest

from pipeline.features.realized import downside_rv, log_rq_ratio, log_rv, rv, upside_rv


def test_a_constant_variance_has_one_volatility_at_every_window():
    daily = np.full(30, 0.2**2 / 252)
    for window in (1, 5, 22):
        np.testing.assert_allclose(rv(daily, window)[window - 1 :], 0.2, rtol=1e-12)
        assert np.isnan(rv(daily, window)[: window - 1]).all()
    np.testing.assert_allclose(log_rv(daily), np.log(0.2), rtol=1e-12)


def test_the_squares_of_both_sides_are_that_of_the_whole():
    plus, minus = np.random.default_rng(1).uniform(1e-6, 1e-3, (2, 50))
    whole = upside_rv(plus) ** 2 + downside_rv(minus) ** 2
    np.testing.assert_allclose(whole, rv(plus + minus, 1) ** 2, rtol=1e-12)


@pytest.mark.parametrize("returns_a_session", [78, 390])
def test_the_ratio_lies_between_its_limits(returns_a_session):
    """One move makes all: √(M/3). All moves alike: √(1/3), by Cauchy and Schwarz."""
    one = np.zeros(returns_a_session)
    one[5] = 0.01
    alike = np.full(returns_a_session, 0.001)
    for moves, expected in ((one, returns_a_session / 3), (alike, 1 / 3)):
        variance = np.array([(moves**2).sum()])
        quarticity = np.array([returns_a_session / 3 * (moves**4).sum()])
        np.testing.assert_allclose(log_rq_ratio(variance, quarticity), 0.5 * np.log(expected), rtol=1e-12)
