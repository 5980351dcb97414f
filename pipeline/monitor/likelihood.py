"""How likely each decision's features were, given all before: what surprises the regime filter."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.regimes.gaussian import GaussianDetector


class OneStep:
    """The logarithm of p(x_t | x_{1:t−1}) = Σ_k (π_{t−1} A)_k N(x_t; μ_k, Σ_k) of a fitted detector.

    References
    ----------
    Hamilton (1994), Time series analysis, equation 22.4.7.
    """

    def __init__(self, detector: GaussianDetector) -> None:
        self.names = detector.feature_names_
        self._means, self._moves = detector.state_means_, detector.transition_
        roots = np.linalg.cholesky(detector.state_covariances_)
        self._whitening = np.linalg.inv(roots)
        scale = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        self._norm = scale + self._means.shape[1] * np.log(2.0 * np.pi) / 2.0

    def __call__(self, features: FloatArray, before: FloatArray) -> float:
        """Return it of `features` [D] after the filtered probabilities `before` [K]; NaN where one is NaN."""
        away = np.einsum("kij,kj->ki", self._whitening, features - self._means)
        density = -self._norm - (away**2).sum(axis=1) / 2.0
        highest = density.max()
        with np.errstate(divide="ignore"):
            return float(highest + np.log(before @ self._moves @ np.exp(density - highest)))
