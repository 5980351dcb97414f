"""How far a learned answer may move, stretch and quicken a band."""

import numpy as np
from numba.extending import register_jitable

from pipeline.domain.instruments import FloatArray

MOST_SHIFT = 1.5
"""Half-widths by which the centre may be moved."""
MOST_STRETCH = float(np.log(4.0))
"""Logarithm of the factor by which the half-width, and the pace, may be changed."""


@register_jitable  # type: ignore[untyped-decorator]
def corrected(
    center: FloatArray, half_width: FloatArray, shift: FloatArray, stretch: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a band's centre and half-width m + 1.5 h a and h 4^b, for a and b in [−1, 1]."""
    return center + half_width * MOST_SHIFT * shift, half_width * np.exp(MOST_STRETCH * stretch)


@register_jitable  # type: ignore[untyped-decorator]
def quickened(speed: FloatArray, quicken: FloatArray) -> FloatArray:
    """Return 1 − (1 − s)^(4^c), the part of the way that speeds s go in 4^c steps, for c in [−1, 1].

    Examples
    --------
    >>> quickened(np.array([0.5, 0.5, 1.0]), np.array([0.0, 0.5, -1.0])).tolist()
    [0.5, 0.75, 1.0]
    """
    return 1.0 - (1.0 - speed) ** np.exp(MOST_STRETCH * quicken)
