"""The band: its edges, where it is off, and what is no band."""

import numpy as np
import pytest

from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError


def test_around_trades_to_the_nearest_edge():
    band = Band.around(np.array([[0.5, 0.6]]), np.array([[0.1, 0.0]]))
    np.testing.assert_allclose(band.lower[..., 0], [[0.4, 0.6]])
    np.testing.assert_allclose(band.upper[..., 0], [[0.6, 0.6]])
    assert band.to_lower is band.lower
    assert (band.speed == 1.0).all()


def test_where_switches_trading_off():
    band = Band.around(np.full((2, 3), 0.5)).where(np.array([True, False, True]))
    assert np.isinf(band.lower[:, 1]).all()
    assert np.isfinite(band.lower[:, [0, 2]]).all()
    assert band.checked("x") is band


def test_clipped_keeps_edges_and_targets_in_range():
    band = Band.around(np.array([[0.95]]), 0.2).clipped(np.zeros((1, 1)), np.ones((1, 1)))
    assert band.upper.max() == band.to_upper.max() == 1.0
    assert band.lower.min() == 0.75


@pytest.mark.parametrize("center", [np.nan, 0.5])
def test_an_invalid_band_names_policy_episode_and_time(center):
    edges = np.full((2, 3), 0.5)
    edges[1, 2] = center
    lower = edges + (0.0 if np.isnan(center) else np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]))
    with pytest.raises(PolicyError, match="policy greedy: no valid band in episode 1 at decision time 2"):
        Band.between(lower, edges).checked("greedy")
