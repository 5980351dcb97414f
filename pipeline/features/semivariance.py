"""Which side of realised variance the market moved on: rises or falls."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import ratio, rolling_mean, rolling_sum
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR, log_return

ON_DAILY_RETURNS = "Barndorff-Nielsen, Kinnebrock, Shephard (2010), on daily returns"


@feature(
    "upside_vol_{window}d",
    inputs=("close",),
    units=ANNUAL,
    formula="√(252/w · Σ max(r, 0)²)",
    reference=ON_DAILY_RETURNS,
    windows=(22,),
    before=1,
)
def upside_vol(close: FloatArray, window: int) -> FloatArray:
    """Upside semideviation: the part of realised volatility that rises contribute.

    Its square and that of the downside semideviation add up to realised variance. NaN until `window` returns
    are known.

    Examples
    --------
    >>> upside_vol(np.exp(np.array([0.0, 0.01, 0.0])), window=2)[-1].round(6)
    np.float64(0.11225)
    """
    rises = np.maximum(log_return(close), 0.0)
    return np.sqrt(SESSIONS_A_YEAR * rolling_mean(rises * rises, window))


@feature(
    "downside_share_{window}d",
    inputs=("close",),
    units="share of realised variance, 0 to 1; 1/2 where returns are symmetric",
    formula="Σ min(r, 0)² / Σ r²",
    reference=ON_DAILY_RETURNS,
    windows=(5, 22),
    before=1,
)
def downside_share(close: FloatArray, window: int) -> FloatArray:
    """Share of realised variance that falls contribute; the upside has the rest.

    NaN until `window` returns are known and where all of them are zero.

    Examples
    --------
    >>> downside_share(np.exp(np.array([0.0, 0.01, 0.0, -0.02])), window=2).round(6)
    array([nan, nan, 0.5, 1. ])
    """
    returns = log_return(close)
    falls = np.minimum(returns, 0.0)
    return ratio(rolling_sum(falls * falls, window), rolling_sum(returns * returns, window))


@feature(
    "signed_variation_{window}d",
    inputs=("close",),
    units="annual variance",
    formula="252/w · (Σ max(r, 0)² − Σ min(r, 0)²)",
    reference="Patton, Sheppard (2015), signed jump variation, on daily returns",
    windows=(5, 22),
    before=1,
)
def signed_variation(close: FloatArray, window: int) -> FloatArray:
    """Signed jump variation: upside less downside semivariance, negative after falls.

    The continuous parts of the two semivariances cancel in the limit of short intervals, so what is left is
    the difference of the jumps up and down. NaN until `window` returns are known.

    Examples
    --------
    >>> signed_variation(np.exp(np.array([0.0, 0.01, 0.02, 0.0])), window=2).round(6)
    array([    nan,     nan,  0.0252, -0.0378])
    """
    returns = log_return(close)
    return SESSIONS_A_YEAR * rolling_mean(returns * np.abs(returns), window)
