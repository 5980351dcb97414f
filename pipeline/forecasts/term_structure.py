"""Total variance between the fitted horizons."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.intervals import Interval


def interpolate_variance(horizons: tuple[int, ...], forecasts: FloatArray, steps: int) -> FloatArray:
    r"""Return the cumulated variance of the next 1 … `steps` sessions from forecasts at some horizons.

    Between two fitted horizons total variance is linear in the number of sessions, from 0 at none; a
    constant rate of variance is reproduced exactly. Forecasts of separate models may cross: a longer horizon
    is raised to the shorter one, for variance cannot be negative.

    Parameters
    ----------
    horizons : K increasing numbers of sessions.
    forecasts : [T, K] variance over each horizon, not annual; a NaN makes the whole row NaN.
    steps : sessions to cover, at most the longest horizon.

    Returns
    -------
    FloatArray
        [T, steps], non-decreasing along a row.

    Raises
    ------
    DataError
        The horizons do not increase, do not reach `steps`, or do not match the forecasts.

    Examples
    --------
    >>> interpolate_variance((1, 5), np.array([[1.0, 3.0]]), steps=5)
    array([[1. , 1.5, 2. , 2.5, 3. ]])
    """
    knots = np.array((0, *horizons), dtype=float)
    if (np.diff(knots) <= 0).any() or steps > knots[-1] or forecasts.shape[1] != len(horizons):
        raise DataError(
            f"horizons {horizons} must increase from at least 1, reach {steps} sessions and match "
            f"{forecasts.shape[1]} columns of forecasts"
        )
    totals = np.zeros((len(forecasts), len(knots)))
    totals[:, 1:] = np.maximum.accumulate(forecasts, axis=1)
    totals[np.isnan(forecasts).any(axis=1)] = np.nan
    sessions = np.arange(1, steps + 1)
    right = np.searchsorted(knots, sessions)
    missing = (knots[right] - sessions) / (knots[right] - knots[right - 1])
    curve: FloatArray = totals[:, right] - missing * (totals[:, right] - totals[:, right - 1])
    return curve


def interpolate_interval(
    horizons: tuple[int, ...], forecasts: FloatArray, intervals: Sequence[Interval], curve: FloatArray
) -> Interval:
    r"""Return the interval around the cumulated variance of the next 1 … `steps` sessions.

    .. math:: l_m = v_m \exp\big(w \log(l_h / \hat y_h) + (1 - w) \log(l_{h'} / \hat y_{h'})\big), \qquad
        w = \frac{m^{-1/2} - h'^{-1/2}}{h^{-1/2} - h'^{-1/2}}

    and the upper edge likewise. v is the curve of point forecasts, h ≤ m ≤ h' the fitted horizons beside m;
    below the first horizon its own ratio holds. The edges stand to the point as they do at the horizons, so
    wherever the point goes they go along, and they keep their order. The ratio runs in 1/√m, for the log of
    a mean of m squared returns scatters in proportion to it.

    Parameters
    ----------
    horizons : K increasing numbers of sessions, as in `interpolate_variance`.
    forecasts : [T, K] variance over each horizon.
    intervals : one for each horizon, edges [T] around these forecasts.
    curve : [T, steps], what `interpolate_variance` made of the forecasts.

    Returns
    -------
    Interval
        Edges [T, steps]; NaN where the curve or an edge is NaN.

    Examples
    --------
    >>> edges = [Interval(np.array([0.25]), np.array([4.0])), Interval(np.array([2.0]), np.array([8.0]))]
    >>> forecasts = np.array([[1.0, 4.0]])
    >>> curve = interpolate_variance((1, 4), forecasts, steps=4)
    >>> interpolate_interval((1, 4), forecasts, edges, curve).upper.round(2)
    array([[4.  , 5.33, 6.68, 8.  ]])
    """
    knots = -1.0 / np.sqrt(np.array(horizons, dtype=float))
    places = -1.0 / np.sqrt(np.arange(1.0, curve.shape[1] + 1.0))

    def edge(levels: Sequence[FloatArray]) -> FloatArray:
        ratios = np.log(np.stack(levels, axis=1) / forecasts)
        between = np.stack([np.interp(places, knots, row) for row in ratios])
        return np.asarray(curve * np.exp(between), dtype=np.float64)

    return Interval(edge([each.lower for each in intervals]), edge([each.upper for each in intervals]))
