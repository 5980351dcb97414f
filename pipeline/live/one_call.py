"""A decision on plain numbers, compiled with the policy's band in it: one call instead of a dozen."""

import functools
import math
from types import FunctionType
from typing import Any, Final

import numpy as np
from numba.extending import register_jitable

from pipeline.backtest.option_state import option_numbers
from pipeline.backtest.wanted import wanted
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.option_state import PlainState
from pipeline.domain.orders import LEAST
from pipeline.live.option_account import marked
from pipeline.risk.clear import is_clear

_LAID_OUT = np.ones((10, 4))[::2, ::2]
_TOLD = (1.0, 1.0, _LAID_OUT, *(10 * [1.0]), _LAID_OUT[0])
ANY: Final = (*_TOLD, *(9 * [1.0]), 1, 1.0, 1, 1.0, 2, True)
"""Arguments of a decision, to compile it with: arrays of any layout."""


@functools.cache
def one_call(band: Any) -> Any:
    """Return the compiled call with a policy's compiled band in it, see `CompiledAnswer`; of each one."""
    name = f"_look.{band.__module__}.{band.__name__}"  # of the file in which it is kept
    look = FunctionType(_look.__code__, {**globals(), "band": band}, name)
    look.__qualname__ = name
    return kept(nogil=True)(look)


@register_jitable  # type: ignore[untyped-decorator]
def ratio(low: float, high: float) -> float:
    """Return the upper over the lower end of an interval, infinite where the lower is zero."""
    return high / low if low else math.inf


band: Any = None
"""What the call asks for a band: `one_call` gives it a policy's own under this name."""
OUT: Final = 19
"""Numbers that `_look` writes: five of `Worth`, 14 of the option."""


def _look(
    mid: float,
    step_seconds: float,
    curves: FloatArray,
    cost: float,
    cost_lower: float,
    cost_upper: float,
    half_spread: float,
    depth: float,
    spike_prob: float,
    spike_base: float,
    gap_prob: float,
    gap_base: float,
    outside: float,
    prob: FloatArray,
    bid: float,
    ask: float,
    age: float,
    position: float,
    expected: float,
    then: float,
    cash: float,
    traded: float,
    carry: float,
    orders: int,
    reference: float,
    today: int,
    at: float,
    left: int,
    fresh: bool,
    own: FloatArray,
    terms: FloatArray,
    account: FloatArray,
    limit: FloatArray,
    out: FloatArray,
    given: tuple[np.ndarray, ...],
) -> tuple[int, float, bool, bool, float, float, float, float]:
    """Return what a decision wants of the option that is open at it.

    That is the decisions until it ends, 0 for none, and the mid at which it was dealt; whether it is marked
    and whether the order is clear; its band, the order, and what offsets its delta.

    Arguments begin with those of `DecisionSignals`, `Quote` and `Held`, in their order. `terms` are of
    `Look.adopt`, `own` and `account` of `OptionAccount`, `given` of the band.
    """
    size, lot, life, aversion, desk_cost = terms[:5]
    known = not math.isnan(mid + cost + curves[0, 0] + curves[3, 0] + prob[0])
    if left > 1:
        left -= 1
    else:
        left, at = (int(life), mid) if known and today >= life else (0, 0.0)
    known = known and left > 0
    value, delta, width = 0.0, 0.0, 1.0
    if known:
        option = option_numbers(curves, left, at, mid, step_seconds, cost, cost_lower, cost_upper, terms[5:])
        value, delta = option.value, -size * option.delta
        width = ratio(option.forecast_vol_lower, option.forecast_vol_upper)
        events = (spike_prob - spike_base, gap_prob - gap_base)
        state = PlainState(option, terms[8], prob, desk_cost, aversion, *events)
        lower, upper = band(state, *given)
        for k in range(len(option)):
            out[5 + k] = option[k]
    else:
        upper = math.inf if left else 0.0
        lower = -upper
    here = expected / size
    target = wanted(here, lower, upper, lower, upper, 1.0, lot)
    asked = size * (target - here) if abs(target - here) > LEAST else 0.0
    hedge = cash + then * mid + carry
    worth = marked(own, account, fresh, mid, left, at, known, value, hedge, traded)
    turnover, loss, drawdown, _, _ = worth
    market = (bid, ask, age, reference, delta, orders)
    clear = is_clear(
        limit, asked, position, expected - position, *market, turnover, loss, drawdown, outside, width
    )
    for k in range(5):
        out[k] = worth[k]
    return left, at, known, clear, lower, upper, asked, delta
