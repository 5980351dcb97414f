"""Returns from close to close, and the volatilities made of them."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import lagged, rolling_mean

SESSIONS_A_YEAR = 252.0
ANNUAL = "annual decimal"


@feature(
    "return_1d",
    inputs=("close",),
    units="log return over one session",
    formula="r_t = ln(C_t / C_{t−1})",
    reference="Campbell, Lo, MacKinlay (1997), eq. 1.4.5",
    before=1,
)
def log_return(close: FloatArray) -> FloatArray:
    """Log return from close to close.

    NaN in the first row and beside a missing close.

    Examples
    --------
    >>> log_return(np.array([100.0, 101.0])).round(6)
    array([    nan, 0.00995])
    """
    return np.log(close / lagged(close, 1))


@feature(
    "realized_vol_{window}d",
    inputs=("close",),
    units=ANNUAL,
    formula="√(252/w · Σ r²)",
    reference="Andersen, Bollerslev (1998); daily, mean taken as zero",
    windows=(1, 5, 22, 66),
    before=1,
)
def realized_vol(close: FloatArray, window: int) -> FloatArray:
    """Realised volatility from close to close, overnight moves included.

    NaN until `window` returns are known.

    Examples
    --------
    >>> realized_vol(np.exp(np.array([0.0, 0.01, 0.0])), window=2)[-1].round(6)
    np.float64(0.158745)
    """
    returns = log_return(close)
    return np.sqrt(SESSIONS_A_YEAR * rolling_mean(returns * returns, window))


@feature(
    "downside_vol_{window}d",
    inputs=("close",),
    units=ANNUAL,
    formula="√(252/w · Σ min(r, 0)²)",
    reference="Barndorff-Nielsen, Kinnebrock, Shephard (2010), on daily returns",
    windows=(22,),
    before=1,
)
def downside_vol(close: FloatArray, window: int) -> FloatArray:
    """Semideviation: the part of realised volatility that falls contribute.

    Symmetric returns give realised volatility / √2. NaN until `window` returns are known.

    Examples
    --------
    >>> downside_vol(np.exp(np.array([0.0, 0.01, 0.0])), window=2)[-1].round(6)
    np.float64(0.11225)
    """
    falls = np.minimum(log_return(close), 0.0)
    return np.sqrt(SESSIONS_A_YEAR * rolling_mean(falls * falls, window))


@feature(
    "leverage_{window}d",
    inputs=("close",),
    units="mean log return a session, at most zero",
    formula="min(1/w · Σ r, 0)",
    reference="Corsi, Renò (2012): the negative part of the aggregated return",
    windows=(5,),
    before=1,
)
def leverage(close: FloatArray, window: int) -> FloatArray:
    """Persistent leverage effect: the mean return of the window where it is negative, else zero.

    NaN until `window` returns are known.

    Examples
    --------
    >>> leverage(np.exp(np.array([0.0, 0.01, -0.03, 0.05])), window=2).round(6)
    array([   nan,    nan, -0.015,  0.   ])
    """
    return np.minimum(rolling_mean(log_return(close), window), 0.0)
