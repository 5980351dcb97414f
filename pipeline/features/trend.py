"""Trend and mean reversion of closes, and how returns go with volume."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import log_positive, over_windows, ratio, rolling_correlation, rolling_sum
from pipeline.features.volatility import log_return

HOLDING = 5
"""Sessions of the long return in the variance ratio."""


@feature(
    "trend_{window}d",
    inputs=("close",),
    units="standard deviations of the window's return",
    formula="Σ r / √(Σ r²)",
    reference="Moskowitz, Ooi, Pedersen (2012): past return over its volatility",
    windows=(22,),
    before=1,
)
def trend(close: FloatArray, window: int) -> FloatArray:
    """Return of the window over its realised volatility, between −√w and √w.

    NaN until `window` returns are known and where all of them are zero.

    Examples
    --------
    >>> trend(np.exp(0.01 * np.arange(5.0)), window=4)[-1].round(6)
    np.float64(2.0)
    """
    returns = log_return(close)
    return ratio(rolling_sum(returns, window), np.sqrt(rolling_sum(returns * returns, window)))


@feature(
    "variance_ratio_{window}d",
    inputs=("close",),
    units="ratio; 1 for a random walk, above it for a trend",
    formula="VR(5) = σ_c²(5) / σ_a², overlapping and unbiased",
    reference="Lo, MacKinlay (1988), eqs. 12 to 14",
    windows=(66,),
    before=1,
)
def variance_ratio(close: FloatArray, window: int) -> FloatArray:
    """Variance of five-session returns over five times that of one-session returns.

    σ_a² = Σ (r − μ)² / (w − 1) and σ_c²(q) = Σ (r^(q) − qμ)² / m with m = q (w − q + 1)(1 − q/w), where μ is
    the mean return of the window and r^(q) runs over its overlapping q-session returns. NaN until `window`
    returns are known and where all of them are equal.

    Examples
    --------
    >>> variance_ratio(np.exp(0.01 * (np.arange(67.0) % 2)), window=66)[-1].round(3)
    np.float64(0.213)
    """
    return over_windows(_variance_ratio, window, log_return(close))


def _variance_ratio(returns: FloatArray) -> FloatArray:
    count = returns.shape[1]
    excess = returns - returns.mean(axis=1, keepdims=True)
    level = np.concatenate([np.zeros((len(excess), 1)), excess.cumsum(axis=1)], axis=1)
    long = level[:, HOLDING:] - level[:, :-HOLDING]
    overlapping = HOLDING * (count - HOLDING + 1) * (1.0 - HOLDING / count)
    short_variance = np.where(np.ptp(returns, axis=1) == 0.0, 0.0, (excess * excess).sum(axis=1)) / (
        count - 1
    )
    return ratio((long * long).sum(axis=1) / overlapping, short_variance)


@feature(
    "return_volume_corr_{window}d",
    inputs=("close", "volume"),
    units="correlation",
    formula="corr(r, ln V)",
    reference="Karpoff (1987)",
    windows=(22,),
    before=1,
)
def return_volume_correlation(close: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Correlation of the return with log volume: negative where selling comes with volume.

    NaN until `window` returns are known, where the volume is zero and where either side is constant.

    Examples
    --------
    >>> close, volume = np.array([1.0, 2.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0, 2.0])
    >>> return_volume_correlation(close, volume, window=3)[-1].round(6)
    np.float64(1.0)
    """
    return rolling_correlation(log_return(close), log_positive(volume), window)
