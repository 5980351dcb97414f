"""Volume and illiquidity.

An index's volume has no fixed scale (it grew sixfold from 1999 to 2009), so every measure divides it by its
own trailing median: a session of median volume counts as 1.
"""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import log_positive, ratio, rolling_mean, rolling_median
from pipeline.features.volatility import log_return

YEAR = 252
"""Sessions in the trailing median of volume, the present one included."""

RELATIVE = "log price per session of median volume"


def relative_volume(volume: FloatArray) -> FloatArray:
    """Return volume over its median of the last 252 sessions, [T]; NaN until the year is full.

    Examples
    --------
    >>> relative_volume(np.append(np.full(251, 2.0), 3.0))[-1]
    np.float64(1.5)
    """
    return ratio(volume, rolling_median(volume, YEAR))


@feature(
    "log_volume_ratio",
    inputs=("volume",),
    units="log ratio; 0 in a session of median volume",
    formula="ln(V_t / median of V over 252 sessions)",
    reference="Llorente, Michaely, Saar, Wang (2002): detrended log turnover, with a median",
    before=YEAR - 1,
)
def log_volume_ratio(volume: FloatArray) -> FloatArray:
    """Log volume against its own trailing median.

    NaN until 252 sessions are known and where the volume is zero.

    Examples
    --------
    >>> log_volume_ratio(np.append(np.full(251, 2.0), 3.0))[-1].round(6)
    np.float64(0.405465)
    """
    return log_positive(relative_volume(volume))


@feature(
    "illiquidity_{window}d",
    inputs=("high", "low", "volume"),
    units=RELATIVE,
    formula="1/w · Σ ln(H/L) / (V / median of V over 252 sessions)",
    reference="Amihud (2002) with the range in place of the return: Chung, Zhang (2014) review such proxies",
    windows=(1, 5, 22),
    before=YEAR - 1,
)
def illiquidity(high: FloatArray, low: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Range over relative volume: how far the price travels for a median session's trade.

    Positive; NaN until the look-back is full, and where a session of the window has no range or no volume.

    Examples
    --------
    >>> high, low = np.full(252, 101.0), np.full(252, 100.0)
    >>> illiquidity(high, low, np.append(np.full(251, 2.0), 1.0), window=1)[-1].round(6)
    np.float64(0.019901)
    """
    span = np.log(high / low)
    session = ratio(np.where(span > 0.0, span, np.nan), relative_volume(volume))
    return rolling_mean(session, window)


@feature(
    "amihud_{window}d",
    inputs=("close", "volume"),
    units=RELATIVE,
    formula="1/w · Σ |r| / (V / median of V over 252 sessions)",
    reference="Amihud (2002), with volume relative to its median",
    windows=(22,),
    before=YEAR - 1,
)
def amihud(close: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Absolute return over relative volume.

    NaN until the look-back is full, and where a session of the window has no volume.

    Examples
    --------
    >>> close = np.append(np.full(252, 100.0), 101.0)
    >>> amihud(close, np.full(253, 5.0), window=1)[-1].round(6)
    np.float64(0.00995)
    """
    return rolling_mean(ratio(np.abs(log_return(close)), relative_volume(volume)), window)
