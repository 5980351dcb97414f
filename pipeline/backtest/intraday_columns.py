"""How forecasts within the day become columns of the signals: for the walk and for what follows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.backtest.forecast_columns import variance_columns
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.features.decision_day import FUNDING
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.intraday_tasks import LIQUIDITY
from pipeline.forecasts.term_structure import interpolate_variance

KEPT = ("time", "day", "minutes", "step_seconds", "mid", *LIQUIDITY, "sound", "log_rate", "log_variance_20")
"""Columns of the grid that stay with the signals."""


@dataclass(frozen=True)
class VarianceForecast:
    """Of one horizon: the chosen forecast with its interval, and the one that marks the option."""

    chosen: "pd.Series[float]"
    interval: Interval
    mark: FloatArray


@dataclass(frozen=True)
class EventForecast:
    """Probability of an event, and its frequency in the training rows."""

    prob: FloatArray
    base: FloatArray


def intraday_columns(
    desk: IntradayDesk,
    rows: pd.DataFrame,
    variances: Sequence[VarianceForecast],
    liquidity: Mapping[str, "pd.Series[float]"],
    cost: Interval,
    events: Mapping[str, EventForecast | None],
) -> pd.DataFrame:
    """Return what of the signals is no regime, one row for each of the forecasts' rows.

    Parameters
    ----------
    desk : settings.
    rows : the decision grid.
    variances : one a horizon of the desk.
    liquidity : forecasts by name, `crossing_cost` among them, whose interval is `cost`.
    events : by name; None where the event is not forecast, and both numbers are 0.
    """
    horizons, reach = desk.forecasts.horizons, desk.option.steps
    chosen, edges = [each.chosen for each in variances], [each.interval for each in variances]
    table = variance_columns(horizons, chosen, edges, reach)
    curve = interpolate_variance(horizons, np.stack([each.mark for each in variances], axis=1), reach)
    names = [f"mark_variance_{m}" for m in range(1, reach + 1)]
    table = table.join(pd.DataFrame(curve, columns=names, index=table.index))
    added: dict[str, FloatArray | pd.Series[float]] = {
        "cost_forecast": liquidity["crossing_cost"],
        "cost_lower": cost.lower,
        "cost_upper": cost.upper,
        **{f"{name}_forecast": each for name, each in liquidity.items() if name != "crossing_cost"},
    }
    for name, event in events.items():
        nothing = np.zeros(len(table))
        added[f"{name}_prob"] = nothing if event is None else event.prob
        added[f"{name}_base"] = nothing if event is None else event.base
    kept = [name for name in (*KEPT, FUNDING) if name in rows]
    return rows.loc[table.index, kept].join(table.assign(**added))
