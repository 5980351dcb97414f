"""Rolling computations that look at their own window and at nothing else.

A running sum carries the rounding of every row before the window, so its value depends on where the series
began. Here each window is copied and reduced by itself: the last row of a short series equals the same row
of a long one to the last bit. Every function takes and returns [T] float arrays and gives NaN until its
window is full, and wherever the window holds a NaN.
"""

from collections.abc import Callable

import numpy as np

from pipeline.domain.instruments import FloatArray


def over_windows(reduce: Callable[..., FloatArray], window: int, *series: FloatArray) -> FloatArray:
    """Reduce the windows of one or more series: `reduce` maps arrays [n, window] to [n].

    Examples
    --------
    >>> over_windows(lambda x: x.max(axis=1), 2, np.array([3.0, 1.0, 2.0]))
    array([nan,  3.,  2.])
    """
    result = np.full(len(series[0]), np.nan)
    if window <= len(result):
        views = (np.lib.stride_tricks.sliding_window_view(values, window) for values in series)
        result[window - 1 :] = reduce(*(np.ascontiguousarray(view) for view in views))
    return result


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean over the last `window` rows.

    Examples
    --------
    >>> rolling_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([nan,  2.,  4.])
    """
    return over_windows(lambda x: x.mean(axis=1), window, values)


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum over the last `window` rows.

    Examples
    --------
    >>> rolling_sum(np.array([1.0, 3.0, 5.0]), 2)
    array([nan,  4.,  8.])
    """
    return over_windows(lambda x: x.sum(axis=1), window, values)


def rolling_median(values: FloatArray, window: int) -> FloatArray:
    """Return the median over the last `window` rows.

    Examples
    --------
    >>> rolling_median(np.array([1.0, 9.0, 2.0, 3.0]), 3)
    array([nan, nan,  2.,  3.])
    """
    return over_windows(lambda x: np.median(x, axis=1), window, values)


def rolling_variance(values: FloatArray, window: int) -> FloatArray:
    """Return the sample variance (divisor window − 1) over the last `window` rows.

    Examples
    --------
    >>> rolling_variance(np.array([1.0, 3.0, 7.0]), 2)
    array([nan,  2.,  8.])
    """
    return over_windows(lambda x: x.var(axis=1, ddof=1), window, values)


def rolling_correlation(left: FloatArray, right: FloatArray, window: int) -> FloatArray:
    """Return the correlation of two series over the last `window` rows; NaN where one of them is constant.

    Examples
    --------
    >>> rolling_correlation(np.array([1.0, 2.0, 3.0]), np.array([5.0, 3.0, 1.0]), 3)
    array([nan, nan, -1.])
    >>> rolling_correlation(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.1, 0.1]), 3)
    array([nan, nan, nan])
    """
    return over_windows(_correlation, window, left, right)


def _correlation(left: FloatArray, right: FloatArray) -> FloatArray:
    constant = (np.ptp(left, axis=1) == 0.0) | (np.ptp(right, axis=1) == 0.0)
    x = left - left.mean(axis=1, keepdims=True)
    y = right - right.mean(axis=1, keepdims=True)
    covariance = (x * y).sum(axis=1)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return ratio(covariance, np.where(constant, np.nan, scale))


def lagged(values: FloatArray, rows: int) -> FloatArray:
    """Return the values of `rows` rows earlier, one at least.

    Examples
    --------
    >>> lagged(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    result = np.full(len(values), np.nan)
    result[rows:] = values[:-rows]
    return result


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return numerator / denominator, NaN where the denominator is zero.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    return numerator / np.where(denominator == 0.0, np.nan, denominator)


def log_positive(values: FloatArray) -> FloatArray:
    """Return the natural logarithm, NaN where the value is not positive.

    Examples
    --------
    >>> log_positive(np.array([1.0, 0.0]))
    array([ 0., nan])
    """
    return np.log(np.where(values > 0.0, values, np.nan))
