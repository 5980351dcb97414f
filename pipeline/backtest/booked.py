"""The account of a hedge: the columns of its books, and what passing time adds to them."""

import math
from typing import Final

from numba import njit

TRADING, CARRY, COST, FEE, SPREAD, FIXED_FEE, IMPACT, TURNOVER, TRADES = range(9)
BOOKS: Final = 9


@njit(nogil=True)  # type: ignore[untyped-decorator]
def passed(units: float, before: float, after: float, income: float) -> tuple[float, float, float]:
    """Return what a position gains and receives over a step, and its mark then: `before` without a price."""
    mark = before if math.isnan(after) else after
    return units * (mark - before), units * before * income, mark
