"""Volatility from the high, the low and the open: several times as efficient as from closes alone.

The estimators that use the open are NaN where more than 5 % of the opens in their window repeat the previous
close exactly: such an open was not observed but filled in.
"""

import math

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, log_positive, rolling_mean, rolling_variance
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR

STALE_SHARE = 0.05
"""Largest share of stale opens in a window whose opens are believed."""


@feature(
    "parkinson_{window}d",
    inputs=("high", "low"),
    units=ANNUAL,
    formula="√(252/w · Σ ln(H/L)² / (4 ln 2))",
    reference="Parkinson (1980)",
    windows=(1, 5, 22),
)
def parkinson(high: FloatArray, low: FloatArray, window: int) -> FloatArray:
    """Range volatility: what the high and the low of each session say, without the overnight move.

    A session without range counts as zero. NaN until `window` sessions are known.

    Examples
    --------
    >>> parkinson(np.array([101.0]), np.array([99.0]), window=1).round(6)
    array([0.190679])
    """
    span = np.log(high / low)
    return np.sqrt(SESSIONS_A_YEAR / (4.0 * math.log(2.0)) * rolling_mean(span * span, window))


@feature(
    "log_parkinson_{window}d",
    inputs=("high", "low"),
    units="log of an annual decimal",
    formula="ln parkinson_{window}d",
    reference="Alizadeh, Brandt, Diebold (2002): the log range is close to normal",
    windows=(1, 5, 22),
)
def log_parkinson(high: FloatArray, low: FloatArray, window: int) -> FloatArray:
    """Log of the range volatility.

    NaN until `window` sessions are known, and where they have no range.

    Examples
    --------
    >>> log_parkinson(np.array([101.0, 100.0]), np.array([99.0, 100.0]), window=1).round(6)
    array([-1.657166,       nan])
    """
    return log_positive(parkinson(high, low, window))


@feature(
    "garman_klass_{window}d",
    inputs=("open", "high", "low", "close"),
    units=ANNUAL,
    formula="√(252/w · Σ [½ ln(H/L)² − (2 ln 2 − 1) ln(C/O)²])",
    reference="Garman, Klass (1980), the practical estimator",
    windows=(22,),
    before=1,
)
def garman_klass(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, window: int
) -> FloatArray:
    """Volatility from open to close by range and body, without the overnight move.

    NaN until `window` sessions and the close before them are known, and where too many opens are stale.

    Examples
    --------
    >>> prices = [np.array(x) for x in ([100.0, 100.5], [101.0, 102.0], [99.0, 100.0], [100.0, 101.0])]
    >>> garman_klass(*prices, window=1)[-1].round(4)
    np.float64(0.2168)
    """
    span, body = np.log(high / low), np.log(close / open_)
    variance = 0.5 * span * span - (2.0 * math.log(2.0) - 1.0) * body * body
    annual = SESSIONS_A_YEAR * rolling_mean(variance, window)
    return np.where(_opens_believed(open_, close, window), np.sqrt(annual), np.nan)


@feature(
    "yang_zhang_{window}d",
    inputs=("open", "high", "low", "close"),
    units=ANNUAL,
    formula="√(252 · [V_o + k V_c + (1 − k) V_rs]), k = 0.34 / (1.34 + (w + 1)/(w − 1))",
    reference="Yang, Zhang (2000), eqs. 5 to 9",
    windows=(22,),
    before=1,
)
def yang_zhang(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, window: int
) -> FloatArray:
    """Volatility with the overnight move, free of drift: overnight, open-to-close and Rogers–Satchell parts.

    V_o and V_c are the sample variances of ln(O_t/C_{t−1}) and ln(C_t/O_t), V_rs the mean of
    ln(H/C) ln(H/O) + ln(L/C) ln(L/O). NaN as in `garman_klass`; the window holds two sessions at least.

    Examples
    --------
    >>> rows = [100.0, 101.0, 99.0, 100.0], [100.5, 102.0, 100.0, 101.0], [101.5, 103.0, 101.0, 102.0]
    >>> yang_zhang(*(np.array(x) for x in zip(*rows)), window=2)[-1].round(4)
    np.float64(0.2121)
    """
    overnight, body = np.log(open_ / lagged(close, 1)), np.log(close / open_)
    up, down = np.log(high / open_), np.log(low / open_)
    rogers_satchell = rolling_mean(up * (up - body) + down * (down - body), window)
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    variance = (
        rolling_variance(overnight, window) + k * rolling_variance(body, window) + (1 - k) * rogers_satchell
    )
    return np.where(_opens_believed(open_, close, window), np.sqrt(SESSIONS_A_YEAR * variance), np.nan)


def _opens_believed(open_: FloatArray, close: FloatArray, window: int) -> np.ndarray:
    before = lagged(close, 1)
    stale = np.where(np.isnan(before), np.nan, (open_ == before).astype(np.float64))
    return rolling_mean(stale, window) <= STALE_SHARE
