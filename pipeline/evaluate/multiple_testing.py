"""p-values of many paired comparisons at once, from common bootstrap draws."""

import numpy as np

from pipeline.domain.instruments import FloatArray


def studentised(difference: FloatArray, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return |difference| and |draws − difference|, both over the bootstrap standard error.

    A difference that is zero in every draw has a statistic of zero; a constant one that is not, infinity; one
    of which a draw is NaN has none, and no p-value: NaN.

    Parameters
    ----------
    difference : [S] observed.
    draws : [B, S] bootstrap draws of the same.
    """
    error = draws.std(axis=0, ddof=1)
    safe = np.where(error > 0, error, 1.0)
    certain = np.where(difference == 0, 0.0, np.inf) + 0.0 * error
    observed = np.where(error > 0, np.abs(difference) / safe, certain)
    return observed, np.where(error > 0, np.abs(draws - difference) / safe, 0.0)


def single_p(difference: FloatArray, draws: FloatArray) -> FloatArray:
    """Return the two-sided bootstrap p-value of each of S differences on its own: [S].

    p = (1 + #{|d*_b − d| ≥ |d|}) / (B + 1)

    Examples
    --------
    >>> single_p(np.array([0.0]), np.array([[-1.0], [0.5], [1.0]]))
    array([1.])
    """
    observed, null = studentised(difference, draws)
    return _exceedance(null, observed)


def romano_wolf(difference: FloatArray, draws: FloatArray) -> FloatArray:
    """Return the p-values of S differences, corrected for looking at all of them: [S].

    Stepwise: the largest statistic is judged against the largest of all S null statistics, the next one
    against the largest of the S − 1 that remain, and so on; a p-value is never below the one before it.
    It controls the chance of one false claim among the S and uses their dependence.

    Parameters
    ----------
    difference : [S] observed.
    draws : [B, S] common bootstrap draws of the same.

    References
    ----------
    Romano and Wolf (2005), Stepwise multiple testing as formalized data snooping; (2016), Efficient
    computation of adjusted p-values for resampling-based stepdown multiple testing.

    Examples
    --------
    >>> draws = np.random.default_rng(1).normal(size=(999, 2)) + np.array([3.0, 0.1])
    >>> romano_wolf(np.array([3.0, 0.1]), draws).round(2)
    array([0.01, 0.92])
    """
    observed, null = studentised(difference, draws)
    order = np.argsort(-observed, kind="stable")
    remaining = np.fmax.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    stepped = np.maximum.accumulate(_exceedance(remaining, observed[order]))
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return adjusted


def symmetric_interval(
    difference: FloatArray, draws: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Return difference ± the quantile of |draws − difference|: the interval that belongs to `single_p`.

    Examples
    --------
    >>> low, high = symmetric_interval(np.array([1.0]), np.array([[0.0], [1.0], [2.0]]), 0.95)
    >>> low.item() < 0.1 and high.item() > 1.9
    True
    """
    half = np.quantile(np.abs(draws - difference), confidence, axis=0)
    return difference - half, difference + half


def _exceedance(null: FloatArray, observed: FloatArray) -> FloatArray:
    count = (null >= observed).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (1.0 + count) / (null.shape[0] + 1.0))
