"""What option prices say: implied volatility, its change, and its premium over what was realised."""

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, log_positive, rolling_correlation, rolling_mean
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR, log_return


@feature(
    "implied_vol",
    inputs=("implied_vol",),
    units=ANNUAL,
    formula="VIX / 100 as known at the decision time",
    reference="Whaley (1993)",
)
def implied_vol(index: FloatArray) -> FloatArray:
    """Level of the 30-day volatility index.

    It is the rate of a variance swap, usually above at-the-money volatility. NaN where the session's value
    is not known.

    Examples
    --------
    >>> import numpy as np
    >>> implied_vol(np.array([0.2]))
    array([0.2])
    """
    return index.copy()


@feature(
    "log_implied_vol",
    inputs=("implied_vol",),
    units="log of an annual decimal",
    formula="ln IV_t",
    reference="Busch, Christensen, Nielsen (2011): implied volatility in log-HAR models",
)
def log_implied_vol(index: FloatArray) -> FloatArray:
    """Log of implied volatility, as the log-linear forecasts take it.

    NaN where the session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> log_implied_vol(np.array([1.0]))
    array([0.])
    """
    return log_positive(index)


@feature(
    "implied_vol_change_1d",
    inputs=("implied_vol",),
    units="change of an annual decimal over one session",
    formula="IV_t − IV_{t−1}",
    reference="Whaley (2000)",
    before=1,
)
def implied_vol_change(index: FloatArray) -> FloatArray:
    """Change of implied volatility over one session.

    NaN where either session's value is not known.

    Examples
    --------
    >>> import numpy as np
    >>> implied_vol_change(np.array([0.2, 0.25])).round(6)
    array([ nan, 0.05])
    """
    return index - lagged(index, 1)


@feature(
    "vol_risk_premium",
    inputs=("close", "implied_vol"),
    units="annual variance",
    formula="IV² − 252/22 · Σ r² over 22 sessions",
    reference="Bollerslev, Tauchen, Zhou (2009), realised part from daily returns",
    before=22,
)
def vol_risk_premium(close: FloatArray, index: FloatArray) -> FloatArray:
    """Variance risk premium: implied variance over 30 days ahead minus realised variance of 22 sessions.

    Both are variance a year (30 calendar days hold 21 to 22 sessions). NaN until 22 returns are known and
    where the session's implied volatility is not.

    Examples
    --------
    >>> import numpy as np
    >>> vol_risk_premium(np.full(23, 100.0), np.full(23, 0.2))[-1].round(6)
    np.float64(0.04)
    """
    returns = log_return(close)
    return index * index - SESSIONS_A_YEAR * rolling_mean(returns * returns, 22)


@feature(
    "spot_vol_corr_{window}d",
    inputs=("close", "implied_vol"),
    units="correlation",
    formula="corr(r, ΔIV)",
    reference="Bakshi, Cao, Chen (1997) on why it matters for hedging",
    windows=(22,),
    before=1,
)
def spot_vol_correlation(close: FloatArray, index: FloatArray, window: int) -> FloatArray:
    """Correlation of the return with the change of implied volatility: strongly negative on an index.

    NaN until `window` pairs are known and where either side is constant.

    Examples
    --------
    >>> import numpy as np
    >>> close, index = np.array([100.0, 101.0, 99.0, 100.0]), np.array([0.2, 0.19, 0.21, 0.2])
    >>> spot_vol_correlation(close, index, window=3)[-1].round(3)
    np.float64(-1.0)
    """
    return rolling_correlation(log_return(close), implied_vol_change(index), window)
