import numpy as np
import pytest

from pipeline.features.semivariance import downside_share, signed_variation, upside_vol
from pipeline.features.volatility import downside_vol, log_return, realized_vol

DAILY_VOL = 0.2 / np.sqrt(252.0)


@pytest.fixture
def close():
    return np.exp(np.random.default_rng(41).standard_t(4, 300).cumsum() * 0.01)


def test_the_two_sides_add_up_to_realised_variance(close):
    whole = realized_vol(close, window=22) ** 2
    up, down = upside_vol(close, window=22) ** 2, downside_vol(close, window=22) ** 2
    np.testing.assert_allclose(up + down, whole, rtol=1e-12)
    np.testing.assert_allclose(downside_share(close, window=22), down / whole, rtol=1e-12)
    np.testing.assert_allclose(signed_variation(close, window=22), up - down, rtol=1e-9, atol=1e-15)


def test_a_market_upside_down_swaps_the_sides(close):
    np.testing.assert_allclose(
        downside_share(1.0 / close, window=5), 1.0 - downside_share(close, window=5), rtol=1e-9, atol=1e-15
    )
    np.testing.assert_allclose(
        signed_variation(1.0 / close, window=5), -signed_variation(close, window=5), rtol=1e-9, atol=1e-15
    )


def test_falls_alone_have_the_whole_share_and_no_moves_have_none():
    fall = np.exp(-0.01 * np.arange(8.0))
    assert (downside_share(fall, window=5)[5:] == 1.0).all()
    assert (downside_share(1.0 / fall, window=5)[5:] == 0.0).all()
    flat = np.full(8, 100.0)
    assert np.isnan(downside_share(flat, window=5)).all()
    assert (signed_variation(flat, window=5)[5:] == 0.0).all()


def test_a_jump_up_shows_with_its_whole_square():
    returns = np.tile([0.01, -0.01], 15)
    returns[-1] = 0.08
    found = signed_variation(np.exp(np.append(0.0, returns.cumsum())), window=22)[-1]
    assert found == pytest.approx(252.0 / 22.0 * (0.08**2 + 0.01**2), rel=1e-9)


def test_symmetric_on_brownian_motion(simulation):
    bars = simulation.bars(np.random.default_rng(42), days=22 * 2000 + 1, vol=DAILY_VOL)
    share = simulation.independent(downside_share(bars.close, window=22), 22)
    signed = simulation.independent(signed_variation(bars.close, window=22), 22)
    upside = simulation.independent(upside_vol(bars.close, window=22), 22) ** 2
    assert abs(simulation.standard_score(share, 0.5)) < 3.0
    assert abs(simulation.standard_score(signed, 0.0)) < 3.0
    assert abs(simulation.standard_score(upside, 0.02)) < 3.0


def test_the_share_is_between_zero_and_one_on_real_days(sample_bars):
    close = sample_bars["close"].to_numpy()
    share = downside_share(close, window=22)[22:]
    assert ((share >= 0.0) & (share <= 1.0)).all()
    crash = np.flatnonzero((sample_bars["session"] == "2008-10-10").to_numpy())[0]
    assert share[crash - 22] > 0.7
    assert np.nanmin(log_return(close)) < -0.09
