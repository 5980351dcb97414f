"""What a trained network may see beside the option: forecasts, regimes, cost now, events."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numba.extending import register_jitable

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.domain.naming import hint
from pipeline.domain.option_state import PlainState
from pipeline.policies import exposure

Column = Callable[[MarketState], FloatArray]

COLUMNS: Final[Mapping[str, Column]] = {
    "forecast_over_mark": lambda state: np.log(state.forecast_vol / state.implied_vol),
    "forecast_range": lambda state: (state.forecast_vol_upper - state.forecast_vol_lower) / state.implied_vol,
    "regime_over_mark": lambda state: np.log(state.regime_vol / state.implied_vol),
    "calmest_prob": lambda state: state.regime_prob[..., 0],
    "wildest_prob": lambda state: state.regime_prob[..., -1],
    "cost_over_known": lambda state: np.log(state.cost / max(state.desk_cost, 1e-9)),
    "cost_range": lambda state: (state.cost_upper - state.cost_lower) / max(state.desk_cost, 1e-9),
    "spike_excess": lambda state: state.spike_prob - state.spike_base,
    "gap_excess": lambda state: state.gap_prob - state.gap_base,
    "log_impact": lambda state: np.log(np.maximum(state.impact * np.sqrt(exposure.held(state)), 1e-9)),
}
"""By name what is computed of a state, numbers without a unit.

log σ_f/σ, (σ_upper − σ_lower)/σ and log σ_regime/σ with the mark σ; the filtered probabilities of the calmest
and of the wildest regime; log c_t/c and (c_upper − c_lower)/c with the desk's constant cost c; by how much
the chance of a volatility spike and of a liquidity gap is above the usual; the logarithm of how far trading
what one option is on moves the price (in a net book one of each option), a billionth where nothing does. None
has a side: what is learned of them cannot lean with the market.
"""


@register_jitable  # type: ignore[untyped-decorator]
def columns_of_one(state: PlainState) -> tuple[float, ...]:
    """Return all `COLUMNS` of one option, which trades too little to move its price, for compiled code."""
    option, cost = state.option, max(state.desk_cost, 1e-9)
    return (
        math.log(option.forecast_vol / option.implied_vol),
        (option.forecast_vol_upper - option.forecast_vol_lower) / option.implied_vol,
        math.log(option.regime_vol / option.implied_vol),
        state.regime_prob[0],
        state.regime_prob[-1],
        math.log(option.cost / cost),
        (option.cost_upper - option.cost_lower) / cost,
        state.spike_excess,
        state.gap_excess,
        math.log(1e-9),
    )


def engineered(state: MarketState, names: Sequence[str], policy: str) -> FloatArray:
    """Return columns of a state, [N, T, M]; in a net book what belongs to an option is the options' average.

    Raises
    ------
    PolicyError
        The state does not know a column: a simulated market has no forecasts.

    Examples
    --------
    >>> check_columns(("spike_excess", "gap_exces"))
    Traceback (most recent call last):
    pipeline.domain.errors.PolicyError: a network sees gap_exces, no such column; did you mean gap_excess?
    """
    columns = (exposure.typical(state, np.asarray(COLUMNS[name](state))) for name in names)
    found = np.stack([np.broadcast_to(column, state.shape) for column in columns], axis=-1)
    if not np.isfinite(found).all():
        row, time, column = np.argwhere(~np.isfinite(found))[0]
        raise PolicyError(
            f"policy {policy}: {names[column]} is not known in episode {row} at decision time {time}: it was "
            "trained on stored days and is asked with their signals only"
        )
    return found


def check_columns(names: Sequence[str]) -> None:
    """Refuse names that are no columns.

    Raises
    ------
    PolicyError
        Naming the nearest one that is.
    """
    for name in names:
        if name not in COLUMNS:
            raise PolicyError(f"a network sees {name}, no such column; {hint(name, COLUMNS)}")
