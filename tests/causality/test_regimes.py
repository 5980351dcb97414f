"""Whatever happens after row t, a detector says the same of the rows up to t, to the last bit."""

import numpy as np
import pandas as pd
import pytest

from pipeline.regimes.catalogue import DETECTORS
from pipeline.regimes.hmm import HiddenMarkovDetector
from pipeline.regimes.variance_to_go import variance_to_go
from pipeline.simulate.markov_chain import sample_chain

TRAINED, ROWS = 500, 800
CUTS = (TRAINED - 1, 555, 701, ROWS - 2)
MOVES = np.array([[0.97, 0.03], [0.06, 0.94]])


class SmoothedDetector(HiddenMarkovDetector):
    """What must not pass: probabilities that have seen the whole sample."""

    def filter(self, features, after=None):
        forward = super().filter(features, after)
        smoothed = forward.copy()
        for t in range(len(forward) - 2, -1, -1):
            ahead = forward[t] @ self.transition_
            smoothed[t] = forward[t] * (self.transition_ @ (smoothed[t + 1] / ahead))
        return smoothed


class HalfSampleScaler(HiddenMarkovDetector):
    """What must not pass either: features standardised with the rows that are to be filtered."""

    def filter(self, features, after=None):
        return super().filter(features - features.mean() + self.state_means_.mean(axis=0), after)


@pytest.fixture(scope="module")
def market():
    rng = np.random.default_rng(7)
    volatility = np.array([0.006, 0.02])[sample_chain(MOVES, steps=ROWS, paths=1, rng=rng)[0]]
    returns = volatility * rng.standard_normal(ROWS)
    log_range = np.log(volatility) + rng.normal(0.0, 0.3, ROWS)
    features = pd.DataFrame({"return_1d": returns, "log_range": log_range}, index=pd.RangeIndex(ROWS))
    features.iloc[600, 0] = np.nan
    return features, returns


def fitted_on_the_past(kind, features, returns):
    return kind(2, 2, 7).fit(features.iloc[:TRAINED], returns[:TRAINED])


def scrambled(features, after):
    """Rows after `after` in another order, on another scale, some of them missing."""
    rng = np.random.default_rng(after)
    changed = features.copy()
    future = changed.to_numpy()[after + 1 :]
    future = rng.permutation(future) * rng.normal(1.0, 3.0, future.shape)
    future[rng.random(len(future)) < 0.1] = np.nan
    changed.iloc[after + 1 :] = future
    return changed


def outputs(detector, features):
    prob = detector.filter(features)
    to_go = variance_to_go(prob, detector.transition_, detector.state_variance_, 21)
    return np.column_stack([prob, to_go])


def check_contract(kind, features, returns):
    detector = fitted_on_the_past(kind, features, returns)
    whole = outputs(detector, features)
    for t in CUTS:
        np.testing.assert_array_equal(outputs(detector, features.iloc[: t + 1]), whole[: t + 1])
        np.testing.assert_array_equal(outputs(detector, scrambled(features, t))[: t + 1], whole[: t + 1])


@pytest.mark.parametrize("name", DETECTORS)
def test_filtered_probabilities_do_not_see_the_future(name, market):
    check_contract(DETECTORS[name], *market)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_fit_is_that_of_the_training_rows(name, market):
    features, returns = market
    expected = fitted_on_the_past(DETECTORS[name], features, returns).to_arrays()
    future = np.r_[returns[:TRAINED], np.flip(returns[TRAINED:])]
    found = fitted_on_the_past(DETECTORS[name], scrambled(features, TRAINED - 1), future).to_arrays()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("cheat", [SmoothedDetector, HalfSampleScaler])
def test_the_contract_catches_who_looks_ahead(cheat, market):
    with pytest.raises(AssertionError, match="not equal"):
        check_contract(cheat, *market)
