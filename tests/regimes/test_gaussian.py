import io

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, FitError
from pipeline.regimes.catalogue import DETECTORS

NAMES = tuple(DETECTORS)


@pytest.fixture(scope="module")
def fitted(market):
    return {
        name: kind(states=3, restarts=2, seed=7).fit(market.features, market.returns)
        for name, kind in DETECTORS.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_regime_0_is_the_calmest(fitted, name):
    assert (np.diff(fitted[name].state_variance_) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_distributions(fitted, market, name):
    prob = fitted[name].filter(market.features)
    assert prob.shape == (5000, 3)
    assert (prob >= 0).all()
    np.testing.assert_allclose(prob.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(fitted[name].transition_.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_state_variance_adds_up_to_the_variance_of_the_sample(fitted, market, name):
    share = fitted[name].filter(market.features).mean(axis=0)
    assert share @ fitted[name].state_variance_ == pytest.approx((market.returns**2).mean(), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_moves_the_probabilities_by_the_chain_alone(fitted, market, name):
    detector, gap = fitted[name], market.features.iloc[:60].copy()
    gap.iloc[30, 1] = np.nan
    prob = detector.filter(gap)
    np.testing.assert_allclose(prob[30], prob[29] @ detector.transition_, rtol=1e-13)
    assert np.isfinite(detector.log_likelihood(gap))


@pytest.mark.parametrize("name", NAMES)
def test_fit_leaves_rows_with_gaps_out(market, name):
    features, returns = market.features.iloc[:1500].copy(), market.returns[:1500].copy()
    expected = DETECTORS[name](3, 1, 7).fit(features, returns)
    gaps = pd.DataFrame(np.nan, index=pd.bdate_range("1998-12-01", periods=4), columns=features.columns)
    found = DETECTORS[name](3, 1, 7).fit(pd.concat([gaps, features]), np.r_[0.01, np.nan, 0.0, 0.1, returns])
    np.testing.assert_array_equal(found.state_means_, expected.state_means_)
    np.testing.assert_array_equal(found.transition_, expected.transition_)


@pytest.mark.parametrize("name", NAMES)
def test_storing_is_exact(fitted, market, name):
    detector, file = fitted[name], io.BytesIO()
    np.savez(file, **detector.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        again = DETECTORS[name].from_arrays(dict(stored))
    np.testing.assert_array_equal(again.filter(market.features), detector.filter(market.features))
    assert again.feature_names_ == detector.feature_names_
    assert (again.states, again.restarts, again.seed) == (3, 2, 7)
    np.testing.assert_array_equal(again.state_variance_, detector.state_variance_)
    lists = {key: array.tolist() for key, array in detector.to_arrays().items()}
    by_json = DETECTORS[name].from_arrays({key: np.array(value) for key, value in lists.items()})
    np.testing.assert_array_equal(by_json.filter(market.features), detector.filter(market.features))


def test_a_stored_detector_that_lacks_an_array_is_refused(fitted):
    arrays = fitted["hmm"].to_arrays()
    del arrays["transition_"]
    with pytest.raises(DataError, match="no array transition_"):
        DETECTORS["hmm"].from_arrays(arrays)


@pytest.mark.parametrize("name", NAMES)
def test_relabelling_moves_everything_and_changes_nothing(fitted, market, name):
    detector, order = fitted[name], np.array([2, 0, 1])
    other = detector.relabelled(order)
    np.testing.assert_allclose(
        other.filter(market.features), detector.filter(market.features)[:, order], rtol=1e-8
    )
    np.testing.assert_array_equal(other.state_variance_, detector.state_variance_[order])
    assert (np.diff(detector.state_variance_) > 0).all(), "the first one is left alone"
    back = other.relabelled(np.argsort(order))
    np.testing.assert_array_equal(back.transition_, detector.transition_)
    with pytest.raises(ValueError, match="no permutation"):
        detector.relabelled(np.array([0, 0, 1]))


@pytest.mark.parametrize("name", NAMES)
def test_the_units_of_the_features_do_not_matter(fitted, market, name):
    in_percent = market.features * np.array([100.0, -2.0]) + np.array([1.0, 3.0])
    other = DETECTORS[name](states=3, restarts=2, seed=7).fit(in_percent, market.returns)
    np.testing.assert_allclose(
        other.filter(in_percent), fitted[name].filter(market.features), rtol=0, atol=2e-3
    )
    gap = fitted[name].log_likelihood(market.features) - other.log_likelihood(in_percent)
    assert gap == pytest.approx(5000 * np.log(200.0), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_found_by_name(fitted, market, name):
    turned = market.features.assign(other=1.0)[["other", "log_range", "return_1d"]]
    np.testing.assert_array_equal(fitted[name].filter(turned), fitted[name].filter(market.features))
    with pytest.raises(DataError, match="needs feature log_range"):
        fitted[name].filter(market.features[["return_1d"]])


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_one_result(fitted, market, name):
    again = DETECTORS[name](states=3, restarts=2, seed=7).fit(market.features, market.returns)
    np.testing.assert_array_equal(again.state_means_, fitted[name].state_means_)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_fitted_says_why(market, name):
    detector = DETECTORS[name](states=3, restarts=1, seed=7)
    with pytest.raises(FitError, match=r"30 complete training rows.*need 120"):
        detector.fit(market.features.iloc[:30], market.returns[:30])
    with pytest.raises(FitError, match="feature log_range is constant"):
        detector.fit(market.features.assign(log_range=1.0), market.returns)
    infinite = market.features.copy()
    infinite.iloc[3, 1] = -np.inf
    with pytest.raises(DataError, match="log_range is infinite in row 1999-01-07"):
        detector.fit(infinite, market.returns)


@pytest.mark.parametrize("name", NAMES)
def test_stream_equals_batch_to_the_last_bit(fitted, market, name):
    detector, rows = fitted[name], market.features.iloc[:50].copy()
    rows.iloc[20] = np.nan
    batch, now = detector.filter(rows), None
    for t in range(len(rows)):
        now = detector.filter(rows.iloc[[t]], after=now)[0]
        np.testing.assert_array_equal(now, batch[t])
