from itertools import permutations

import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.regimes.alignment import align
from pipeline.regimes.hmm import HiddenMarkovDetector


@pytest.fixture(scope="module")
def fitted(market):
    return HiddenMarkovDetector(states=3, restarts=1, seed=7).fit(market.features, market.returns)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_permuted_labels_come_back(fitted, order):
    shuffled = fitted.relabelled(np.array(order))
    found = align(fitted, shuffled)
    back = shuffled.relabelled(found.order)
    np.testing.assert_array_equal(back.state_means_, fitted.state_means_)
    np.testing.assert_array_equal(back.transition_, fitted.transition_)
    np.testing.assert_array_equal(found.distance, np.zeros(3))
    assert not found.by_volatility


def test_a_refit_on_more_rows_keeps_its_labels(market):
    early = HiddenMarkovDetector(3, 1, 7).fit(market.features.iloc[:3000], market.returns[:3000])
    late = HiddenMarkovDetector(3, 1, 9).fit(market.features, market.returns)
    np.testing.assert_array_equal(align(early, late.relabelled(np.array([1, 2, 0]))).order, [2, 0, 1])


def test_a_regime_keeps_its_features_rather_than_its_place_in_volatility(fitted):
    """The upper two regimes cross in volatility, a little: the features decide."""
    crossed = fitted.relabelled(np.array([0, 1, 2]))
    middle = np.sqrt(fitted.state_variance_[1] * fitted.state_variance_[2])
    crossed.state_variance_ = np.array([fitted.state_variance_[0], 1.01 * middle, 0.99 * middle])
    found = align(fitted, crossed)
    np.testing.assert_array_equal(found.order, [0, 1, 2])
    assert not found.by_volatility


def test_regime_0_is_the_calmest_whatever_the_features_say(fitted):
    crossed = fitted.relabelled(np.array([0, 1, 2]))
    crossed.state_variance_ = fitted.state_variance_[[0, 0, 2]] * np.array([1.01, 0.99, 1.0])
    found = align(fitted, crossed)
    assert found.by_volatility
    np.testing.assert_array_equal(found.order, [1, 0, 2])
    assert found.distance[0] > 0.5


def test_fits_of_different_settings_are_refused(fitted, market):
    other = HiddenMarkovDetector(2, 1, 7).fit(market.features, market.returns)
    with pytest.raises(FitError, match="2 states on return_1d, log_range cannot take the labels of 3 states"):
        align(fitted, other)
