"""An order that takes what a side of the book shows, the best first: the plain twin of the kernel's walk."""

import math
from collections.abc import Mapping, Sequence

from pipeline.domain.orders import LEAST

Taken = dict[tuple[float, float], float]
"""What was taken of the levels that were hit last, by their price and the size they showed."""


def walk(
    size: float,
    prices: Sequence[float],
    sizes: Sequence[float],
    taken: Mapping[tuple[float, float], float],
    reach: int | None = None,
) -> tuple[float, float, Taken]:
    r"""Take `size` from levels; return what was filled, what that paid beyond the best, and what is taken.

    .. math:: filled = Σ q_l, \quad beyond = Σ q_l |p_l − p_0|, \quad
        q_l = min(size − Σ_{m<l} q_m, shown_l − gone_l)

    The numbers are those of `backtest.book_kernel`, bit by bit. What was taken of a level is gone for as long
    as it shows the same size at the same price, and back once that has changed. A level of which `LEAST` is
    left is empty.

    Parameters
    ----------
    size : units, positive.
    prices, sizes : [L] of one side, the best first; the side ends at the first NaN.
    taken : what the walk before it on this side left.
    reach : only so many levels are taken from; None is all.

    Examples
    --------
    >>> filled, beyond, taken = walk(3.0, [100.0, 101.0], [2.0, 2.0], {})
    >>> filled, beyond
    (3.0, 1.0)
    >>> walk(3.0, [100.0, 101.0], [2.0, 2.0], taken)[:2]
    (1.0, 1.0)
    >>> walk(3.0, [100.0, 101.0], [2.0, 2.0], {}, reach=1)[:2]
    (2.0, 0.0)
    """
    filled, beyond = 0.0, 0.0
    left: Taken = {}
    for place, (price, shown) in enumerate(zip(prices, sizes, strict=True)):
        if math.isnan(price):
            break
        gone = taken.get((price, shown), 0.0)
        take = min(size - filled, shown - gone)
        take = take if take > LEAST and (reach is None or place < reach) else 0.0
        filled += take
        beyond += take * abs(price - prices[0])
        left[price, shown] = gone + take
    return filled, beyond, left
