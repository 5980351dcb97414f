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

OWN, WORTH, OPTION, OPEN = 9, 20, 25, 39
"""Of a decision's numbers: where those of `OptionAccount`, `Worth`, the option and the following begin, after
those of `grounds`."""
LEFT, DEALT, KNOWN, REFERENCE, MID, SIZE = range(OPEN, OPEN + 6)
"""Decisions until the open option ends, 0 for none, the mid at which it was dealt, whether it is marked, the
mids of the decision before and of this one; and how many numbers there are."""
_LAID_OUT = np.ones((10, 4))[::2, ::2]
_TOLD = (1.0, 1.0, _LAID_OUT, *(10 * [1.0]), _LAID_OUT[0])
ANY: Final = (*_TOLD, *(9 * [1.0]), 1, 1, 1)
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
    at: int,
    today: int,
    numbers: FloatArray,
    terms: FloatArray,
    given: tuple[np.ndarray, ...],
) -> tuple[float, bool]:
    """Return the order that a decision wants, units, NaN where there is no band; and whether it is clear.

    What is seen of it, and the numbers of its grounds with the order as what is sent, are left in `numbers`.
    Arguments begin with those of `DecisionSignals`, `Quote` and `Held`, in their order. `numbers` are those
    of the decision before, `terms` are of `Look.adopt` and `given` of the band.
    """
    size, lot, life, plain, aversion, desk_cost = terms[:6]
    account, limit, option_terms = terms[6:10], terms[10:23], terms[23:]
    known = not math.isnan(mid + cost + curves[0, 0] + curves[3, 0] + prob[0])
    left, dealt, reference = int(numbers[LEFT]), numbers[DEALT], numbers[MID]
    if left > 1:
        left -= 1
    else:
        left, dealt = (int(life), mid) if known and today >= life else (0, 0.0)
    known = known and left > 0
    value, delta, width = 0.0, 0.0, 1.0
    if known:
        option = option_numbers(
            curves, left, dealt, mid, step_seconds, cost, cost_lower, cost_upper, option_terms
        )
        value, delta = option.value, -size * option.delta
        width = ratio(option.forecast_vol_lower, option.forecast_vol_upper)
        events = (spike_prob - spike_base, gap_prob - gap_base)
        state = PlainState(option, option_terms[3], prob, desk_cost, aversion, *events)
        lower, upper = band(state, *given)
        for k in range(len(option)):
            numbers[OPTION + k] = option[k]
    else:
        upper = math.inf if left else 0.0
        lower = -upper
    here = expected / size
    target = wanted(here, lower, upper, lower, upper, 1.0, lot)
    asked = size * (target - here) if abs(target - here) > LEAST else 0.0
    hedge = cash + then * mid + carry
    worth = marked(numbers[OWN:WORTH], account, mid, left, dealt, known, value, hedge, traded)
    turnover, loss, drawdown, _, _ = worth
    market = (bid, ask, age, reference, delta, orders)
    clear = plain > 0.0 and is_clear(
        limit, asked, position, expected - position, *market, turnover, loss, drawdown, outside, width
    )
    for k in range(5):
        numbers[WORTH + k] = worth[k]
    numbers[LEFT], numbers[DEALT], numbers[KNOWN] = left, dealt, known
    numbers[REFERENCE], numbers[MID] = reference, mid
    if known and not lower <= upper:
        return math.nan, False
    numbers[:1].view(np.int64)[0] = at
    told = (size * lower, size * upper, asked, asked, position, bid, ask, delta)
    for k in range(8):
        numbers[1 + k] = told[k]
    return asked, clear
