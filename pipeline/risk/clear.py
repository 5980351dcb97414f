"""Whether an order breaks no rule at all, compiled: what the overlay asks first, for it is mostly so."""

import functools
import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.risk import rules
from pipeline.risk.rules import OF_ORDERS, OF_STATE, tradable

ORDER: Final = (*OF_STATE, *OF_ORDERS)
"""Of the limits that `is_clear` takes."""

for _rule in (rules.within, rules.reducing, tradable, *OF_ORDERS.values()):
    register_jitable(_rule)  # compiled from the one text that the overlay goes by


class Numbers(NamedTuple):
    """What the rules read of a `Situation`, for compiled code."""

    bid: float
    ask: float
    age: float
    reference: float
    delta: float
    orders: float
    turnover: float
    loss: float
    drawdown: float
    outside: float
    interval_ratio: float
    exposure: float
    mid: float


def limits(given: dict[str, float]) -> FloatArray:
    """Return limits in the order of the rules, NaN for a rule that there is none of."""
    return np.array([given.get(name, np.nan) for name in ORDER])


@functools.cache
def ready() -> None:
    """Have `is_clear` compiled, for numbers that need not be floats."""
    is_clear(limits({}), *(14 * [0.0]))
    is_clear.disable_compile()


@kept(nogil=True, error_model="numpy")
def is_clear(
    limit: FloatArray,
    units: float,
    position: float,
    working: float,
    bid: float,
    ask: float,
    age: float,
    reference: float,
    delta: float,
    orders: float,
    turnover: float,
    loss: float,
    drawdown: float,
    outside: float,
    interval_ratio: float,
) -> bool:
    """Tell whether `Overlay.judge` leaves an order as it is and finds nothing to say.

    Parameters
    ----------
    limit : of `limits`; there is no soft one, and nothing is restricted.
    """
    known = position + working + delta + turnover + loss + drawdown
    if not math.isfinite(known + units):
        return False
    mid, exposure = 0.5 * (bid + ask), position + working
    market = (bid, ask, age, reference, delta, orders, turnover)
    seen: Any = Numbers(*market, loss, drawdown, outside, interval_ratio, exposure, mid)
    return _state(limit, seen) and (units == 0.0 or (tradable(seen) and _orders(limit, units, seen)))


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _state(limit: FloatArray, seen: Any) -> bool:
    return bool(
        (math.isnan(limit[0]) or seen.loss <= limit[0])
        and (math.isnan(limit[1]) or seen.drawdown <= limit[1])
        and (math.isnan(limit[2]) or seen.outside <= limit[2])
        and (math.isnan(limit[3]) or seen.interval_ratio <= limit[3])
    )


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _orders(limit: FloatArray, units: float, seen: Any) -> bool:
    return bool(
        (math.isnan(limit[4]) or rules.stale_seconds(units, seen, limit[4]) == units)
        and (math.isnan(limit[5]) or rules.price_collar(units, seen, limit[5]) == units)
        and (math.isnan(limit[6]) or rules.position(units, seen, limit[6]) == units)
        and (math.isnan(limit[7]) or rules.notional(units, seen, limit[7]) == units)
        and (math.isnan(limit[8]) or rules.short(units, seen, limit[8]) == units)
        and (math.isnan(limit[9]) or rules.order_size(units, seen, limit[9]) == units)
        and (math.isnan(limit[10]) or rules.delta_distance(units, seen, limit[10]) == units)
        and (math.isnan(limit[11]) or rules.orders_a_minute(units, seen, limit[11]) == units)
        and (math.isnan(limit[12]) or rules.turnover_a_day(units, seen, limit[12]) == units)
    )
