"""A forecasting task: what is forecast, how far ahead, from which columns."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray

SESSIONS_PER_YEAR = 252
SMALLEST_VARIANCE = 1e-8
"""(1 bp)²: the floor of a variance, so that a session without a move keeps a logarithm."""
SMALLEST_ILLIQUIDITY = 1e-6
VARIANCE = "variance_"
"""What the names of all tasks of variances begin with."""

Offered = Collection[str] | None
"""Feature columns that the desk's data gives; None for all."""
CLOSE_LEVELS = ("realized_vol_5d", "realized_vol_22d", "realized_vol_66d")
"""Of a desk that has closes only: a single squared return says too little to be a level."""
RANGE_LEVELS = ("parkinson_1d", "parkinson_5d", "parkinson_22d")
ILLIQUIDITY_LEVELS = ("illiquidity_1d", "illiquidity_5d", "illiquidity_22d")
RECENT = ("leverage_5d", "return_1d")
TREND = ("downside_vol_22d", "variance_ratio_66d", "trend_22d", "return_volume_corr_22d")
RV_LEVELS = ("rv_1d", "rv_5d", "rv_22d")
SEMI_LEVELS = ("upside_rv_1d", "downside_rv_1d")
RQ_RATIO = "log_rq_ratio_1d"
MEASURES = (*RV_LEVELS, *SEMI_LEVELS, RQ_RATIO)
"""Of a desk that gives realised measures."""
LOG_IMPLIED = "log_implied_vol"
IMPLIED = ("implied_vol", "implied_vol_change_1d", "vol_risk_premium")


@dataclass(frozen=True)
class Task:
    """One quantity to forecast from the features known at the same row.

    Attributes
    ----------
    name : such as `variance_5d`, `illiquidity_1d`, `spike_1d`.
    kind : `level` for a positive quantity, `event` for a probability.
    horizon : sessions ahead.
    levels : three columns that measure the forecast quantity over the last 1, 5 and 22 sessions (5, 22 and
        66 where there are closes only).
    logs : further columns in the unit of the levels, of which the linear models and trees see the logarithm.
    inputs : further columns of the linear models, used as they are.
    tree_inputs : further columns of the trees only; these may be NaN.
    measures : columns of realised measures, for the models that are made of nothing else.
    spare_levels : levels of a session that lacks the realised measures; empty where `levels` are none.
    squared : the levels are annual volatilities and stand for a variance over the horizon, v² h / 252.
    floor : smallest value that a target or level can take, in units of the target.
    """

    name: str
    kind: Literal["level", "event"]
    horizon: int
    levels: tuple[str, str, str]
    logs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    tree_inputs: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    spare_levels: tuple[str, ...] = ()
    squared: bool = False
    floor: float = SMALLEST_ILLIQUIDITY

    @property
    def spare(self) -> "Task | None":
        """The same task without realised measures, for sessions that lack them; None if it has none.

        Examples
        --------
        >>> variance_task(5, measured=True).spare == variance_task(5)
        True
        """
        if not self.spare_levels:
            return None
        day, week, month = self.spare_levels
        inputs = tuple(name for name in self.inputs if name not in MEASURES)
        bare = replace(self, levels=(day, week, month), spare_levels=(), logs=(), measures=())
        return replace(bare, inputs=inputs)

    @property
    def blind(self) -> "Task":
        """The same task without implied volatility.

        Examples
        --------
        >>> variance_task(5, implied=True).blind.inputs
        ('leverage_5d', 'return_1d')
        """
        seen = {*IMPLIED, LOG_IMPLIED}
        inputs, trees = (
            tuple(n for n in names if n not in seen) for names in (self.inputs, self.tree_inputs)
        )
        return replace(self, inputs=inputs, tree_inputs=trees)

    @property
    def of_variance(self) -> bool:
        """Whether a variance is forecast, of sessions or of decisions.

        Examples
        --------
        >>> variance_task(5).of_variance, illiquidity_task().of_variance
        (True, False)
        """
        return self.name.startswith(VARIANCE)

    def with_further(self, names: tuple[str, ...]) -> "Task":
        """Return the same task whose trees see further columns; those that it has already stay once.

        Examples
        --------
        >>> spike_task().with_further(("log_volume_ratio", "news_sentiment_surprise")).tree_inputs
        ('log_volume_ratio', 'news_sentiment_surprise')
        """
        own = (*self.levels, *self.logs, *self.inputs)
        trees = tuple(dict.fromkeys((*self.tree_inputs, *(name for name in names if name not in own))))
        return replace(self, tree_inputs=trees)

    def components(self, X: pd.DataFrame) -> FloatArray:
        """Return the levels in units of the target, [T, 3]; NaN stays NaN.

        Raises
        ------
        DataError
            A level column is missing.

        Examples
        --------
        >>> week = variance_task(5)
        >>> X = pd.DataFrame({column: [0.2] for column in week.levels})
        >>> week.components(X).round(6)
        array([[0.000794, 0.000794, 0.000794]])
        """
        return self.scaled(X, self.levels)

    def scaled(self, X: pd.DataFrame, names: tuple[str, ...]) -> FloatArray:
        """Return any columns in the unit of the levels as the target counts, [T, K], raised to the floor."""
        levels = columns(self, X, names)
        if self.squared:
            levels = levels**2 * (self.horizon / SESSIONS_PER_YEAR)
        return np.maximum(levels, self.floor)

    def floored(self, y: FloatArray) -> FloatArray:
        """Return targets raised to the floor, so that they have a logarithm; NaN and events stay."""
        return np.maximum(y, self.floor) if self.kind == "level" else y


def columns(task: Task, X: pd.DataFrame, names: tuple[str, ...]) -> FloatArray:
    """Return the named columns as a C-ordered array, [T, len(names)].

    Raises
    ------
    DataError
        Naming the task and the missing columns.
    """
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise DataError(f"task {task.name}: the features lack {', '.join(missing)}")
    if not names:
        return np.empty((len(X), 0))
    return np.column_stack([X[name].to_numpy(dtype=float) for name in names])


def variance_task(
    horizon: int, offered: Offered = None, implied: bool = False, measured: bool = False
) -> Task:
    """Return the task of forecasting close-to-close variance over the next `horizon` sessions.

    The inputs were chosen walk-forward on S&P 500 rows from 2006 to 2015, before the shipped desk's test
    years, though among those of `benchmarks/real_days.py` (docs/research.md says what stands on days before
    2004). Recent losses and the last return take 2–4 % off the QLIKE that the log levels alone reach. The
    trees' own columns take 2–3 % off that at 1 and 5 sessions and change nothing that could be told from
    noise at 10 and 21 (see `pipeline.forecasts.boosted.tree_parameters`). In the calm years 2014–2015 plain
    HAR beat all logarithmic models at 10 and 21 sessions, though not significantly.

    Tried on the same rows and left out: the volatility of the last 66 sessions (.05 % off at 1 session, 1.4 %
    at 21; p .5), and losses over 1, 5 and 22 sessions in place of the week's (2 % more at 21).

    Parameters
    ----------
    horizon : sessions ahead.
    offered : feature columns that there are.
    implied : let the linear models see log implied volatility; it must be known on the training rows. On
        closes of 1993–2003 it takes the QLIKE at 21 sessions from .205 to .170.
    measured : take realised volatility as the levels, let the linear models and the trees see the logs of the
        semivariances and the precision of the day, and let the models of realised measures alone stand beside
        them; they must be known on the training rows. docs/research.md, "Inputs of the forecasts", has the
        numbers.

    Examples
    --------
    >>> variance_task(5, offered=("realized_vol_5d",)).levels[0]
    'realized_vol_5d'
    """
    trees = _among(offered, ("log_volume_ratio", "realized_vol_22d", *TREND, *IMPLIED))
    measures = _among(offered, MEASURES) if measured else ()
    usual = _volatility_levels(offered)
    return Task(
        name=f"{VARIANCE}{horizon}d",
        kind="level",
        horizon=horizon,
        levels=RV_LEVELS if measures else usual,
        logs=tuple(name for name in measures if name in SEMI_LEVELS),
        inputs=(
            *RECENT,
            *((LOG_IMPLIED,) if implied else ()),
            *((RQ_RATIO,) if RQ_RATIO in measures else ()),
        ),
        tree_inputs=trees,
        measures=measures,
        spare_levels=usual if measures else (),
        squared=True,
        floor=SMALLEST_VARIANCE,
    )


def illiquidity_task(offered: Offered = None) -> Task:
    """Return the task of forecasting the next session's illiquidity (range over relative volume)."""
    trees = _among(offered, ("log_volume_ratio", *IMPLIED))
    return Task("illiquidity_1d", "level", 1, ILLIQUIDITY_LEVELS, inputs=RECENT, tree_inputs=trees)


def spike_task(offered: Offered = None) -> Task:
    """Return the task of forecasting a volatility spike in the next session."""
    trees = _among(offered, ("log_volume_ratio",))
    return Task("spike_1d", "event", 1, _volatility_levels(offered), inputs=RECENT, tree_inputs=trees)


def gap_task(offered: Offered = None) -> Task:
    """Return the task of forecasting a liquidity gap in the next session."""
    trees = _among(offered, ("log_volume_ratio",))
    return Task("gap_1d", "event", 1, ILLIQUIDITY_LEVELS, inputs=RECENT, tree_inputs=trees)


def _volatility_levels(offered: Offered) -> tuple[str, str, str]:
    return RANGE_LEVELS if offered is None or RANGE_LEVELS[0] in offered else CLOSE_LEVELS


def _among(offered: Offered, names: tuple[str, ...]) -> tuple[str, ...]:
    return names if offered is None else tuple(name for name in names if name in offered)
