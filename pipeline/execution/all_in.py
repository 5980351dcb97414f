"""What an order costs at a venue with everything, and how two venues share one."""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Final, NamedTuple

from pipeline.domain.orders import LEAST, settled
from pipeline.execution.walk import walk

DIGITS: Final = 12
"""Decimals of units in which two ways of filling an order are held against each other."""


class Offer(NamedTuple):
    """What one venue shows to one side, and its terms.

    Attributes
    ----------
    prices, sizes : the best first, units of the hedge; the side ends at the first NaN.
    mid : of its book.
    fee, fixed_fee : a fraction of the value at the mid, and money an order.
    crossing : what an order without a limit pays beside the mid, times what the book shows.
    """

    prices: Sequence[float]
    sizes: Sequence[float]
    mid: float
    fee: float = 0.0
    fixed_fee: float = 0.0
    crossing: float = 1.0

    def unit(self, price: float, side: float) -> float:
        """Return what a unit at a level costs, money; of one that is sold negative, what it brings."""
        return side * (self.mid + self.crossing * (price - self.mid)) + self.fee * self.mid


class AllIn(NamedTuple):
    """Units that are filled, without a sign, and the money that leaves the desk, negative if it comes."""

    filled: float
    money: float


def all_in_cost(units: float, offer: Offer, limit: float | None = None) -> AllIn:
    r"""Return what an order costs where it meets an offer.

    .. math:: money = ±Σ q_l (m + c (p_l − m)) + f m Σ q_l + F

    with + for what is bought, m the mid, c the crossing, f the fee and F the fixed fee. What is not filled
    costs nothing; of an order with a limit all is filled: what is shown up to it at what is shown, and the
    rest at the limit.

    Parameters
    ----------
    units : signed; negative sells.
    limit : worst price, money; None takes what is shown.

    Examples
    --------
    >>> offer = Offer(prices=[100.0, 101.0], sizes=[2.0, 2.0], mid=99.5, fee=0.01, fixed_fee=0.5)
    >>> all_in_cost(3.0, offer)
    AllIn(filled=3.0, money=304.485)
    >>> all_in_cost(3.0, offer, limit=100.0)
    AllIn(filled=3.0, money=303.485)
    """
    side = math.copysign(1.0, units)
    size = abs(units)
    reach = None if limit is None else sum(side * (limit - price) >= 0.0 for price in offer.prices)
    filled, beyond, _ = walk(size, offer.prices, offer.sizes, {}, reach)
    money = side * (filled * offer.prices[0] + side * beyond)
    if limit is None:
        money += (offer.crossing - 1.0) * (money - side * filled * offer.mid)
    else:
        money, filled = money + side * (size - filled) * limit, size
    return AllIn(filled, money + offer.fee * filled * offer.mid + offer.fixed_fee if filled else 0.0)


def shared(units: float, one: Offer, two: Offer, lot: float = 0.0) -> tuple[float, float]:
    """Return the signed units for each of two venues: those that fill most, and of these the cheapest.

    Without fixed fees the cheapest levels of both, taken one after the other, are the best; with them it may
    be better to go to one alone. In lots the best is next to it, for the cost is convex where both are used.
    On a tie all goes to the first. The parts of an order in whole lots are the numbers nearest to theirs.

    Parameters
    ----------
    units : signed; negative sells.
    lot : of which the first part is a multiple, and the second too where the order is; 0 is any.

    Examples
    --------
    >>> near, far = Offer([100.0, 104.0], [2.0, 9.0], mid=99.0), Offer([101.0], [9.0], mid=100.0)
    >>> shared(5.0, near, far), shared(1.0, near, far)
    ((2.0, 3.0), (1.0, 0.0))
    >>> shared(5.0, near, far._replace(fixed_fee=20.0))
    (5.0, 0.0)
    """
    size = abs(units)
    ways = [size, 0.0, *_mixed(units, one, two, lot)]
    best = min(ways, key=lambda part: _of_both(math.copysign(part, units), units, one, two))
    return math.copysign(best, units), math.copysign(_in_lots(size - best, lot), units)


def _of_both(part: float, units: float, one: Offer, two: Offer) -> tuple[float, float]:
    """Return what stays unfilled and the money for the rest, where `part` goes to the first."""
    told = [all_in_cost(each, offer) for each, offer in ((part, one), (units - part, two)) if each]
    short = settled(abs(units) - sum(each.filled for each in told), units)
    return round(short, DIGITS), sum(each.money for each in told)


def _mixed(units: float, one: Offer, two: Offer, lot: float) -> Iterator[float]:
    """Yield the part of the first where both are used, without a sign."""
    size, side = abs(units), math.copysign(1.0, units)
    left, part = size, 0.0
    for _, own, shown in sorted([*_levels(one, 0, side), *_levels(two, 1, side)]):
        taken = min(left, shown)
        left -= taken
        part += 0.0 if own else taken
    ways = (part,) if not lot else (math.floor(part / lot) * lot, math.ceil(part / lot) * lot)
    yield from (_in_lots(way, lot) for way in ways if LEAST < way < size - LEAST)


def _in_lots(units: float, lot: float) -> float:
    """Return the number nearest to as many whole lots as `units` are but for rounding; else `units`.

    Examples
    --------
    >>> _in_lots(1.6 - 0.4, 0.4), _in_lots(1.3, 0.4)
    (1.2, 1.3)
    """
    whole = float(round(units / lot) * Decimal(str(lot))) if lot else units
    return units if settled(units - whole, units) else whole


def _levels(offer: Offer, own: int, side: float) -> list[tuple[float, int, float]]:
    shown = zip(offer.prices, offer.sizes, strict=True)
    there = takewhile(lambda level: not math.isnan(level[0]), shown)
    return [(offer.unit(price, side), own, size) for price, size in there]
