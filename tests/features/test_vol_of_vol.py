import numpy as np
import pandas as pd
import pytest

from pipeline.features.vol_of_vol import range_dispersion, vol_of_vol, vol_of_vol_premium

NOISE = 0.29


def test_a_log_walk_has_its_own_volatility(simulation):
    steps = np.random.default_rng(46).normal(0.0, 0.9 / np.sqrt(252.0), 22 * 2000)
    index = 0.2 * np.exp(np.append(0.0, np.cumsum(steps)))
    variance = simulation.independent(vol_of_vol(index, window=22), 22) ** 2
    assert abs(simulation.standard_score(variance, 0.81)) < 3.0
    premium = simulation.independent(vol_of_vol_premium(index, np.full(len(index), 0.9), window=22), 22)
    assert abs(simulation.standard_score(premium, 0.0)) < 3.0


def test_the_level_of_volatility_does_not_matter():
    index = np.random.default_rng(47).uniform(0.1, 0.5, 60)
    np.testing.assert_allclose(vol_of_vol(3.0 * index, window=5), vol_of_vol(index, window=5), rtol=1e-9)
    assert (vol_of_vol(np.full(30, 0.2), window=22)[22:] == 0.0).all()


def test_the_dispersion_of_the_range_at_a_constant_volatility_is_its_noise(simulation):
    """The log range of a Brownian session has a standard deviation of 0.29 (Alizadeh, Brandt, Diebold)."""
    bars = simulation.bars(np.random.default_rng(48), days=22 * 1500, vol=0.01)
    variance = simulation.independent(range_dispersion(bars.high, bars.low, window=22), 22) ** 2
    assert np.sqrt(variance.mean()) == pytest.approx(NOISE, abs=0.005)


def test_moving_volatility_disperses_the_range(simulation):
    rng = np.random.default_rng(49)
    calm, wild = (simulation.bars(rng, days=22, vol=vol) for vol in (0.005, 0.02))
    high, low = (
        np.ravel(np.column_stack([getattr(calm, name), getattr(wild, name)])) for name in ("high", "low")
    )
    assert range_dispersion(high, low, window=22)[-1] > 2.0 * NOISE


def test_the_dispersion_equals_its_formula_written_with_pandas(sample_bars):
    expected = np.log(np.log(sample_bars["high"] / sample_bars["low"])).rolling(22).std()
    found = range_dispersion(sample_bars["high"].to_numpy(), sample_bars["low"].to_numpy(), window=22)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_an_unknown_index_silences_its_windows():
    index = pd.Series(np.random.default_rng(50).uniform(0.1, 0.5, 60))
    index[30] = np.nan
    silent = np.isnan(vol_of_vol(index.to_numpy(), window=22)[22:])
    assert np.flatnonzero(silent).tolist() == list(range(30 - 22, 53 - 22))
