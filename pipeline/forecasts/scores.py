"""Losses of forecasts, and whether two forecasts differ."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.stats import t as student_t
from sklearn.metrics import average_precision_score

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray

SAME: Final = 1e-12
"""Share of their mean by which differences vary that are all the same but for rounding."""


def qlike(y: FloatArray, forecast: FloatArray) -> FloatArray:
    r"""Return the QLIKE loss of each row, :math:`y/f - \log(y/f) - 1`.

    Parameters
    ----------
    y, forecast : [T] positive targets and forecasts in the same unit; NaN gives NaN.

    Returns
    -------
    FloatArray
        [T], never negative, zero where the forecast is exact; errors are relative, so a quiet and a wild day
        count alike. It ranks forecasts rightly when y is an unbiased proxy.

    Raises
    ------
    DataError
        A target or forecast is zero or negative.

    References
    ----------
    Patton (2011), Volatility forecast comparison using imperfect volatility proxies, eq. 24.

    Examples
    --------
    >>> qlike(np.array([2.0, 2.0]), np.array([2.0, 1.0])).round(4)
    array([0.    , 0.3069])
    """
    if (y <= 0).any() or (forecast <= 0).any():
        raise DataError("QLIKE needs positive targets and forecasts: floor them at the task's floor first")
    ratio = y / forecast
    return ratio - np.log(ratio) - 1.0


def mse(y: FloatArray, forecast: FloatArray) -> float:
    """Return the mean squared error, in squared units of the target.

    Examples
    --------
    >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    return float(((y - forecast) ** 2).mean())


def brier(event: FloatArray, probability: FloatArray) -> float:
    """Return the Brier score, the mean squared error of a probability (Brier 1950).

    Examples
    --------
    >>> brier(np.array([1.0, 0.0]), np.array([1.0, 0.5]))
    0.125
    """
    return mse(event, probability)


def average_precision(event: FloatArray, probability: FloatArray) -> float:
    """Return the area under the precision–recall curve; NaN when no event happened.

    A forecast without skill scores the base rate.

    Examples
    --------
    >>> average_precision(np.array([0.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.9]))
    1.0
    """
    if not event.any():
        return float("nan")
    return float(average_precision_score(event, probability))


@dataclass(frozen=True)
class Comparison:
    """Result of a Diebold–Mariano test.

    Attributes
    ----------
    difference : mean loss of a minus mean loss of b; negative: a is better.
    statistic : Student t with n − 1 degrees of freedom.
    p_value : two-sided.
    lags : autocovariances in the long-run variance.
    """

    difference: float
    statistic: float
    p_value: float
    lags: int


def diebold_mariano(
    loss_a: FloatArray,
    loss_b: FloatArray,
    horizon: int,
    kernel: Literal["bartlett", "rectangular"] = "bartlett",
) -> Comparison:
    r"""Test whether two forecasts have the same expected loss, for overlapping horizons.

    .. math:: t = \bar d \,/ \sqrt{\hat\omega / n} \cdot
        \sqrt{\frac{n + 1 - 2h + h(h - 1)/n}{n}}, \quad d = \text{loss}_a - \text{loss}_b

    ω is the long-run variance of d. Losses of h-session forecasts made every session are correlated over
    h − 1 lags, so the rectangular kernel takes exactly those (and can be negative); the Bartlett kernel
    weights them down and therefore takes 2h, or 4 (n/100)^{2/9} if that is more.

    The null is about the two forecasts as made, estimation error included, so on rolling training windows
    this is the unconditional test of Giacomini and White (2006) and holds for nested models too. On expanding
    windows nested models converge and the p-value of the larger one is only a guide.

    Parameters
    ----------
    loss_a, loss_b : [n] losses of the same rows, in time order, without NaN.
    horizon : h, sessions ahead of the forecasts.
    kernel : of the long-run variance.

    Returns
    -------
    Comparison
        With statistic 0 and p-value 1 when the losses are identical, both NaN when they always differ by the
        same: there is nothing to judge chance by.

    Raises
    ------
    DataError
        NaN losses, lengths that differ, at most 2h rows, or a rectangular variance that is not positive.

    References
    ----------
    Diebold, Mariano (1995); Harvey, Leybourne, Newbold (1997), eq. 9; Newey, West (1987).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> worse, better = rng.normal(1.0, 1.0, 400), rng.normal(0.0, 1.0, 400)
    >>> diebold_mariano(worse, better, horizon=1).p_value < 0.001
    True
    """
    difference = loss_a - loss_b
    n = len(difference)
    if n <= 2 * horizon or np.isnan(difference).any():
        raise DataError(
            f"a test over {horizon} sessions needs more than {2 * horizon} losses, none of them NaN"
        )
    automatic = max(2 * horizon, int(4 * (n / 100) ** (2 / 9)))
    lags = min(automatic, n - 1) if kernel == "bartlett" else horizon - 1
    if not difference.any():
        return Comparison(0.0, 0.0, 1.0, lags)
    mean = float(difference.mean())
    if np.ptp(difference) <= SAME * abs(mean):
        return Comparison(mean, float("nan"), float("nan"), lags)
    variance = long_run_variance(difference, lags, kernel)
    if variance <= 0:
        raise DataError("the rectangular long-run variance is not positive: use the Bartlett kernel")
    small_sample = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = mean / np.sqrt(variance / n) * np.sqrt(small_sample)
    return Comparison(mean, float(statistic), float(2 * student_t.sf(abs(statistic), n - 1)), lags)


def long_run_variance(
    series: FloatArray, lags: int, kernel: Literal["bartlett", "rectangular"] = "bartlett"
) -> float:
    """Return the sum of the autocovariances up to `lags`, both sides, weighted by the kernel.

    Examples
    --------
    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), lags=0)
    1.0
    """
    deviation = series - series.mean()
    n = len(series)
    total = float(deviation @ deviation) / n
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1) if kernel == "bartlett" else 1.0
        total += 2.0 * weight * float(deviation[lag:] @ deviation[:-lag]) / n
    return total
