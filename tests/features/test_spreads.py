import numpy as np
import pytest

from pipeline.features.spreads import abdi_ranaldo, corwin_schultz

SPREAD = 0.02


def test_a_market_that_only_bounces_shows_its_whole_spread():
    high, low = np.full(30, 101.0), np.full(30, 99.0)
    close = np.where(np.arange(30) % 2, 101.0, 99.0)
    expected = 2.0 * np.tanh(0.5 * np.log(101.0 / 99.0))
    np.testing.assert_allclose(corwin_schultz(high, low, close, window=22)[22:], expected, rtol=1e-9)
    np.testing.assert_allclose(
        abdi_ranaldo(high, low, close, window=22)[22:], np.log(101.0 / 99.0), rtol=1e-9
    )


def test_abdi_ranaldo_recovers_a_simulated_spread(simulation):
    bars = simulation.bars(np.random.default_rng(41), days=22 * 600 + 1, vol=0.01, spread=SPREAD)
    estimate = simulation.independent(abdi_ranaldo(bars.high, bars.low, bars.close, window=22), 22)
    assert (estimate > 0.0).all()
    half_log_spread = np.log1p(0.5 * SPREAD)
    assert abs(simulation.standard_score(estimate**2, (2.0 * half_log_spread) ** 2)) < 3.0


def test_corwin_schultz_recovers_a_simulated_spread(simulation):
    bars = simulation.bars(np.random.default_rng(42), days=22 * 600 + 1, vol=0.005, spread=SPREAD)
    estimate = corwin_schultz(bars.high, bars.low, bars.close, window=22)[22:]
    assert estimate.mean() == pytest.approx(
        SPREAD, rel=0.03
    )  # approximate by construction, as its authors say


@pytest.mark.parametrize("estimator", [corwin_schultz, abdi_ranaldo])
def test_a_wider_market_shows_a_wider_spread(estimator, simulation):
    estimates = []
    for spread in (0.0, 0.01, 0.03):
        bars = simulation.bars(np.random.default_rng(43), days=4000, vol=0.01, spread=spread)
        estimates.append(np.nanmean(estimator(bars.high, bars.low, bars.close, window=22)))
    assert estimates[0] < estimates[1] - 0.001 < estimates[2] - 0.01


@pytest.mark.parametrize(("close_before", "direction"), [(99.2, 1.0), (100.8, -1.0)])
def test_corwin_schultz_does_not_see_the_size_of_an_overnight_gap(close_before, direction):
    def after_gap(points):
        shift = np.array([0.0, direction * points])
        close = np.array([close_before, 100.0]) + shift
        return corwin_schultz(101.0 + shift, 99.0 + shift, close, window=1)[-1]

    assert after_gap(10.0) == pytest.approx(after_gap(3.0), rel=1e-3)
    assert after_gap(0.0) > 1.05 * after_gap(3.0) > 0.01


def test_spreads_are_never_negative(sample_bars):
    high, low, close = (sample_bars[name].to_numpy() for name in ("high", "low", "close"))
    for estimator in (corwin_schultz, abdi_ranaldo):
        assert (estimator(high, low, close, window=22)[22:] >= 0.0).all()


def test_on_the_index_they_are_tens_of_basis_points_where_its_future_costs_one(sample_bars):
    high, low, close = (sample_bars[name].to_numpy() for name in ("high", "low", "close"))
    for estimator in (corwin_schultz, abdi_ranaldo):
        assert 0.0020 < np.nanmean(estimator(high, low, close, window=22)) < 0.0050
