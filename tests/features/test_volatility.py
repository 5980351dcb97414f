import numpy as np
import pytest

from pipeline.features.volatility import downside_vol, leverage, log_return, realized_vol

DAILY_VOL = 0.2 / np.sqrt(252.0)


def test_alternating_returns_have_a_known_volatility():
    close = np.exp(0.01 * (np.arange(30) % 2))
    np.testing.assert_allclose(realized_vol(close, window=22)[22:], 0.01 * np.sqrt(252.0), rtol=1e-12)
    np.testing.assert_allclose(downside_vol(close, window=22)[22:], 0.01 * np.sqrt(126.0), rtol=1e-12)


def test_a_flat_price_has_no_volatility():
    flat = np.full(30, 100.0)
    assert (realized_vol(flat, window=5)[5:] == 0.0).all()
    assert (downside_vol(flat, window=5)[5:] == 0.0).all()
    assert (leverage(flat, window=5)[5:] == 0.0).all()


def test_one_session_volatility_is_the_absolute_return():
    close = np.array([100.0, 103.0, 101.0])
    expected = np.sqrt(252.0) * np.abs(log_return(close))
    np.testing.assert_allclose(realized_vol(close, window=1), expected, rtol=1e-14)


@pytest.mark.parametrize(("estimator", "share"), [(realized_vol, 1.0), (downside_vol, 0.5)])
def test_unbiased_on_brownian_motion(estimator, share, simulation):
    bars = simulation.bars(np.random.default_rng(11), days=22 * 2000 + 1, vol=DAILY_VOL)
    variance = simulation.independent(estimator(bars.close, window=22), 22) ** 2
    assert abs(simulation.standard_score(variance, share * 0.04)) < 3.0


def test_up_and_down_variance_add_up(sample_bars):
    close = sample_bars["close"].to_numpy()
    upside = downside_vol(1.0 / close, window=22)
    total = np.hypot(upside, downside_vol(close, window=22))
    np.testing.assert_allclose(total, realized_vol(close, window=22), rtol=1e-10)


def test_leverage_is_the_mean_return_of_a_fall_and_zero_after_a_rise():
    fall = np.exp(-0.01 * np.arange(8.0))
    np.testing.assert_allclose(leverage(fall, window=5)[5:], -0.01, rtol=1e-12)
    assert (leverage(1.0 / fall, window=5)[5:] == 0.0).all()
