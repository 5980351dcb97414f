"""Whether events happen as often as their probability says."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray

BINS = 5
CONFIDENCE = 0.90


def wilson_interval(events: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    r"""Return the score interval of a frequency.

    .. math:: \frac{\hat p + z^2/2n \pm z \sqrt{\hat p (1 - \hat p)/n + z^2/4n^2}}{1 + z^2/n}

    References
    ----------
    Wilson (1927); Brown, Cai, DasGupta (2001), section 3.1.1.

    Raises
    ------
    SettingsError
        There are no trials.

    Examples
    --------
    >>> [round(edge, 3) for edge in wilson_interval(0, 10, 0.95)]
    [0.0, 0.278]
    """
    if trials < 1:
        raise SettingsError("an interval of a frequency needs at least one trial")
    z = float(norm.ppf(0.5 + confidence / 2.0))
    share, scale = events / trials, 1.0 + z * z / trials
    middle = share + z * z / (2.0 * trials)
    half = z * np.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials))
    return max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))


def reliability_table(event: FloatArray, probability: FloatArray, bins: int = BINS) -> pd.DataFrame:
    """Return how often the event happened where it was given about the same probability.

    Parameters
    ----------
    event : [T] 0 or 1; NaN rows do not count.
    probability : [T] forecasts; NaN rows do not count.
    bins : groups of as equal a size as ties allow, from the lowest probabilities to the highest.

    Returns
    -------
    pd.DataFrame
        One row a group: `n`, `forecast` (mean probability), `observed` (frequency), `low` and `high` (90 %
        Wilson interval of the frequency, as if the sessions were independent), `inside` (the interval
        holds the forecast).

    Examples
    --------
    >>> event, probability = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.8, 0.9])
    >>> reliability_table(event, probability, bins=2)[["n", "forecast", "observed"]].round(2)
       n  forecast  observed
    0  2      0.10       0.0
    1  2      0.85       1.0
    """
    known = np.isfinite(event) & np.isfinite(probability)
    event, probability = event[known], probability[known]
    edges = np.unique(np.quantile(probability, np.arange(1, bins) / bins)) if len(event) else np.empty(0)
    group = np.searchsorted(edges, probability, side="left")
    rows = []
    for k in np.unique(group):
        inside = group == k
        happened, trials = int(event[inside].sum()), int(inside.sum())
        low, high = wilson_interval(happened, trials)
        mean = float(probability[inside].mean())
        rows.append((trials, mean, happened / trials, low, high, low <= mean <= high))
    return pd.DataFrame(rows, columns=["n", "forecast", "observed", "low", "high", "inside"])
