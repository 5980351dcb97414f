"""Regimes from a Gaussian hidden Markov model."""

from typing import Any

import numpy as np
from hmmlearn.base import ConvergenceMonitor
from hmmlearn.hmm import GaussianHMM

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.forward import gaussian_forward_filter
from pipeline.regimes.gaussian import Emissions, GaussianDetector, TrainingRows
from pipeline.regimes.kmeans import clusters
from pipeline.simulate.markov_chain import stationary_distribution

_GAIN_PER_ROW = 1e-6
_MOST_STEPS = 500
_LEAST_OCCUPANCY = 0.01
_LEAST_EIGENVALUE = 1e-6
_STAYING = 0.95


class HiddenMarkovDetector(GaussianDetector):
    """A hidden Markov model with full covariances, fitted by expectation–maximisation from several starts.

    Even starts begin from k-means clusters, odd ones from random rows. Of the starts that converged (the last
    step changed the log-likelihood by less than 1e-6 a row) to regimes that are not degenerate (each holds at
    least 1 % of the rows, and is in no direction thinner than a thousandth of a feature's deviation) the most
    likely one is kept. Parameters, attributes and methods are those of `GaussianDetector`.

    Choose features that are near Gaussian within a regime. A signed return beside the range of the same
    session is not (the range grows with either sign): it makes states of days instead of months.

    References
    ----------
    Rabiner (1989), section III; Rydén, Teräsvirta and Åsbrink (1998) for daily returns.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(7)
    >>> returns = rng.normal(0.0, np.repeat([0.005, 0.02, 0.005], 200))
    >>> features = pd.DataFrame({"return_1d": returns})
    >>> detector = HiddenMarkovDetector(states=2).fit(features, returns)
    >>> np.sqrt(detector.state_variance_).round(3)
    array([0.005, 0.02 ])
    """

    def _estimate(self, rows: TrainingRows) -> Emissions:
        best, best_likelihood = None, -np.inf
        faults = []
        for number, source in enumerate(np.random.SeedSequence(self.seed).spawn(self.restarts)):
            means = _first_means(rows.x, self.states, number, np.random.default_rng(source))
            try:
                found = _climb(rows, means)
                likelihood = _valid_likelihood(rows.x, found)
            except _StartError as failure:
                faults.append(str(failure))
                continue
            if likelihood > best_likelihood:
                best, best_likelihood = found, likelihood
        if best is None:
            raise FitError(
                f"regimes: none of {self.restarts} starts gave {self.states} valid states "
                f"({'; '.join(dict.fromkeys(faults))}): use fewer states, more restarts or a longer window"
            )
        return best


class _StartError(Exception):
    """Why the result of one start is not used."""


class _Monitor(ConvergenceMonitor):  # type: ignore[misc]
    """Convergence is a small change of the log-likelihood; running out of steps is none."""

    def report(self, log_prob: float) -> None:
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        return len(self.history) > 1 and abs(self.history[-1] - self.history[-2]) < self.tol


def _first_means(x: FloatArray, states: int, number: int, rng: np.random.Generator) -> FloatArray:
    if number % 2 == 0:
        return np.asarray(clusters(x, states, rng).cluster_centers_)
    return x[rng.choice(len(x), size=states, replace=False)]


def _climb(rows: TrainingRows, means: FloatArray) -> Emissions:
    """Run expectation–maximisation from these means, on scaled probabilities or, where they vanish, on logs.

    The steps are the same; scaled ones take half the time, but a row some 37 deviations from every state has
    a density that no float holds.
    """
    try:
        return _climbed(rows, means, "scaling")
    except (ValueError, np.linalg.LinAlgError):
        pass
    try:
        return _climbed(rows, means, "log")
    except (ValueError, np.linalg.LinAlgError):
        raise _StartError("a state collapsed onto a few rows") from None


def _climbed(rows: TrainingRows, means: FloatArray, implementation: str) -> Emissions:
    """Return the fit from the pooled covariance and a persistent chain."""
    states = len(means)
    model: Any = GaussianHMM(
        states,
        covariance_type="full",
        covars_prior=0.0,
        n_iter=_MOST_STEPS,
        params="tmc",
        init_params="",
        implementation=implementation,
    )
    model.monitor_ = _Monitor(_GAIN_PER_ROW * len(rows.x), _MOST_STEPS, verbose=False)
    model.startprob_ = np.full(states, 1.0 / states)
    model.transmat_ = np.full((states, states), (1.0 - _STAYING) / (states - 1))
    np.fill_diagonal(model.transmat_, _STAYING)
    model.means_ = means
    model.covars_ = np.tile(np.cov(rows.x.T).reshape(rows.x.shape[1], -1), (states, 1, 1))
    model.fit(rows.x, rows.lengths)
    if not model.monitor_.converged:
        raise _StartError(f"not converged after {_MOST_STEPS} steps")
    return Emissions(model.means_, model.covars_, model.transmat_)


def _valid_likelihood(x: FloatArray, found: Emissions) -> float:
    """Log-likelihood of the training rows, or the reason why the regimes are degenerate."""
    if np.linalg.eigvalsh(found.covariances).min() < _LEAST_EIGENVALUE:
        raise _StartError("a state has a singular covariance")
    try:
        start = stationary_distribution(found.transition)
        prob, likelihood = gaussian_forward_filter(x, found.means, found.covariances, found.transition, start)
    except (ValueError, DataError):
        raise _StartError("states that never meet") from None
    if prob.mean(axis=0).min() < _LEAST_OCCUPANCY:
        raise _StartError(f"a state holds less than {_LEAST_OCCUPANCY:.0%} of the rows")
    return likelihood
