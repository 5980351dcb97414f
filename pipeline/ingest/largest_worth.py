"""Sizes that no market has traded, told by what they would be worth."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGEST_WORTH: Final = 1e15
"""Price times size above this is no print: the whole world's output of a year is 1e14 US dollars, and in the
smallest unit of a large market (Indonesia's rupiah) this is more than ever traded in one piece."""
TOO_LARGE: Final = "worth more than any trade: size or price is wrong"


def too_large(price: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return [...] whether price times size is beyond `LARGEST_WORTH`; a NaN is not.

    Examples
    --------
    >>> too_large(np.array([9600.0, 9600.0, 1e-9]), np.array([1e4, 5e78, 1e17])).tolist()
    [False, True, False]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.bool_] = np.abs(price * size) > LARGEST_WORTH
    return found
