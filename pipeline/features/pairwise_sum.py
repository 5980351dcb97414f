"""A sum in NumPy's order, for compiled code whose numbers are those of `numpy.add.reduce` to the last bit."""

from typing import Final

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept

RUN: Final = 128
"""Numbers that NumPy adds up without cutting them in two."""


@kept(nogil=True, error_model="numpy")
def pairwise_sum(values: FloatArray) -> float:
    """Return the sum of numbers [n] that lie one after another: by pairs, eight at a time in runs of `RUN`.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.random.default_rng(0).normal(size=1000)
    >>> all(pairwise_sum(values[:n]) == np.add.reduce(values[:n]) for n in range(1000))
    True
    """
    if len(values) > RUN:
        half = len(values) // 2
        half -= half % 8
        halves: float = pairwise_sum(values[:half]) + pairwise_sum(values[half:])
        return halves
    whole, total = len(values) - len(values) % 8, 0.0
    if whole:
        eight = values[:8].copy()
        for k in range(8, whole, 8):
            for j in range(8):
                eight[j] += values[k + j]
        total = ((eight[0] + eight[1]) + (eight[2] + eight[3])) + (
            (eight[4] + eight[5]) + (eight[6] + eight[7])
        )
    for k in range(whole, len(values)):
        total += values[k]
    return total
