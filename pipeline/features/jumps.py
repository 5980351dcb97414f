"""Jumps in daily returns: what realised variance holds beyond the neighbours' products, and days too large.

Bipower variation multiplies neighbouring absolute returns: a jump meets an ordinary neighbour and counts
little, so the difference to realised variance is the jumps'.
"""

import math
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, ratio, rolling_mean, rolling_sum
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR, log_return

MEAN_ABSOLUTE: Final = math.sqrt(2.0 / math.pi)
"""E|Z| of a standard normal Z."""
LOCAL: Final = 16
"""K of Lee and Mykland (2008) for daily data: √252 rounded up."""
SIGNIFICANCE: Final = 0.01
"""Chance that a window without a jump shows one, in the limit of a known local volatility."""
LEE_MYKLAND = "Lee, Mykland (2008), definition 1 and lemma 1"


def bipower_variance(returns: FloatArray, window: int) -> FloatArray:
    """Return bipower variation a session, μ₁⁻² /(w − 1) · Σ |r_t| |r_{t−1}| over the w returns' pairs, [T].

    Examples
    --------
    >>> (MEAN_ABSOLUTE**2 * bipower_variance(np.array([0.01, -0.02, 0.03]), 3)).round(8)
    array([   nan,    nan, 0.0004])
    """
    size = np.abs(returns)
    return rolling_mean(size * lagged(size, 1), window - 1) / MEAN_ABSOLUTE**2


@feature(
    "bipower_vol_{window}d",
    inputs=("close",),
    units=ANNUAL,
    formula="√(252 · π/2 · 1/(w − 1) · Σ |r_t| |r_{t−1}|)",
    reference="Barndorff-Nielsen, Shephard (2004), on daily returns",
    windows=(22,),
    before=1,
)
def bipower_vol(close: FloatArray, window: int) -> FloatArray:
    """Volatility without the jumps: from the products of neighbouring absolute returns.

    NaN until `window` returns are known.

    Examples
    --------
    >>> bipower_vol(np.exp(0.01 * (np.arange(23.0) % 2)), window=22)[-1].round(6)
    np.float64(0.198957)
    """
    return np.sqrt(SESSIONS_A_YEAR * bipower_variance(log_return(close), window))


@feature(
    "jump_share_{window}d",
    inputs=("close",),
    units="share of realised variance, 0 to 1",
    formula="max(1 − BV / RV, 0)",
    reference="Barndorff-Nielsen, Shephard (2004); Huang, Tauchen (2005), relative jump",
    windows=(22,),
    before=1,
)
def jump_share(close: FloatArray, window: int) -> FloatArray:
    """Share of realised variance that jumps contribute: what bipower variation does not hold.

    A clustering of volatility lifts it too. NaN until `window` returns are known and where all are zero.

    Examples
    --------
    >>> returns = np.append(np.full(21, 0.01), 0.1)
    >>> jump_share(np.exp(np.append(0.0, np.cumsum(returns))), window=22)[-1].round(3)
    np.float64(0.592)
    """
    returns = log_return(close)
    quadratic = rolling_mean(returns * returns, window)
    return np.maximum(1.0 - ratio(bipower_variance(returns, window), quadratic), 0.0)


@feature(
    "jump_statistic_1d",
    inputs=("close",),
    units="local standard deviations",
    formula="L_t = r_t / σ_t, σ_t² = 1/(K − 2) · Σ |r_j| |r_{j−1}| over the K sessions before, K = 16",
    reference=LEE_MYKLAND,
    before=LOCAL,
)
def jump_statistic(close: FloatArray) -> FloatArray:
    """Return of the session over the volatility of the sessions before it, in which jumps count little.

    σ_t is the bipower estimate without the factor π/2, as in the paper: on a path without jumps L_t is
    normal with variance π/2. NaN until the look-back is full and where the sessions before did not move.

    Examples
    --------
    >>> close = np.exp(np.append(0.01 * (np.arange(16.0) % 2), 0.05))
    >>> jump_statistic(close)[-1].round(6)
    np.float64(4.0)
    """
    returns = log_return(close)
    size = np.abs(returns)
    products = rolling_sum(size * lagged(size, 1), LOCAL - 2)
    return ratio(returns, np.sqrt(lagged(products, 1) / (LOCAL - 2)))


@feature(
    "jumps_{window}d",
    inputs=("close",),
    units="sessions",
    formula="#{|L_t| > C_w + β S_w}, β = −ln(−ln(1 − 0.01))",
    reference=LEE_MYKLAND,
    windows=(66,),
    before=LOCAL,
)
def jump_count(close: FloatArray, window: int) -> FloatArray:
    """Number of sessions in the window whose return was too large for a path without jumps.

    The threshold is the 99 % quantile of the largest of `window` statistics without a jump, see
    `jump_threshold`. That is a limit: a volatility from 14 products is itself noisy, and on Brownian motion
    12 % of the windows of 66 sessions show one instead of 1 %. NaN until the look-back is full.

    Examples
    --------
    >>> returns = np.where(np.arange(82) == 70, 0.1, 0.01)
    >>> jump_count(np.exp(np.append(0.0, np.cumsum(returns))), window=66)[-1]
    np.float64(1.0)
    """
    statistic = jump_statistic(close)
    jumped = np.where(np.isnan(statistic), np.nan, np.abs(statistic) > jump_threshold(window))
    return rolling_sum(jumped, window)


def jump_threshold(tested: int, significance: float = SIGNIFICANCE) -> float:
    """Return what the largest |L| of `tested` sessions without a jump passes with a chance of `significance`.

    (max |L| − C)/S is Gumbel in the limit: with c = √(2/π), C = √(2 ln n)/c − (ln π + ln ln n)/(2c √(2 ln n))
    and S = 1/(c √(2 ln n)); Lee, Mykland (2008), lemma 1.

    Examples
    --------
    >>> round(jump_threshold(66), 3)
    5.062
    """
    root = math.sqrt(2.0 * math.log(tested))
    scale = 1.0 / (MEAN_ABSOLUTE * root)
    centre = root / MEAN_ABSOLUTE - (math.log(math.pi) + math.log(math.log(tested))) * scale / 2.0
    return centre - math.log(-math.log1p(-significance)) * scale
