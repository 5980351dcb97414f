"""How far two histograms are apart, and how far apart they are when nothing has changed."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy.stats import f as fisher

from pipeline.domain.instruments import FloatArray
from pipeline.monitor.ranks import CELLS, Cells

BINS: Final = 10
Counts = Cells | FloatArray
TINY: Final = 1e-300
FREEST: Final = (float(BINS), 4.99, 1.0)
"""Degrees of freedom of index, squared distance and squared shift of independent values: those of a χ² of
eleven bins, of Kolmogorov's law squared, of a squared normal variable. More comes of nearness to a bound."""
HALF: Final = 0.5
"""Added to the count of every bin, so that an empty one has a logarithm (Jeffreys' prior)."""


def stability_index(before: Counts, now: Counts) -> FloatArray:
    """Return the population stability index Σ (a − b) ln(a/b) of counts [F, C + 1] in ten bins, [F].

    The bins hold tenths of what was known before, as far as its cells allow. What is not known is a bin of
    its own, so a feature that falls silent has drifted.

    References
    ----------
    Siddiqi (2006), Credit risk scorecards, chapter 5.

    Examples
    --------
    >>> counts = np.ones((1, CELLS + 1))
    >>> stability_index(counts, counts)
    array([0.])
    """
    known = before[:, :CELLS]
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (np.cumsum(known, axis=1) - known / 2) / known.sum(axis=1, keepdims=True)
        bins = np.minimum(np.nan_to_num(middle * BINS), BINS - 1).astype(np.int64)
        bins = np.hstack([bins, np.full((len(bins), 1), BINS)])
    a, b = _shares(now, bins), _shares(before, bins)
    found: FloatArray = ((a - b) * np.log(a / b)).sum(axis=1)
    return found


def _shares(counts: Counts, bins: Cells) -> FloatArray:
    found = np.full((len(counts), BINS + 1), HALF)
    np.add.at(found, (np.arange(len(counts))[:, None], bins), counts)
    found /= found.sum(axis=1, keepdims=True)
    return found


def largest_distance(before: Counts, now: Counts) -> FloatArray:
    """Return the largest distance of two distributions, Kolmogorov and Smirnov's, of counts [F, C + 1]: [F].

    What is not known is left out; NaN where nothing is known.

    Examples
    --------
    >>> before, now = np.zeros((2, 1, CELLS + 1))
    >>> before[0, :4], now[0, 2:4] = 1, 1
    >>> largest_distance(before, now)
    array([0.5])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (
            np.cumsum(each[:, :CELLS], axis=1) / each[:, :CELLS].sum(axis=1, keepdims=True)
            for each in (before, now)
        )
    found: FloatArray = np.abs(first - second).max(axis=1)
    return found


def median_shift(shifts: FloatArray) -> FloatArray:
    """Return the median of each column of `shifts` [W, F]; NaN where none is known.

    Ranks do not tell a value just beyond all that was seen from one twice as large; this does.

    Examples
    --------
    >>> median_shift(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]]))
    array([ 2., nan])
    """
    known = np.sort(shifts, axis=0)  # NaN last
    number = np.isfinite(shifts).sum(axis=0)
    low, high = (np.maximum(number - up, 0) // 2 for up in (1, 0))
    columns = np.arange(shifts.shape[1])
    found: FloatArray = (known[low, columns] + known[np.minimum(high, len(known) - 1), columns]) / 2.0
    return found


@dataclass(frozen=True)
class Null:
    """What a statistic X ≥ 0 is when nothing has changed, by feature: X / mean ~ F(ν, k ν).

    ν = 2 mean² / variance makes ν X / mean a χ² with ν degrees of freedom by its first two moments
    (Satterthwaite 1946). `mean` itself was learned from k independent draws, hence Fisher's F. Persistence
    is in both: a feature that is another one every day has a large mean, and its windows count for little.

    Attributes
    ----------
    mean, freedom, draws : [F] mean, ν and k; NaN where nothing was known.
    """

    mean: FloatArray
    freedom: FloatArray
    draws: FloatArray

    @classmethod
    def learn(cls, drawn: FloatArray, freest: float) -> Self:
        """Learn from values [D, N, F] of N windows in each of D days that were like the others; ν ≤ `freest`.

        k = D N / (1 + (N − 1) ρ) with the correlation ρ of windows of one day, from the analysis of variance
        (Kish 1965, Survey sampling, section 5.4).
        """
        days, windows, _ = drawn.shape
        mean, variance = drawn.mean(axis=(0, 1)), np.maximum(drawn.var(axis=(0, 1), ddof=1), TINY)
        between = windows * drawn.mean(axis=1).var(axis=0, ddof=1)
        within = drawn.var(axis=1, ddof=1).mean(axis=0)
        shared = (between - within) / np.maximum(between + (windows - 1) * within, TINY)
        k = days * windows / (1.0 + (windows - 1) * np.clip(shared, 0.0, 1.0))
        return cls(mean, np.minimum(2.0 * mean**2 / variance, freest), k)

    def p_value(self, found: FloatArray) -> FloatArray:
        """Return the probability of `found` [F] or more; 1 where it or the null is not known.

        Examples
        --------
        >>> Null(np.array([1.0]), np.array([4.0]), np.array([5.0])).p_value(np.array([3.0])).round(3)
        array([0.043])
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            p = fisher.sf(found / self.mean, self.freedom, self.draws * self.freedom)
        return np.where(np.isfinite(p), p, 1.0)


def holm(p: FloatArray) -> FloatArray:
    """Return p values corrected for their number: any below α has a chance of α in all (Holm 1979).

    Examples
    --------
    >>> holm(np.array([0.03, 0.01, 0.5]))
    array([0.06, 0.03, 0.5 ])
    """
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty_like(p)
    found[order] = np.minimum(raised, 1.0)
    return found
