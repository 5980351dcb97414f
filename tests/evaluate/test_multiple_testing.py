import numpy as np
import pytest

from pipeline.evaluate.multiple_testing import romano_wolf, single_p, symmetric_interval


def sample(effects, correlation=0.5, resamples=1999, seed=0):
    generator = np.random.default_rng(seed)
    common = generator.normal(size=(resamples, 1))
    own = generator.normal(size=(resamples, len(effects)))
    return np.asarray(effects, dtype=float) + np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


def brute_force_stepdown(difference, draws):
    """Algorithm of Romano and Wolf (2016), written out hypothesis by hypothesis."""
    error = draws.std(axis=0, ddof=1)
    statistic = np.abs(difference) / error
    null = np.abs(draws - difference) / error
    remaining = list(np.argsort(-statistic))
    adjusted, floor = np.empty(len(difference)), 0.0
    while remaining:
        current = remaining[0]
        largest = null[:, remaining].max(axis=1)
        floor = max(floor, (1 + (largest >= statistic[current]).sum()) / (len(draws) + 1))
        adjusted[current] = floor
        remaining.pop(0)
    return adjusted


def test_one_hypothesis_needs_no_correction():
    difference, draws = np.array([1.7]), sample([1.7])
    assert romano_wolf(difference, draws) == pytest.approx(single_p(difference, draws))


def test_stepwise_p_values_agree_with_the_algorithm_written_out():
    effects = np.array([0.3, 3.1, -2.4, 1.9, 0.0, -0.8])
    draws = sample(effects)
    assert romano_wolf(effects, draws) == pytest.approx(brute_force_stepdown(effects, draws), abs=1e-12)


def test_corrected_p_values_are_ordered_and_never_smaller():
    effects = np.array([0.3, 3.1, -2.4, 1.9, 0.1])
    draws = sample(effects)
    adjusted = romano_wolf(effects, draws)
    assert np.all(adjusted >= single_p(effects, draws))
    assert np.all(np.diff(adjusted[np.argsort(-np.abs(effects) / draws.std(axis=0))]) >= 0)


def test_perfectly_dependent_hypotheses_cost_nothing():
    one = sample([2.0])
    difference, draws = np.full(5, 2.0), np.repeat(one, 5, axis=1)
    assert romano_wolf(difference, draws) == pytest.approx(single_p(difference[:1], one).repeat(5))


def test_identical_policies_have_p_one():
    difference, draws = np.array([0.0, 2.5]), sample([0.0, 2.5])
    draws[:, 0] = 0.0
    assert single_p(difference, draws)[0] == 1.0
    assert romano_wolf(difference, draws)[0] == 1.0


def test_a_certain_difference_has_the_smallest_p():
    difference, draws = np.array([0.4]), np.full((99, 1), 0.4)
    assert single_p(difference, draws)[0] == pytest.approx(0.01)


def test_family_wise_error_is_held():
    """Ten true nulls: the smallest corrected p-value is below 0.1 in about a tenth of the families."""
    generator = np.random.default_rng(11)
    false = 0
    for seed in range(300):
        observed = np.sqrt(0.5) * generator.normal() + np.sqrt(0.5) * generator.normal(size=10)
        draws = observed + sample(np.zeros(10), resamples=499, seed=seed)
        false += romano_wolf(observed, draws).min() < 0.1
    assert false / 300 == pytest.approx(0.1, abs=4 * np.sqrt(0.1 * 0.9 / 300))


def test_the_interval_excludes_zero_exactly_where_the_p_value_is_small():
    for effect in np.linspace(-4, 4, 41):
        difference, draws = np.array([effect]), sample([effect], resamples=999)
        low, high = symmetric_interval(difference, draws, 0.95)
        outside = not low[0] <= 0 <= high[0]
        p = single_p(difference, draws)[0]
        if abs(p - 0.05) > 0.003:
            assert outside == (p < 0.05)


def test_a_difference_without_draws_has_no_p_value_and_leaves_others_theirs():
    draws = sample([1.7, 0.4])
    draws[:, 1] = np.nan
    difference = np.array([1.7, 0.4])
    alone = romano_wolf(difference[:1], draws[:, :1])
    for adjusted in (romano_wolf(difference, draws), single_p(difference, draws)):
        assert adjusted[0] == pytest.approx(alone[0])
        assert np.isnan(adjusted[1])
