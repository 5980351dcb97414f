"""Regimes from K-Means clusters, made probabilistic and causal."""

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.cluster import KMeans

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.forward import gaussian_forward_filter
from pipeline.regimes.gaussian import Emissions, GaussianDetector, TrainingRows
from pipeline.simulate.markov_chain import IntArray, stationary_distribution

_PRIOR_MOVES = 0.5
_LOG_TEMPERATURE_RANGE = 5.0


class KMeansDetector(GaussianDetector):
    """K-Means clusters as regimes, with a softmax of squared distances as emissions and counted moves.

    p(x_t | z_t = k) ∝ exp(−d²(x_t, μ_k) / 2τ): an isotropic Gaussian in the standardised features. The
    temperature τ maximises the filter's likelihood of the training rows; τ → 0 gives hard clusters, τ → ∞ the
    stationary distribution. Transitions are the moves between hard clusters, plus half a move to every state.
    Parameters, attributes and methods are those of `GaussianDetector`.

    Attributes
    ----------
    temperature_ : τ, in squared deviations of a feature. It is not stored: the covariances hold it.

    References
    ----------
    MacQueen (1967) for the clusters; Rose (1998), eq. 7, for the temperature of an association.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(7)
    >>> volatility = np.repeat([0.005, 0.02, 0.005], 200)
    >>> returns = rng.normal(0.0, volatility)
    >>> features = pd.DataFrame({"log_range": np.log(volatility) + rng.normal(0.0, 0.3, 600)})
    >>> detector = KMeansDetector(states=2).fit(features, returns)
    >>> np.sqrt(detector.state_variance_).round(3)
    array([0.005, 0.019])
    """

    temperature_: float

    def _estimate(self, rows: TrainingRows) -> Emissions:
        starts = np.random.SeedSequence(self.seed).spawn(self.restarts)
        found = [clusters(rows.x, self.states, np.random.default_rng(source)) for source in starts]
        best = min(found, key=lambda model: float(model.inertia_))
        means, labels = np.asarray(best.cluster_centers_), np.asarray(best.labels_, dtype=np.int64)
        transition = count_transitions(labels, rows.lengths, self.states)
        self.temperature_ = fit_temperature(rows.x, means, transition)
        covariances = np.tile(self.temperature_ * np.eye(rows.x.shape[1]), (self.states, 1, 1))
        return Emissions(means, covariances, transition)


def clusters(x: FloatArray, states: int, rng: np.random.Generator) -> KMeans:
    """Return scikit-learn's K-Means from one k-means++ start on x [T, D]."""
    return KMeans(states, n_init=1, random_state=int(rng.integers(2**31))).fit(x)


def count_transitions(labels: IntArray, lengths: IntArray, states: int) -> FloatArray:
    """Estimate a transition matrix [K, K] from moves within unbroken runs, and half a move to every state.

    A_ij = (n_ij + ½) / Σ_j (n_ij + ½): the mean under Jeffreys' Dirichlet prior.

    Examples
    --------
    >>> count_transitions(np.array([0, 0, 0, 1, 1]), np.array([3, 2]), 2)
    array([[0.83333333, 0.16666667],
           [0.25      , 0.75      ]])
    """
    within = np.ones(len(labels) - 1, dtype=bool)
    within[np.cumsum(lengths)[:-1] - 1] = False
    moves = np.full((states, states), _PRIOR_MOVES)
    np.add.at(moves, (labels[:-1][within], labels[1:][within]), 1.0)
    return np.asarray(moves / moves.sum(axis=1, keepdims=True))


def fit_temperature(x: FloatArray, means: FloatArray, transition: FloatArray) -> float:
    """Return the temperature τ that maximises the filter's likelihood of x [T, D], means [K, D].

    log τ is searched by Brent's method within ± 5 of the mean squared distance to the nearest mean.

    Raises
    ------
    FitError
        The likelihood has no maximum there: the clusters are points.

    Examples
    --------
    >>> x = np.array([[-1.1], [-0.9], [0.9], [1.1]] * 5)
    >>> round(fit_temperature(x, np.array([[-1.0], [1.0]]), np.full((2, 2), 0.5)), 4)
    0.01
    """
    distance = ((x[:, None, :] - means) ** 2).sum(axis=2).min(axis=1).mean() / x.shape[1]
    if not distance > 0.0:
        raise FitError("regimes: every row lies on a cluster centre: K-Means needs features that vary")
    start = stationary_distribution(transition)
    identity = np.tile(np.eye(x.shape[1]), (len(means), 1, 1))

    def loss(log_temperature: float) -> float:
        covariances = np.exp(log_temperature) * identity
        return -gaussian_forward_filter(x, means, covariances, transition, start)[1]

    middle = float(np.log(distance))
    bounds = (middle - _LOG_TEMPERATURE_RANGE, middle + _LOG_TEMPERATURE_RANGE)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
