"""Regimes from a statistical jump model, made probabilistic and causal."""

import itertools

import numpy as np

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.forward import gaussian_forward_filter
from pipeline.regimes.gaussian import Emissions, GaussianDetector, TrainingRows
from pipeline.regimes.jump_path import JumpFit, first_means, fit_jumps
from pipeline.regimes.kmeans import count_transitions, fit_temperature
from pipeline.simulate.markov_chain import IntArray, stationary_distribution

PENALTIES = tuple(2.0**power for power in range(-2, 7))
"""Per feature: half a squared deviation of one feature is the unit."""
_FOLDS = 4


class JumpDetector(GaussianDetector):
    """A statistical jump model: clusters in time, because every move of the regime costs a penalty λ.

    min Σ ½‖x_t − θ_{s_t}‖² + λ Σ 1{s_t ≠ s_{t−1}} on the standardised training rows gives the means and a
    path. The path sees the whole training sample, so it never filters: it only counts the transitions. The
    probabilities come from the forward filter with isotropic Gaussians of one temperature τ, fitted as in
    `KMeansDetector`, of which λ = 0 is the limit.

    λ is chosen on training rows: they are cut into quarters, and the λ of `PENALTIES` (times the number of
    features) is taken with the most likely quarters 2 to 4, each filtered with a fit of the quarters before
    it. Parameters, attributes and methods are those of `GaussianDetector`.

    Attributes
    ----------
    penalty_ : λ. It is not stored: the means and transitions hold what it did.
    temperature_ : τ, in squared deviations of a feature. It is not stored: the covariances hold it.

    References
    ----------
    Nystrup, Lindström and Madsen (2020), eq. 4; Bemporad, Breschi, Piga and Boyd (2018).

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(7)
    >>> volatility = np.repeat([0.005, 0.02, 0.005], 200)
    >>> returns = rng.normal(0.0, volatility)
    >>> features = pd.DataFrame({"log_range": np.log(volatility) + rng.normal(0.0, 0.5, 600)})
    >>> detector = JumpDetector(states=2).fit(features, returns)
    >>> np.sqrt(detector.state_variance_).round(3)
    array([0.005, 0.019])
    """

    penalty_: float
    temperature_: float

    def _estimate(self, rows: TrainingRows) -> Emissions:
        self.penalty_ = self._choose_penalty(rows)
        best = _best(rows, self._starts(rows), self.penalty_)
        if best is None:
            raise FitError(
                f"regimes: no start of the jump model gave {self.states} states that all hold rows: "
                "use fewer states, more restarts or a longer window"
            )
        found = _emissions(rows, best)
        self.temperature_ = float(found.covariances[0, 0, 0])
        return found

    def _choose_penalty(self, rows: TrainingRows) -> float:
        """Return the penalty under which later quarters of the rows are likeliest."""
        edges = np.linspace(0, len(rows.x), _FOLDS + 1).astype(np.int64)
        candidates = [rows.x.shape[1] * penalty for penalty in PENALTIES]
        scores = np.zeros(len(candidates))
        for now, until in itertools.pairwise(edges[1:]):
            past = TrainingRows(rows.x[:now], _lengths_until(rows.lengths, now), rows.returns[:now])
            starts = self._starts(past)
            scores += [_ahead(past, starts, penalty, rows.x[now:until]) for penalty in candidates]
        return float(candidates[int(np.argmax(scores))])

    def _starts(self, rows: TrainingRows) -> list[FloatArray]:
        sources = np.random.SeedSequence(self.seed).spawn(self.restarts)
        return [first_means(rows.x, self.states, np.random.default_rng(source)) for source in sources]


def _ahead(past: TrainingRows, starts: list[FloatArray], penalty: float, ahead: FloatArray) -> float:
    """Log-likelihood of the rows `ahead` under a fit of the `past` ones; −∞ without one."""
    best = _best(past, starts, penalty)
    if best is None:
        return -np.inf
    found = _emissions(past, best)
    start = stationary_distribution(found.transition)
    _, likelihood = gaussian_forward_filter(ahead, found.means, found.covariances, found.transition, start)
    return likelihood


def _best(rows: TrainingRows, starts: list[FloatArray], penalty: float) -> JumpFit | None:
    """Return the fit of least loss of those that settled on states that all hold rows."""
    found = [fit_jumps(rows.x, rows.lengths, means, penalty) for means in starts]
    valid = [fit for fit in found if fit.settled and fit.whole]
    return min(valid, key=lambda fit: fit.loss, default=None)


def _emissions(rows: TrainingRows, fit: JumpFit) -> Emissions:
    states, dims = fit.means.shape
    transition = count_transitions(fit.labels, rows.lengths, states)
    temperature = fit_temperature(rows.x, fit.means, transition)
    return Emissions(fit.means, np.tile(temperature * np.eye(dims), (states, 1, 1)), transition)


def _lengths_until(lengths: IntArray, rows: int) -> IntArray:
    """Lengths of the runs among the first `rows` rows.

    >>> _lengths_until(np.array([3, 4, 2]), 5).tolist()
    [3, 2]
    """
    ends = np.minimum(np.cumsum(lengths), rows)
    cut = np.diff(np.r_[0, ends])
    return np.asarray(cut[cut > 0])
