"""The rules of the overlay: each tells what part of an order it allows.

A rule about orders never forbids what brings the position nearer to where it may be. A rule about the desk's
state is broken whether anything is asked or not, and allows then what makes the position smaller. None of
them knows what is done when it is broken: that is its setting.
"""

import math
from collections.abc import Callable
from typing import Final

from pipeline.risk.situation import Situation

Allowed = Callable[[float, Situation, float], float]
"""Units asked for, the situation and the limit to the units allowed, between none and those asked."""
Measured = Callable[[Situation], float]
"""What a rule about the desk's state holds against its limit."""


def within(units: float, held: float, lowest: float, highest: float) -> float:
    """Return the part of an order that keeps what is held between two numbers, or brings it nearer to them.

    Examples
    --------
    >>> within(3.0, held=4.0, lowest=-5.0, highest=5.0)
    1.0
    >>> within(-3.0, held=9.0, lowest=-5.0, highest=5.0)
    -3.0
    """
    if units > 0.0:
        return min(units, max(highest - held, 0.0))
    return max(units, min(lowest - held, 0.0))


def reducing(units: float, held: float) -> float:
    """Return the part of an order that makes a position smaller and does not turn it.

    Examples
    --------
    >>> reducing(-3.0, held=2.0), reducing(3.0, held=2.0)
    (-2.0, 0.0)
    """
    return within(units, held, min(held, 0.0), max(held, 0.0))


def position(units: float, seen: Situation, limit: float) -> float:
    """Allow a position of at most so many units."""
    return within(units, seen.exposure, -limit, limit)


def notional(units: float, seen: Situation, limit: float) -> float:
    """Allow a position that is worth at most so much at the mid."""
    return within(units, seen.exposure, -limit / seen.mid, limit / seen.mid)


def short(units: float, seen: Situation, limit: float) -> float:
    """Allow at most so many units sold short."""
    return within(units, seen.exposure, -limit, math.inf)


def order_size(units: float, _: Situation, limit: float) -> float:
    """Allow orders of at most so many units."""
    return max(-limit, min(units, limit))


def delta_distance(units: float, seen: Situation, limit: float) -> float:
    """Allow positions at most so many units away from the delta of the book."""
    return within(units, seen.exposure, seen.delta - limit, seen.delta + limit)


def price_collar(units: float, seen: Situation, limit: float) -> float:
    """Allow nothing at a price that lies further from the mid of the decision before; the first has none."""
    price = seen.ask if units > 0.0 else seen.bid
    return 0.0 if abs(price - seen.reference) > limit * seen.reference else units


def stale_seconds(units: float, seen: Situation, limit: float) -> float:
    """Allow nothing in a market that is too old."""
    return units if seen.age <= limit else 0.0


def orders_a_minute(units: float, seen: Situation, limit: float) -> float:
    """Allow nothing beyond so many orders a minute."""
    return units if seen.orders < limit else 0.0


def turnover_a_day(units: float, seen: Situation, limit: float) -> float:
    """Allow what makes the position smaller once so much has been traded, and no more than is left before."""
    left = max(limit - seen.turnover, 0.0) / seen.mid
    return within(units, 0.0, -left, left) if left > 0.0 else reducing(units, seen.exposure)


OF_ORDERS: Final[dict[str, Allowed]] = {
    rule.__name__: rule
    for rule in (
        stale_seconds,
        price_collar,
        position,
        notional,
        short,
        order_size,
        delta_distance,
        orders_a_minute,
        turnover_a_day,
    )
}
"""Rules that cut what is asked, in the order in which they do."""

OF_STATE: Final[dict[str, Measured]] = {
    "loss_a_day": lambda seen: seen.loss,
    "drawdown": lambda seen: seen.drawdown,
    "outside_training": lambda seen: seen.outside,
    "interval_ratio": lambda seen: seen.interval_ratio,
}
"""What must not exceed its limit."""


def tradable(seen: Situation) -> bool:
    """Tell whether there is a market at all: both sides, and the bid below the ask."""
    return 0.0 < seen.bid < seen.ask < math.inf


def crosses(units: float, seen: Situation) -> bool:
    """Tell whether an order would meet one of the desk's own."""
    if not seen.resting:
        return False
    if units > 0.0:
        return any(size < 0.0 and price <= seen.ask for price, size in seen.resting)
    return any(size > 0.0 and price >= seen.bid for price, size in seen.resting)
