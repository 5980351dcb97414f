"""Total variance between the fitted horizons."""

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray


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
