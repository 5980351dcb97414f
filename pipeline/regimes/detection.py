"""How soon a detector notices a switch, and how often it cries wolf: measured where the truth is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.regimes.describe import SESSIONS_A_YEAR
from pipeline.regimes.gaussian import GaussianDetector
from pipeline.simulate.markov_chain import IntArray, sample_chain

BELIEVED = 0.5


@dataclass(frozen=True)
class SimulatedRegimes:
    """Paths whose regimes are known: features [N, T, D], log returns [N, T] and regimes [N, T]."""

    names: tuple[str, ...]
    features: FloatArray
    returns: FloatArray
    regimes: IntArray

    def table(self, path: int) -> pd.DataFrame:
        """Return the features of one path as a detector reads them."""
        return pd.DataFrame(self.features[path], columns=list(self.names))


@dataclass(frozen=True)
class Detection:
    """What a detector made of simulated switches.

    Attributes
    ----------
    median_lag : sessions from the first close in the new regime until its probability exceeds ½, the median
        over all switches, those missed counted as never; infinite if most are missed.
    missed : share of switches whose regime ended before it was believed.
    false_alarms_a_year : how often the probability of a regime rises above ½ while another one rules.
    switches : how many true switches there were.
    """

    median_lag: float
    missed: float
    false_alarms_a_year: float
    switches: int


def simulate_regimes(
    detector: GaussianDetector, *, steps: int, paths: int, rng: np.random.Generator
) -> SimulatedRegimes:
    """Simulate the market that a fitted detector believes in.

    z is the Markov chain of its transitions, x_t ~ N(μ_z, Σ_z), r_t ~ N(0, σ²_z) with the variance of the
    regime; features and return of a session are independent given its regime.

    Examples
    --------
    >>> from pipeline.regimes.kmeans import KMeansDetector
    >>> rng = np.random.default_rng(7)
    >>> returns = rng.normal(0.0, np.repeat([0.005, 0.02], 100))
    >>> features = pd.DataFrame({"log_range": np.log(np.abs(returns))})
    >>> market = simulate_regimes(KMeansDetector(2).fit(features, returns), steps=50, paths=3, rng=rng)
    >>> market.features.shape, market.returns.shape
    ((3, 50, 1), (3, 50))
    """
    regimes = sample_chain(detector.transition_, steps=steps, paths=paths, rng=rng)
    factor = np.linalg.cholesky(detector.state_covariances_)[regimes]
    noise = rng.standard_normal((paths, steps, factor.shape[-1]))
    features = detector.state_means_[regimes] + (factor * noise[..., None, :]).sum(axis=-1)
    returns = np.sqrt(detector.state_variance_)[regimes] * rng.standard_normal((paths, steps))
    return SimulatedRegimes(detector.feature_names_, features, returns, regimes)


def detection(prob: FloatArray, regimes: IntArray) -> Detection:
    """Compare filtered probabilities [N, T, K] with the true regimes [N, T].

    Examples
    --------
    >>> believed = np.array([[0, 0, 0, 1, 1, 0, 1, 1]])
    >>> found = detection(0.1 + 0.8 * np.eye(2)[believed], np.array([[0, 0, 1, 1, 1, 1, 1, 1]]))
    >>> found.median_lag, found.missed, found.false_alarms_a_year
    (1.0, 0.0, 31.5)
    """
    lags = np.concatenate([_lags(one, truth) for one, truth in zip(prob, regimes, strict=True)])
    above = prob > BELIEVED
    risen = above[:, 1:] & ~above[:, :-1]
    wrong = np.arange(prob.shape[2]) != regimes[:, 1:, None]
    alarms = int(np.count_nonzero(risen & wrong)) * SESSIONS_A_YEAR / regimes.size
    if len(lags) == 0:
        return Detection(np.nan, np.nan, alarms, 0)
    # the middle one, not a mean of two: one of them may be infinite
    middle = float(np.sort(lags)[(len(lags) - 1) // 2])
    return Detection(middle, float(np.isinf(lags).mean()), alarms, len(lags))


def _lags(prob: FloatArray, regimes: IntArray) -> FloatArray:
    """Sessions until each new regime of one path is believed; infinite where it ended before."""
    starts = np.flatnonzero(np.diff(regimes)) + 1
    lags = np.full(len(starts), np.inf)
    for number, (start, end) in enumerate(zip(starts, np.r_[starts, len(regimes)][1:], strict=True)):
        seen = np.flatnonzero(prob[start:end, regimes[start]] > BELIEVED)
        if len(seen):
            lags[number] = seen[0]
    return lags
