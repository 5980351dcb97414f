"""What realised measures say: variance, its halves and its precision, from returns within the session.

The measures come ready from a file of the desk, open to close: without the overnight move. A desk that does
not give a measure has none of its features.
"""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.feature import feature
from pipeline.features.rolling import log_positive, rolling_mean
from pipeline.features.volatility import ANNUAL, SESSIONS_A_YEAR

SEMIVARIANCE = "Barndorff-Nielsen, Kinnebrock, Shephard (2010); Patton, Sheppard (2015)"


@feature(
    "rv_{window}d",
    inputs=("rv",),
    units=ANNUAL,
    formula="√(252/w · Σ RV)",
    reference="Andersen, Bollerslev, Diebold, Labys (2003)",
    windows=(1, 5, 22),
)
def rv(variance: FloatArray, window: int) -> FloatArray:
    """Realised volatility from returns within the sessions, without the overnight move.

    NaN until `window` sessions are known, and where one of them is not.

    Examples
    --------
    >>> rv(np.array([1e-4, 3e-4]), window=2).round(6)
    array([     nan, 0.224499])
    """
    return np.sqrt(SESSIONS_A_YEAR * rolling_mean(variance, window))


@feature(
    "log_rv_1d",
    inputs=("rv",),
    units="log of an annual decimal",
    formula="ln √(252 RV)",
    reference="Andersen, Bollerslev, Diebold, Labys (2003): log realised volatility is close to normal",
)
def log_rv(variance: FloatArray) -> FloatArray:
    """Log of the session's realised volatility.

    NaN where the session is not known.

    Examples
    --------
    >>> log_rv(np.array([1.0 / 252.0]))
    array([0.])
    """
    return 0.5 * log_positive(SESSIONS_A_YEAR * variance)


@feature("upside_rv_1d", inputs=("rs_plus",), units=ANNUAL, formula="√(252 RS⁺)", reference=SEMIVARIANCE)
def upside_rv(semivariance: FloatArray) -> FloatArray:
    """Upside realised semideviation: what the rises within the session contribute.

    NaN where the session is not known.

    Examples
    --------
    >>> upside_rv(np.array([1e-4])).round(6)
    array([0.158745])
    """
    return np.sqrt(SESSIONS_A_YEAR * semivariance)


@feature("downside_rv_1d", inputs=("rs_minus",), units=ANNUAL, formula="√(252 RS⁻)", reference=SEMIVARIANCE)
def downside_rv(semivariance: FloatArray) -> FloatArray:
    """Downside realised semideviation: what the falls within the session contribute.

    NaN where the session is not known.

    Examples
    --------
    >>> downside_rv(np.array([1e-4])).round(6)
    array([0.158745])
    """
    return np.sqrt(SESSIONS_A_YEAR * semivariance)


@feature(
    "log_rq_ratio_1d",
    inputs=("rv", "rq"),
    units="log ratio; a constant off where RQ has another unit than RV²",
    formula="ln(√RQ / RV)",
    reference="Bollerslev, Patton, Quaedvlieg (2016)",
)
def log_rq_ratio(variance: FloatArray, quarticity: FloatArray) -> FloatArray:
    """How uncertain the session's realised variance is against its own size: high where few moves made it.

    NaN where the session is not known.

    Examples
    --------
    >>> log_rq_ratio(np.array([1e-4]), np.array([4e-8])).round(6)
    array([0.693147])
    """
    return 0.5 * log_positive(quarticity) - log_positive(variance)
