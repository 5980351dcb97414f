"""The full bid–ask spread as daily prices betray it.

An index does not trade: on index bars these proxies measure volatility by another name. They are meant for
instruments whose highs are bought and whose lows are sold.
"""

import math

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, rolling_mean

SPREAD = "full spread, fraction of mid"
TWO_DAY = 3.0 - 2.0 * math.sqrt(2.0)


@feature(
    "corwin_schultz_{window}d",
    inputs=("high", "low", "close"),
    units=SPREAD,
    formula="mean of max(S, 0), S = 2(e^α − 1)/(1 + e^α), α = (√(2β) − √β)/(3 − 2√2) − √(γ/(3 − 2√2))",
    reference="Corwin, Schultz (2012), eqs. 14 and 18, overnight adjustment of section II",
    windows=(22,),
    before=1,
)
def corwin_schultz(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Spread from the ranges of one and of two sessions, averaged over the window's pairs of sessions.

    β is the sum of ln(H/L)² over the two sessions and γ = ln(H/L)² of the two together. Where the previous
    close lies outside the session's range, the range is moved to it first, so that an overnight gap does not
    count. A negative estimate counts as zero. NaN until the look-back is full.

    Examples
    --------
    >>> rows = [101.0, 99.0, 100.0], [101.0, 99.0, 100.0]
    >>> corwin_schultz(*(np.array(x) for x in zip(*rows)), window=1)[-1].round(6)
    np.float64(0.02)
    """
    high_before, low_before, close_before = (lagged(x, 1) for x in (high, low, close))
    gap = np.maximum(low - close_before, 0.0) + np.minimum(high - close_before, 0.0)
    high_now, low_now = high - gap, low - gap
    beta = np.log(high_before / low_before) ** 2 + np.log(high_now / low_now) ** 2
    gamma = np.log(np.maximum(high_before, high_now) / np.minimum(low_before, low_now)) ** 2
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / TWO_DAY - np.sqrt(gamma / TWO_DAY)
    spread = 2.0 * np.tanh(alpha / 2.0)
    return rolling_mean(np.maximum(spread, 0.0), window)


@feature(
    "abdi_ranaldo_{window}d",
    inputs=("high", "low", "close"),
    units=SPREAD,
    formula="√max(4 · mean of (c_{t−1} − η_{t−1})(c_{t−1} − η_t), 0), η = (ln H + ln L)/2",
    reference="Abdi, Ranaldo (2017), eq. 11, the mean taken before the root",
    windows=(22,),
    before=1,
)
def abdi_ranaldo(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Spread from how far closes lie from the mid-range of their own and of the next session.

    The mean is over the window's pairs of sessions, both known; a negative mean gives zero. NaN until the
    look-back is full.

    Examples
    --------
    >>> rows = [101.0, 99.0, 100.5], [101.0, 99.0, 99.5]
    >>> abdi_ranaldo(*(np.array(x) for x in zip(*rows)), window=1)[-1].round(6)
    np.float64(0.010075)
    """
    middle = 0.5 * (np.log(high) + np.log(low))
    close_before = np.log(lagged(close, 1))
    product = (close_before - lagged(middle, 1)) * (close_before - middle)
    return np.sqrt(np.maximum(4.0 * rolling_mean(product, window), 0.0))
