import numpy as np
import pytest

from pipeline.evaluate.bootstrap import (
    effective_episodes,
    percentile_interval,
    resample_counts,
    stationary_indices,
)


def block_lengths(indices, n):
    """Lengths of the runs of consecutive positions that do not touch the end of the series."""
    ends = np.flatnonzero(np.diff(indices) % n != 1)
    return np.diff(ends)


def test_indices_depend_on_the_seed_only():
    first = stationary_indices(200, 20, 50, seed=3)
    assert np.array_equal(first, stationary_indices(200, 20, 50, seed=3))
    assert not np.array_equal(first, stationary_indices(200, 20, 50, seed=4))
    assert first.shape == (50, 200)
    assert first.min() >= 0
    assert first.max() < 200


def test_block_lengths_are_geometric():
    n, mean_block = 100_000, 12
    lengths = block_lengths(stationary_indices(n, mean_block, 1, seed=1)[0], n)
    error = lengths.std() / np.sqrt(len(lengths))
    assert lengths.mean() == pytest.approx(mean_block, abs=4 * error)
    for length in (1, 5, 20):
        survival = (1 - 1 / mean_block) ** length
        share = (lengths > length).mean()
        assert share == pytest.approx(survival, abs=4 * np.sqrt(survival / len(lengths)))


def test_a_mean_block_of_one_is_the_ordinary_bootstrap():
    indices = stationary_indices(400, 1, 300, seed=2)
    followed = (np.diff(indices, axis=1) % 400 == 1).mean()
    assert followed == pytest.approx(1 / 400, abs=4 * np.sqrt(1 / 400 / indices.size))


def test_every_position_is_equally_likely():
    counts = resample_counts(stationary_indices(50, 10, 20_000, seed=5), 50)
    spread = counts.std(axis=0).mean() / np.sqrt(20_000)
    assert np.abs(counts.mean(axis=0) - 1).max() < 4.5 * spread


def test_counts_sum_to_the_length_of_the_series():
    counts = resample_counts(stationary_indices(70, 9, 30, seed=6), 70)
    assert np.array_equal(counts.sum(axis=1), np.full(30, 70))


def overlapping_sums(generator, size, life):
    return np.convolve(generator.normal(size=size + life - 1), np.ones(life), mode="valid")


@pytest.mark.parametrize(("mean_block", "low", "high"), [(63, 0.84, 0.97), (1, 0.0, 0.55)])
def test_blocks_longer_than_a_life_cover_the_mean_of_overlapping_sums(mean_block, low, high):
    """Sums over 21 shocks started every step: blocks of 63 cover, the ordinary bootstrap does not."""
    generator = np.random.default_rng(7)
    covered = 0
    for trial in range(200):
        series = overlapping_sums(generator, 750, 21)
        counts = resample_counts(stationary_indices(750, mean_block, 300, seed=trial), 750)
        bottom, top = percentile_interval(counts @ series / 750, 0.95)
        covered += bottom <= 0 <= top
    assert low <= covered / 200 <= high


def test_an_interval_with_a_missing_draw_is_missing():
    low, high = percentile_interval(np.array([[1.0, 2.0], [np.nan, 3.0]]), 0.9)
    assert np.isnan(low).tolist() == [True, False]
    assert np.isnan(high).tolist() == [True, False]


def test_effective_episodes_count_lives_that_do_not_overlap():
    assert effective_episodes(np.arange(21), 21) == 1
    assert effective_episodes(np.arange(22), 21) == 2
    assert effective_episodes(np.array([0, 5, 40, 41, 100]), 21) == 3
    assert effective_episodes(np.arange(0, 210, 21), 21) == 10


def test_a_block_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        stationary_indices(10, 0.5, 1, seed=0)
