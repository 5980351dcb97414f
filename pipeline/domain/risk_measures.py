"""Risk measures of a profit: what a desk minimises, and what every table prints."""

from collections.abc import Callable

import numpy as np

from pipeline.domain.desk import RiskSettings
from pipeline.domain.instruments import FloatArray

SD_MULTIPLE = 1.5


def mean(pnl: FloatArray) -> FloatArray:
    """Return the average profit of [..., N] outcomes, in money; NaN stays NaN.

    Examples
    --------
    >>> mean(np.array([1.0, 3.0])).item()
    2.0
    """
    return np.asarray(np.mean(_outcomes(pnl), axis=-1))


def standard_deviation(pnl: FloatArray) -> FloatArray:
    """Return the standard deviation of [..., N] outcomes around their own mean, in money.

    The divisor is N: this is the deviation of the empirical distribution. NaN stays NaN.

    Examples
    --------
    >>> standard_deviation(np.array([1.0, 3.0])).item()
    1.0
    """
    return np.asarray(np.std(_outcomes(pnl), axis=-1))


def cvar(pnl: FloatArray, level: float) -> FloatArray:
    r"""Return the expected loss in the worst 1 − `level` of [..., N] outcomes, in money, positive = loss.

    CVaR(X) = min_w { w + E max(−X − w, 0) / (1 − level) }. The observation on the boundary counts with the
    fraction of its weight that belongs to the tail, so the value is exact for the empirical distribution.

    Parameters
    ----------
    pnl : profits, [..., N], money. A row with NaN gives NaN.
    level : in (0, 1); 0.95 looks at the worst 5 %.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1) or there are no outcomes.

    References
    ----------
    Rockafellar and Uryasev (2002), Conditional value-at-risk for general loss distributions, proposition 8.

    Examples
    --------
    >>> round(cvar(np.array([-4.0, -1.0, 0.0, 2.0, 3.0]), 0.7).item(), 9)  # (4 · 1 + 1 · 0.5) / 1.5
    3.0
    """
    outcomes = _outcomes(pnl)
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of a CVaR must lie between 0 and 1, not {level}")
    tail = (1.0 - level) * outcomes.shape[-1]
    boundary = max(int(np.ceil(tail)), 1) - 1
    worst = np.partition(outcomes, boundary, axis=-1)
    total = worst[..., :boundary].sum(axis=-1) + (tail - boundary) * worst[..., boundary]
    return np.asarray(np.where(np.isnan(outcomes).any(axis=-1), np.nan, -total / tail))


def entropic(pnl: FloatArray, aversion: float) -> FloatArray:
    """Return the entropic risk of [..., N] outcomes, in money, positive = loss.

    ρ(X) = log(E exp(−λX)) / λ, from a shifted exponential that neither overflows nor loses the limit
    λ → 0, where ρ(X) = −E X. For a normal profit it is −μ + λσ²/2.

    Parameters
    ----------
    pnl : profits, [..., N], money. A row with NaN gives NaN.
    aversion : λ > 0, per unit of money.

    Raises
    ------
    ValueError
        If `aversion` is not positive or there are no outcomes.

    References
    ----------
    Föllmer and Schied (2016), Stochastic Finance, chapter 4.

    Examples
    --------
    >>> round(entropic(np.array([-1.0, 1.0]), 1.0).item(), 4)  # log cosh 1
    0.4338
    """
    if not aversion > 0.0:
        raise ValueError(f"the risk aversion must be positive, not {aversion}")
    exponent = -aversion * _outcomes(pnl)
    peak = exponent.max(axis=-1, keepdims=True)
    exponent -= peak
    average = np.expm1(exponent, out=exponent).mean(axis=-1)
    return np.asarray((peak[..., 0] + np.log1p(average)) / aversion)


def mean_sd_cost(pnl: FloatArray, multiple: float = SD_MULTIPLE) -> FloatArray:
    """Return E[−X] + 1.5 · SD(X) of [..., N] outcomes, in money, positive = loss.

    It is cash-invariant and convex, but not monotone: a rare large gain adds to it.

    References
    ----------
    Cao, Chen, Hull and Poulos (2020), Deep hedging of derivatives using reinforcement learning.

    Examples
    --------
    >>> mean_sd_cost(np.array([1.0, 3.0])).item()
    -0.5
    """
    return np.asarray(multiple * standard_deviation(pnl) - mean(pnl))


RISK_MEASURES: dict[str, Callable[[FloatArray, RiskSettings], FloatArray]] = {
    "entropic": lambda pnl, risk: entropic(pnl, risk.aversion),
    "cvar": lambda pnl, risk: cvar(pnl, risk.cvar_level),
    "mean_sd": lambda pnl, risk: mean_sd_cost(pnl),
}
"""The measures a desk can choose in `[risk] measure`."""


def measure(pnl: FloatArray, risk: RiskSettings) -> FloatArray:
    """Return the desk's own risk of [..., N] outcomes, in money, positive = loss.

    Examples
    --------
    >>> measure(np.array([1.0, 3.0]), RiskSettings(measure="mean_sd")).item()
    -0.5
    """
    return RISK_MEASURES[risk.measure](pnl, risk)


def _outcomes(pnl: FloatArray) -> FloatArray:
    outcomes = np.asarray(pnl, dtype=np.float64)
    if outcomes.ndim == 0 or outcomes.shape[-1] == 0:
        raise ValueError("a risk measure needs at least one outcome")
    return outcomes
