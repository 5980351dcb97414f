"""What is forecast within the day: variance ahead, what trading will cost, and two events."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.targets import Target
from pipeline.forecasts.task import VARIANCE, Task
from pipeline.forecasts.time_of_day import CLOCK

VARIANCES: Final = ("variance_20", "variance_60", "variance_240")
SMALLEST_VARIANCE: Final = 1e-10
LIQUIDITY: Final = ("half_spread", "depth", "crossing_cost")
"""What of liquidity is forecast: means over the next interval."""
FLOORS: Final = {"half_spread": 1e-7, "crossing_cost": 1e-7, "depth": 1e-9}
PRESSURE: Final = ("log_minutes", "log_rate")
TAPE: Final = (
    "quote_imbalance", "trade_flow_imbalance_60s", "quote_two_scale_vol", "quote_jump_share", "vpin_50",
    "kyle_lambda_60s", "trade_volume_rate_60s", "flow_impact_5s", "trade_realised_half_spread",
    "log_variance_20",
)  # fmt: skip
"""Columns of the trees, where the grid has them."""
RIVALS: Final = ("last_value", "ewma", "time_of_day", "log_linear")
"""Whom the liquidity forecaster has to beat: what was, its average, the clock, and a linear model."""


def variance_task(horizon: int, offered: tuple[str, ...]) -> Task:
    """Return the task of forecasting the variance of the next `horizon` decisions.

    Examples
    --------
    >>> variance_task(5, ("log_minutes",)).inputs
    ('log_minutes',)
    """
    trees = tuple(name for name in ("log_depth", "log_spread", *TAPE[:-1]) if name in offered)
    inputs = tuple(name for name in PRESSURE if name in offered)
    return Task(
        f"{VARIANCE}{horizon}",
        "level",
        horizon,
        VARIANCES,
        inputs=inputs,
        tree_inputs=trees,
        measures=(CLOCK,),
        floor=SMALLEST_VARIANCE,
    )


def liquidity_task(name: str, offered: tuple[str, ...]) -> Task:
    """Return the task of forecasting the mean of `name` over the next interval."""
    levels = (f"{name}_1", f"{name}_5", f"{name}_20")
    inputs = tuple(each for each in (*PRESSURE, "log_variance_20") if each in offered)
    trees = tuple(each for each in ("log_depth", "log_spread", *TAPE[:-1]) if each in offered)
    return Task(
        name, "level", 1, levels, inputs=inputs, tree_inputs=trees, measures=(CLOCK,), floor=FLOORS[name]
    )


def event_task(name: str, levels: tuple[str, str, str], offered: tuple[str, ...]) -> Task:
    """Return the task of forecasting an event of the next interval."""
    inputs = tuple(each for each in PRESSURE if each in offered)
    trees = tuple(each for each in ("log_depth", "log_spread", *TAPE) if each in offered)
    return Task(name, "event", 1, levels, inputs=inputs, tree_inputs=trees)


def variance_within(returns: "pd.Series[float]", day: "pd.Series[str]", horizon: int) -> Target:
    """Return the sum of the squared returns of the next `horizon` decisions of the same day; else NaN.

    Examples
    --------
    >>> moves, days = pd.Series([np.nan, 0.1, 0.2, np.nan, 0.3]), pd.Series(["a", "a", "a", "b", "b"])
    >>> variance_within(moves, days, 1).outcome.round(2)
    array([0.01, 0.04,  nan, 0.09,  nan])
    """
    squares = (returns**2).to_numpy(float)
    total = np.full(len(squares), np.nan)
    if len(squares) > horizon:
        sums = np.lib.stride_tricks.sliding_window_view(squares[1:], horizon).sum(axis=1)
        same = day.to_numpy()[horizon:] == day.to_numpy()[:-horizon]
        total[:-horizon] = np.where(same, sums, np.nan)
    return Target(total, horizon)


def next_within(level: "pd.Series[float]", day: "pd.Series[str]") -> Target:
    """Return the level of the next decision of the same day: what the interval until then will have been."""
    following = level.shift(-1).where(day.shift(-1) == day)
    return Target(following.to_numpy(float), 1)


def above(target: Target, threshold: float) -> Target:
    """Return 1 where a target exceeds `threshold`, else 0; NaN where it is not known."""
    exceeds: FloatArray = (target.outcome > threshold).astype(float)
    return Target(np.where(np.isnan(target.outcome), np.nan, exceeds), target.offset)
