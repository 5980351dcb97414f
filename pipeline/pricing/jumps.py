"""Normal jumps of the log price at Poisson times, told apart by how many there are."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.stats import poisson

NEGLIGIBLE: Final = 1e-13


def numbers_of_jumps(
    intensity: float, mean: float, deviation: float, time: float
) -> Iterator[tuple[float, float, float]]:
    r"""Yield the chance of each number n of jumps, its factor on the forward, and its variance of the log.

    .. math:: e^{-λτ} (λτ)^n / n!, \quad \exp(n (m + s^2/2) - λτ (e^{m + s^2/2} - 1)), \quad n s^2

    so that a price with jumps is the mean over n of prices without them (Merton 1976, eq. 16). Numbers of a
    chance below 1e-13 are left out.

    Parameters
    ----------
    intensity : λ, jumps a year. mean, deviation : m and s of one jump, in logs. time : τ, years.

    Examples
    --------
    >>> [tuple(round(each, 4) for each in row) for row in numbers_of_jumps(2.0, -0.1, 0.1, 0.5)][:2]
    [(0.3679, 1.0949, 0.0), (0.3679, 0.9956, 0.01)]
    >>> list(numbers_of_jumps(0.0, -0.1, 0.1, 0.5))
    [(1.0, 1.0, 0.0)]
    """
    expected, each = intensity * time, mean + 0.5 * deviation**2
    most = int(poisson.isf(NEGLIGIBLE, expected)) if expected > 0.0 else 0
    for number, chance in enumerate(poisson.pmf(np.arange(most + 1), expected)):
        if chance > NEGLIGIBLE:
            factor = np.exp(number * each - expected * np.expm1(each))
            yield float(chance), float(factor), number * deviation**2
