"""What further indices of option prices say: the term structure of volatility, its own volatility, the skew.

A desk that does not give an index has none of its features.
"""

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, log_positive, rolling_mean
from pipeline.features.volatility import ANNUAL

POINTS = "index points, 100 − 10 × skewness"
LOG_RATIO = "log ratio; 0 where the term structure is flat"
MATURITIES = "Mixon (2007): the term structure of implied volatility"
CBOE_VVIX = "Cboe (2012), The CBOE VVIX; Park (2015)"
CBOE_SKEW = "Cboe (2011), The CBOE SKEW Index; Bakshi, Kapadia, Madan (2003)"


@feature("vix9d", inputs=("vix9d",), units=ANNUAL, formula="VIX9D / 100", reference=MATURITIES)
def vix9d(index: FloatArray) -> FloatArray:
    """Level of the volatility index of the shorter tenor, nine days for VIX9D.

    NaN where the session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> vix9d(np.array([0.2]))
    array([0.2])
    """
    return index.copy()


@feature("vix3m", inputs=("vix3m",), units=ANNUAL, formula="VIX3M / 100", reference=MATURITIES)
def vix3m(index: FloatArray) -> FloatArray:
    """Level of the volatility index of the longer tenor, three months for VIX3M.

    NaN where the session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> vix3m(np.array([0.2]))
    array([0.2])
    """
    return index.copy()


@feature(
    "term_slope_short",
    inputs=("implied_vol", "vix9d"),
    units="difference of annual decimals",
    formula="VIX − VIX9D",
    reference=MATURITIES,
)
def term_slope_short(index: FloatArray, short: FloatArray) -> FloatArray:
    """Slope at the short end: volatility of thirty days less that of nine, negative in stress.

    NaN where either index is not known.

    Examples
    --------
    >>> import numpy as np
    >>> term_slope_short(np.array([0.2]), np.array([0.25])).round(6)
    array([-0.05])
    """
    return index - short


@feature(
    "term_slope_long",
    inputs=("implied_vol", "vix3m"),
    units="difference of annual decimals",
    formula="VIX3M − VIX",
    reference=MATURITIES,
)
def term_slope_long(index: FloatArray, long: FloatArray) -> FloatArray:
    """Slope at the long end: volatility of three months less that of thirty days, negative in stress.

    NaN where either index is not known.

    Examples
    --------
    >>> import numpy as np
    >>> term_slope_long(np.array([0.2]), np.array([0.22])).round(6)
    array([0.02])
    """
    return long - index


@feature(
    "log_term_slope_short",
    inputs=("implied_vol", "vix9d"),
    units=LOG_RATIO,
    formula="ln(VIX / VIX9D)",
    reference=MATURITIES,
)
def log_term_slope_short(index: FloatArray, short: FloatArray) -> FloatArray:
    """Log slope at the short end: how far volatility of thirty days lies above that of nine.

    Free of the level of volatility, which the plain slope scales with. NaN where either index is not known.

    Examples
    --------
    >>> import numpy as np
    >>> log_term_slope_short(np.array([0.2]), np.array([0.25])).round(6)
    array([-0.223144])
    """
    return log_positive(index) - log_positive(short)


@feature(
    "log_term_slope_long",
    inputs=("implied_vol", "vix3m"),
    units=LOG_RATIO,
    formula="ln(VIX3M / VIX)",
    reference="Johnson (2017): the slope of the VIX term structure",
)
def log_term_slope_long(index: FloatArray, long: FloatArray) -> FloatArray:
    """Log slope at the long end: how far volatility of three months lies above that of thirty days.

    Free of the level of volatility, which the plain slope scales with. NaN where either index is not known.

    Examples
    --------
    >>> import numpy as np
    >>> log_term_slope_long(np.array([0.2]), np.array([0.22])).round(6)
    array([0.09531])
    """
    return log_positive(long) - log_positive(index)


@feature("vvix", inputs=("vvix",), units=ANNUAL, formula="VVIX / 100", reference=CBOE_VVIX)
def vvix(index: FloatArray) -> FloatArray:
    """Volatility of the volatility index over thirty days, as its own options price it.

    NaN where the session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> vvix(np.array([0.9]))
    array([0.9])
    """
    return index.copy()


@feature("skew", inputs=("skew",), units=POINTS, formula="SKEW = 100 − 10 S", reference=CBOE_SKEW)
def skew(index: FloatArray) -> FloatArray:
    """Level of the index of skewness: 100 where the options price returns as symmetric, higher for crashes.

    S is the risk-neutral skewness of the 30-day log return. NaN where the session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> skew(np.array([130.0]))
    array([130.])
    """
    return index.copy()


@feature(
    "skew_change_{window}d",
    inputs=("skew",),
    units=POINTS,
    formula="SKEW_t − 1/w · Σ SKEW over the w sessions before",
    reference=CBOE_SKEW,
    windows=(5,),
    before=1,
)
def skew_change(index: FloatArray, window: int) -> FloatArray:
    """Change of the index of skewness from its mean over the sessions before: a single day of it is noise.

    NaN until the window and the session after it are known.

    Examples
    --------
    >>> import numpy as np
    >>> skew_change(np.array([120.0, 130.0, 131.0]), window=2).round(6)
    array([nan, nan,  6.])
    """
    return index - lagged(rolling_mean(index, window), 1)
