"""The two tests of the attribution rule against their definitions, and their zones."""

import numpy as np
import pytest

from pipeline.backtest.attribution import agreement, root_mean_square, zone


def test_spearman_is_the_correlation_of_ranks_and_ks_the_largest_gap_of_the_distributions():
    rng = np.random.default_rng(6)
    hypothetical = rng.standard_t(4, 250)
    theoretical = hypothetical + 0.4 * rng.standard_normal(250)
    ranks = [np.argsort(np.argsort(each)) for each in (theoretical, hypothetical)]
    levels = np.concatenate([theoretical, hypothetical])
    gap = max(abs(np.mean(theoretical <= level) - np.mean(hypothetical <= level)) for level in levels)
    spearman, distance = agreement(theoretical, hypothetical)
    assert spearman == pytest.approx(np.corrcoef(ranks)[0, 1], abs=1e-9)
    assert distance == pytest.approx(gap, abs=1e-12)


def test_a_series_that_does_not_vary_has_no_rank_correlation():
    spearman, _ = agreement(np.zeros(5), np.arange(5.0))
    assert np.isnan(spearman)
    assert zone(spearman, 0.01) == "red"


@pytest.mark.parametrize(
    ("spearman", "distance", "colour"),
    [
        (0.81, 0.089, "green"),
        (0.80, 0.05, "amber"),
        (0.79, 0.05, "amber"),
        (0.70, 0.05, "amber"),
        (0.95, 0.09, "amber"),
        (0.95, 0.12, "amber"),
        (0.6999, 0.01, "red"),
        (0.99, 0.1201, "red"),
    ],
)
def test_zones(spearman, distance, colour):
    assert zone(spearman, distance) == colour


def test_root_mean_square():
    assert root_mean_square(np.array([[1.0, -1.0], [1.0, 1.0]])) == 1.0
