import numpy as np
import pandas as pd
import pytest
from arch.data import sp500
from hmmlearn.hmm import GaussianHMM

from pipeline.domain.errors import FitError
from pipeline.regimes import hmm
from pipeline.regimes.hmm import HiddenMarkovDetector


@pytest.fixture(scope="module")
def fitted(market):
    return HiddenMarkovDetector(states=3, restarts=2, seed=7).fit(market.features, market.returns)


def test_parameters_are_recovered(fitted):
    volatility, moves = np.array([0.006, 0.013, 0.030]), np.array([0.97, 0.95, 0.94])
    np.testing.assert_allclose(np.sqrt(fitted.state_variance_), volatility, rtol=0.08)
    np.testing.assert_allclose(fitted.state_means_[:, 1], np.log(volatility), atol=0.05)
    np.testing.assert_allclose(np.sqrt(fitted.state_covariances_[:, 1, 1]), 0.3, rtol=0.08)
    np.testing.assert_allclose(np.diagonal(fitted.transition_), moves, atol=0.02)
    assert fitted.transition_[0, 2] < 0.01


def test_filtered_labels_find_the_true_regime(fitted, market):
    assert (fitted.filter(market.features).argmax(axis=1) == market.regimes).mean() > 0.93


def test_filter_and_likelihood_are_hmmlearns(fitted, market):
    peer = GaussianHMM(3, covariance_type="full")
    peer.startprob_, peer.transmat_ = fitted.initial_, fitted.transition_
    peer.means_, peer.covars_ = fitted.state_means_, fitted.state_covariances_
    x = market.features.to_numpy()[:400]
    prob = fitted.filter(market.features.iloc[:400])
    for t in range(0, 400, 21):
        np.testing.assert_allclose(prob[t], peer.predict_proba(x[: t + 1])[-1], rtol=1e-8, atol=1e-300)
    assert fitted.log_likelihood(market.features.iloc[:400]) == pytest.approx(peer.score(x), rel=1e-11)


def test_more_starts_are_never_worse(market):
    part, returns = market.features.iloc[:1000], market.returns[:1000]
    values = [
        HiddenMarkovDetector(states=3, restarts=n, seed=5).fit(part, returns).log_likelihood(part)
        for n in (1, 2, 4)
    ]
    assert values[0] <= values[1] + 1e-9
    assert values[1] <= values[2] + 1e-9


def test_running_out_of_steps_is_not_convergence(market, monkeypatch):
    monkeypatch.setattr(hmm, "_MOST_STEPS", 3)
    with pytest.raises(FitError, match="not converged after 3 steps"):
        HiddenMarkovDetector(states=3, restarts=2).fit(market.features, market.returns)


def test_a_state_on_a_single_value_is_degenerate():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(600)
    values[200:300] = 9.0
    features = pd.DataFrame({"x": values})
    with pytest.raises(FitError, match="singular covariance"):
        HiddenMarkovDetector(states=2, restarts=3).fit(features, values)


def test_a_state_on_a_few_outliers_is_degenerate():
    rng = np.random.default_rng(0)
    features = pd.DataFrame(rng.standard_normal((1000, 2)), columns=["x", "y"])
    features.iloc[500:504] += 60.0
    with pytest.raises(FitError, match="holds less than 1%"):
        HiddenMarkovDetector(states=2, restarts=1).fit(features, features["x"].to_numpy())


@pytest.fixture(scope="module")
def index():
    bars = sp500.load()
    returns = np.log(bars["Adj Close"]).diff().to_numpy()
    parkinson = np.log(bars["High"] / bars["Low"]) / np.sqrt(4 * np.log(2))
    return pd.DataFrame({"return_1d": returns, "log_parkinson_1d": np.log(parkinson)}, index=bars.index)


def test_three_regimes_of_the_real_index(index):
    features, returns = index[["log_parkinson_1d"]], index["return_1d"].to_numpy()
    detector = HiddenMarkovDetector(states=3, restarts=4, seed=7).fit(features, returns)
    volatility = np.sqrt(252 * detector.state_variance_)
    assert 0.07 < volatility[0] < 0.11
    assert 0.14 < volatility[1] < 0.20
    assert 0.30 < volatility[2] < 0.45
    assert (np.diagonal(detector.transition_) > 0.95).all(), "regimes last a month and more"
    assert detector.transition_[0, 2] < 0.01, "calm does not turn turbulent in a day"
    prob = pd.DataFrame(detector.filter(features), index=index.index)
    assert prob.loc["2008-10-01":"2008-11-30", 2].mean() > 0.95
    assert prob.loc["2017-05-01":"2017-12-31", 0].mean() > 0.95


def test_signed_returns_beside_the_range_make_regimes_of_days(index):
    """Range grows with a return of either sign, which no Gaussian says: states shorten to make up for it."""
    returns, stays = index["return_1d"].to_numpy(), []
    for columns in (["log_parkinson_1d"], ["return_1d", "log_parkinson_1d"]):
        detector = HiddenMarkovDetector(states=3, restarts=2, seed=7).fit(index[columns], returns)
        stays.append(1 / (1 - np.diagonal(detector.transition_).mean()))
    assert stays[0] > 3 * stays[1]


def test_a_row_whose_density_no_float_holds_is_fitted_on_logs():
    rng = np.random.default_rng(11)
    x = rng.normal(0.0, np.repeat([1.0, 3.0], 20_000))
    x[100] = 200.0
    features = pd.DataFrame({"range": x})
    detector = HiddenMarkovDetector(states=2, restarts=1).fit(features, x)
    quiet, loud = np.sqrt(detector.state_variance_)
    assert quiet == pytest.approx(1.0, rel=0.1)
    assert loud == pytest.approx(3.2, rel=0.15)
