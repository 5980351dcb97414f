"""The forward filter beside hmmlearn, on the same rows.

hmmlearn has no filtered probabilities: `score` gives the likelihood only, `predict_proba` smoothed ones.
"""

from collections.abc import Iterator

import numpy as np
from hmmlearn.hmm import GaussianHMM

from benchmarks.measurement import Measurement
from benchmarks.timing import clocked, interleaved
from pipeline.regimes.forward import gaussian_forward_filter
from pipeline.simulate.markov_chain import sample_chain, stationary_distribution

ROWS, STATES, FEATURES = 1_000_000, 3, 3


def problem() -> tuple[np.ndarray, GaussianHMM]:
    """Rows drawn from a hidden Markov model, and the model."""
    rng = np.random.default_rng(7)
    model = GaussianHMM(STATES, covariance_type="full")
    model.transmat_ = np.full((STATES, STATES), 0.01) + 0.97 * np.eye(STATES)
    model.n_features = FEATURES
    model.startprob_ = stationary_distribution(model.transmat_)
    model.means_ = rng.normal(0.0, 0.5, (STATES, FEATURES))
    factors = rng.normal(0.0, 0.3, (STATES, FEATURES, FEATURES)) + np.eye(FEATURES)
    model.covars_ = factors @ factors.transpose(0, 2, 1)
    states = sample_chain(model.transmat_, steps=ROWS, paths=1, rng=rng)[0]
    noise = rng.standard_normal((ROWS, FEATURES))
    return model.means_[states] + np.einsum("tij,tj->ti", factors[states], noise), model


def measure() -> Iterator[Measurement]:
    """Time the filter, `score` and `predict_proba` in turns, after checking that they agree."""
    x, model = problem()

    def ours() -> tuple[np.ndarray, float]:
        return gaussian_forward_filter(x, model.means_, model.covars_, model.transmat_, model.startprob_)

    filtered, likelihood = ours()
    np.testing.assert_allclose(filtered[4000], model.predict_proba(x[:4001])[-1], rtol=1e-8)
    np.testing.assert_allclose(likelihood, model.score(x), rtol=1e-10)
    rivals = {"score": lambda: model.score(x), "predict_proba": lambda: model.predict_proba(x)}
    timings = interleaved({name: clocked(work) for name, work in {"ours": ours, **rivals}.items()})
    size = {"rows": ROWS, "features": FEATURES, "states": STATES}
    for name in rivals:
        yield Measurement.of_timings(f"filter.{name}", timings["ours"], timings[name], **size)
