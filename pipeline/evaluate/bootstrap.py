"""The stationary bootstrap of episodes that overlap in time, the same resamples for every policy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.domain.instruments import FloatArray


def stationary_indices(n: int, mean_block: float, resamples: int, seed: int) -> NDArray[np.int64]:
    """Draw resampled positions in blocks of geometric length from a series of `n` that wraps around.

    A block starts at a uniform position and goes on with probability 1 − 1/`mean_block`, so the resampled
    series is stationary and keeps dependence that is shorter than a block.

    Parameters
    ----------
    n : length of the series.
    mean_block : mean block length, at least 1; well above the overlap of the observations.
    resamples : B, number of resampled series.
    seed : the draws depend on nothing else.

    Returns
    -------
    [B, n] positions in 0 … n − 1.

    Raises
    ------
    ValueError
        If `n` or `mean_block` is below 1.

    References
    ----------
    Politis and Romano (1994), The stationary bootstrap, section 2.

    Examples
    --------
    >>> indices = stationary_indices(5, mean_block=1e12, resamples=1, seed=1)
    >>> np.unique(np.diff(indices[0]) % 5)
    array([1])
    """
    if n < 1 or mean_block < 1:
        raise ValueError(f"n and mean_block must be at least 1, not {n} and {mean_block}")
    generator = np.random.default_rng(seed)
    fresh = generator.random((resamples, n)) < 1.0 / mean_block
    fresh[:, 0] = True
    origin = generator.integers(0, n, size=(resamples, n))
    column = np.arange(n)
    opened = np.maximum.accumulate(np.where(fresh, column, 0), axis=1)
    return np.asarray((np.take_along_axis(origin, opened, axis=1) + column - opened) % n)


def resample_counts(indices: NDArray[np.int64], n: int) -> FloatArray:
    """Return how often each of `n` observations occurs in each of the [B, n] resamples: [B, n].

    Examples
    --------
    >>> resample_counts(np.array([[0, 0, 2]]), 3)
    array([[2., 0., 1.]])
    """
    rows = np.arange(indices.shape[0])[:, None]
    flat = np.bincount((rows * n + indices).ravel(), minlength=indices.shape[0] * n)
    return flat.reshape(indices.shape[0], n).astype(np.float64)


def percentile_interval(draws: ArrayLike, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return the percentile interval of [B, ...] bootstrap draws: low and high, [...]; NaN where any is NaN.

    References
    ----------
    Efron (1979), Bootstrap methods: another look at the jackknife.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(101.0), 0.9)
    >>> round(low.item(), 6), round(high.item(), 6)
    (5.0, 95.0)
    """
    ends = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), ends, axis=0)
    return np.asarray(low), np.asarray(high)


def effective_episodes(sessions: NDArray[np.int64], life: int) -> int:
    """Return the greatest number of episodes of `life` sessions that do not overlap.

    Parameters
    ----------
    sessions : [N] session numbers of the starts, ascending.
    life : sessions from the start to the expiry.

    Examples
    --------
    >>> effective_episodes(np.arange(3750), life=21)
    179
    """
    count, free_from = 0, -np.inf
    for session in sessions:
        if session >= free_from:
            count, free_from = count + 1, session + life
    return count
