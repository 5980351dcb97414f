"""What is forecast: variance ahead, illiquidity of the next session, and two events of the next session."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray


@dataclass(frozen=True)
class Target:
    """Values to forecast at each row, and how many rows later each one becomes known.

    Attributes
    ----------
    outcome : [T] target of row t; NaN where it never becomes known inside the frame.
    offset : rows until the target is complete: row t's target is known at the close of row t + offset.
    """

    outcome: FloatArray
    offset: int

    @property
    def known(self) -> NDArray[np.int64]:
        """[T] row whose information completes each row's target.

        Examples
        --------
        >>> Target(np.zeros(3), offset=5).known
        array([5, 6, 7])
        """
        return np.arange(len(self.outcome)) + self.offset


def variance_ahead(close: "pd.Series[float]", horizon: int) -> Target:
    r"""Return the close-to-close variance of the next `horizon` sessions, Σ_{i=1..h} r²_{t+i}.

    Parameters
    ----------
    close : [T] closing prices, one row a session.
    horizon : h, sessions ahead.

    Returns
    -------
    Target
        Variance over the horizon (not annual), r the log return, overnight moves included.
        The last h rows are NaN; a missing close makes every sum that needs it NaN.

    Raises
    ------
    SettingsError
        `horizon` is below 1.

    Examples
    --------
    >>> close = pd.Series(np.exp([0.0, 0.01, 0.03, 0.0]))
    >>> variance_ahead(close, 2).outcome.round(6)
    array([0.0005, 0.0013,    nan,    nan])
    """
    if horizon < 1:
        raise SettingsError(f"forecast horizon is {horizon}: use at least 1 session")
    prices = _floats(close)
    total = np.full(len(prices), np.nan)
    if len(prices) > horizon:
        squares = np.diff(np.log(prices)) ** 2
        total[:-horizon] = np.lib.stride_tricks.sliding_window_view(squares, horizon).sum(axis=1)
    return Target(total, horizon)


def level_ahead(level: "pd.Series[float]") -> Target:
    """Return the level of the next session, for instance its illiquidity; the last row is NaN.

    Examples
    --------
    >>> level_ahead(pd.Series([1.0, 2.0, 3.0])).outcome
    array([ 2.,  3., nan])
    """
    return Target(_next(_floats(level)), 1)


def spike_ahead(range_vol: "pd.Series[float]", multiple: float, window: int = 252) -> Target:
    """Return 1 where the next session's range volatility exceeds `multiple` × its trailing median, else 0.

    Parameters
    ----------
    range_vol : [T] range volatility of each session.
    multiple : how many times the median makes a spike.
    window : sessions of the median, which ends at row t and so is known when the forecast is made.

    Returns
    -------
    Target
        0 or 1; NaN in the last row and until `window` sessions are there.

    Examples
    --------
    >>> spike_ahead(pd.Series([1.0, 1.0, 3.0, 1.0]), multiple=2.0, window=2).outcome
    array([nan,  1.,  0., nan])
    """
    threshold = multiple * range_vol.rolling(window).median().to_numpy()
    return _exceeds(_floats(range_vol), threshold)


def gap_ahead(illiquidity: "pd.Series[float]", threshold: float) -> Target:
    """Return 1 where the next session's illiquidity exceeds `threshold`, else 0; the last row is NaN.

    The threshold is a quantile of the *training* rows, taken by the caller.

    Examples
    --------
    >>> gap_ahead(pd.Series([1.0, 4.0, 2.0]), threshold=3.0).outcome
    array([ 1.,  0., nan])
    """
    return _exceeds(_floats(illiquidity), threshold)


def _floats(series: "pd.Series[float]") -> FloatArray:
    return np.asarray(series, dtype=np.float64)


def _exceeds(level: FloatArray, threshold: FloatArray | float) -> Target:
    following = _next(level)
    unknown = np.isnan(following) | np.isnan(threshold)
    return Target(np.where(unknown, np.nan, (following > threshold).astype(float)), 1)


def _next(level: FloatArray) -> FloatArray:
    return np.append(level[1:], np.nan) if len(level) else level
