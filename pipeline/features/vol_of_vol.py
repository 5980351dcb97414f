"""How volatile volatility itself has been: of what options imply, and of what the range shows."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.range_volatility import log_parkinson
from pipeline.features.rolling import lagged, log_positive, rolling_mean, rolling_variance
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR


@feature(
    "vol_of_vol_{window}d",
    inputs=("implied_vol",),
    units=ANNUAL,
    formula="√(252/w · Σ (Δ ln IV)²)",
    reference="Huang, Schlag, Shaliastovich, Thimme (2019), from daily changes",
    windows=(5, 22),
    before=1,
)
def vol_of_vol(index: FloatArray, window: int) -> FloatArray:
    """Realised volatility of the log of implied volatility, the counterpart of what VVIX prices.

    NaN until `window` changes are known.

    Examples
    --------
    >>> vol_of_vol(np.exp(0.05 * (np.arange(23.0) % 2)), window=22)[-1].round(6)
    np.float64(0.793725)
    """
    change = log_positive(index) - log_positive(lagged(index, 1))
    return np.sqrt(SESSIONS_A_YEAR * rolling_mean(change * change, window))


@feature(
    "range_dispersion_{window}d",
    inputs=("high", "low"),
    units="standard deviation of a log",
    formula="sample standard deviation of ln Parkinson volatility",
    reference="Corsi, Mittnik, Pigorsch, Pigorsch (2008); Alizadeh, Brandt, Diebold (2002): the log range",
    windows=(22,),
)
def range_dispersion(high: FloatArray, low: FloatArray, window: int) -> FloatArray:
    """Dispersion of the log range over the window: 0.29 of it is noise at a constant volatility.

    A session's log range has a standard deviation of 0.29 around the log of its volatility; what is above
    that is volatility that moved within the window. NaN until the window is full, and where a session of it
    has no range.

    Examples
    --------
    >>> high, low = np.exp(np.array([0.01, 0.02])), np.ones(2)
    >>> range_dispersion(high, low, window=2)[-1].round(6)
    np.float64(0.490129)
    """
    return np.sqrt(rolling_variance(log_parkinson(high, low, window=1), window))


@feature(
    "vol_of_vol_premium_{window}d",
    inputs=("implied_vol", "vvix"),
    units="annual variance",
    formula="VVIX² − 252/w · Σ (Δ ln IV)²",
    reference="Kaeck (2018), the variance-of-variance risk premium",
    windows=(22,),
    before=1,
)
def vol_of_vol_premium(index: FloatArray, vvix: FloatArray, window: int) -> FloatArray:
    """Premium of the volatility of volatility: what its options price less what was realised.

    NaN until `window` changes are known and where either index is not.

    Examples
    --------
    >>> vol_of_vol_premium(np.full(23, 0.2), np.full(23, 0.9), window=22)[-1].round(6)
    np.float64(0.81)
    """
    realised = vol_of_vol(index, window)
    return vvix * vvix - realised * realised
