"""Walk-forward forecasts: every forecaster of every task, refitted at every window on what was known."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.forecast_columns import NO_LIQUIDITY, illiquidity_columns, variance_columns
from pipeline.backtest.forecast_walk import (
    Intervals,
    Walk,
    important,
    reliable,
    scored,
    walk_blind,
    walk_forward,
)
from pipeline.backtest.forecast_window import NO_FURTHER, NO_IMPLIED, fit_processes
from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk, ForecastSettings
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts import targets
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.garch import RETURNS
from pipeline.forecasts.harness import training_rows
from pipeline.forecasts.targets import Target
from pipeline.forecasts.task import MEASURES, Task, gap_task, illiquidity_task, spike_task, variance_task
from pipeline.ingest.pieces import Pieces, anew

IMPLIED_FROM = 0.9
"""Share of the rows before the first window that must know the implied volatility for it to be an input, and
the realised measures for their models to be fitted."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearnedForecasts:
    """Out-of-sample forecasts: one row a session from the first window on, scores, and the last fits.

    `importance` has one row a target and input of the chosen model: how far the input moves the log of the
    forecast (the log-odds of an event) in a tested session on average, through the linear start (`linear`)
    and through the trees (`trees`). `reliability` has one row an event, model and group of probabilities.

    `signals` holds `forecast_variance_m` and the edges of its adaptive interval `lower_variance_m` and
    `upper_variance_m`, `illiquidity_forecast`, its edges `lower_illiquidity` and `upper_illiquidity`,
    `illiquidity_next` (what came), the probabilities `spike_prob`, `gap_prob` and their training base rates.
    """

    signals: pd.DataFrame
    scores: pd.DataFrame
    events: pd.DataFrame
    reliability: pd.DataFrame
    intervals: tuple[Intervals, ...]
    importance: pd.DataFrame
    last: dict[str, Continuation]


def learn_forecasts(
    desk: Desk,
    features: pd.DataFrame,
    close: "pd.Series[float]",
    windows: Sequence[Window],
    pieces: Pieces = anew,
) -> LearnedForecasts:
    """Fit every forecaster before each window and forecast through it.

    A fit learns from rows whose target was complete before the window, less the embargo; GARCH and GJR need
    no target, so one fit to the returns known by then serves every horizon. Illiquidity is
    relative to its median over the training rows, so 1 is a median session. Where the data has no range or
    no volume, illiquidity is 1 in every session and no liquidity gap is forecast. Implied volatility is an
    input of the linear variance forecasts where the rows before the first window know it, and of the trees of
    every level; what sees it stands in the scores without it too, as `lightgbm_no_implied` and
    `log_linear_no_implied`. The trees also see the desk's `forecasts.further`; without them they stand in
    the scores of every level as `lightgbm_no_further`. Where the rows before the first window know the
    desk's realised measures, these are the levels of the variance forecasts, and the models of nothing else
    (SHAR, HARQ, log-SHARQ) stand beside the others.
    """
    settings, reach = desk.forecasts, desk.forecasts.horizons[-1]
    offered = tuple(features.columns)
    implied = features["implied_vol"].iloc[: windows[0].start].notna().mean() > IMPLIED_FROM
    measured = _are_measured(features, windows)
    processes = _fitted_processes(desk, features, windows, pieces)

    seen = features["implied_vol"].iloc[: windows[-1].start].notna().any()

    def walk(plain: Task, target: Callable[[Window], Target]) -> Walk:
        task = plain.with_further(settings.further)
        found = walk_forward(
            desk, features, windows, task, target, pieces, processes if task.squared else None
        )
        blind = {NO_IMPLIED: task.blind} if seen and task.blind != task else {}
        if task != plain and task.kind == "level":
            blind[NO_FURTHER] = plain
        for ending, spared in blind.items():
            less = walk_blind(desk, features, windows, task, spared, ending, target, pieces)
            found = replace(found, predictions=found.predictions.join(less))
        return found

    def variance_walk(horizon: int) -> Walk:
        ahead = targets.variance_ahead(close, horizon)
        return walk(variance_task(horizon, offered, implied, measured), lambda _: ahead)

    range_vol = features["parkinson_1d" if "parkinson_1d" in features else "realized_vol_1d"]
    variance = {h: variance_walk(h) for h in settings.horizons}
    spike = walk(spike_task(offered), lambda _: targets.spike_ahead(range_vol, settings.spike_multiple))
    liquidity = _learn_liquidity(settings, features, windows, walk)

    intervals = [each.intervals("variance") for each in variance.values()]
    adaptive = [each.adaptive for each in intervals]
    chosen = [each.chosen for each in variance.values()]
    signals = variance_columns(settings.horizons, chosen, adaptive, reach).assign(
        **liquidity.columns, spike_prob=spike.chosen, spike_base=spike.predictions[Climatology.name]
    )
    tested = np.concatenate([np.full(w.stop - w.start, w.tested) for w in windows])
    levels = [("variance", h, each) for h, each in variance.items()]
    levels += [("illiquidity", 1, each) for each in liquidity.level]
    events = [("spike", spike)] + [("gap", each) for each in liquidity.gap]
    explained = [*levels, *((name, 1, each) for name, each in events)]
    walks = (*variance.values(), *liquidity.level, spike, *liquidity.gap)
    sessions = pd.DatetimeIndex(features["session"])
    units = {each.task.name: liquidity.unit for each in liquidity.level}
    return LearnedForecasts(
        signals,
        pd.concat([scored(each, tested, target=name, horizon=h) for name, h, each in levels]),
        pd.concat([scored(each, tested, event=name) for name, each in events]),
        pd.concat([reliable(each, tested, name) for name, each in events], ignore_index=True),
        (*intervals, *(each.intervals("illiquidity") for each in liquidity.level)),
        pd.concat([important(each, tested, target=name, horizon=h) for name, h, each in explained]),
        {
            each.task.name: each.continuation(sessions, windows, units.get(each.task.name, 1.0))
            for each in walks
        },
    )


@dataclass(frozen=True)
class _Liquidity:
    """Columns of the signals, and the walks that made them: one each, none where nothing can be learned.

    `unit` is the median illiquidity of the training rows of the last window.
    """

    columns: dict[str, FloatArray]
    level: tuple[Walk, ...]
    gap: tuple[Walk, ...]
    unit: float = 1.0


def _learn_liquidity(
    settings: ForecastSettings,
    features: pd.DataFrame,
    windows: Sequence[Window],
    walk: Callable[[Task, Callable[[Window], Target]], Walk],
) -> _Liquidity:
    rows = windows[-1].stop - windows[0].start
    if "illiquidity_1d" not in features:
        log.info("liquidity: the data has no range or no volume, so trading costs are the desk's constants")
        return _Liquidity({name: np.full(rows, value) for name, value in NO_LIQUIDITY.items()}, (), ())
    illiquidity, offered = features["illiquidity_1d"], tuple(features.columns)

    def gap(window: Window) -> Target:
        threshold = float(illiquidity.iloc[: window.start].quantile(settings.gap_quantile))
        return targets.gap_ahead(illiquidity, threshold)

    level = walk(illiquidity_task(offered), lambda _: targets.level_ahead(illiquidity))
    gaps = walk(gap_task(offered), gap)
    median = np.concatenate(
        [np.full(w.stop - w.start, illiquidity.iloc[: w.start].median()) for w in windows]
    )
    edges = level.intervals("illiquidity").adaptive
    columns = {
        **illiquidity_columns(level.chosen, edges, level.actual, median),
        "gap_prob": np.asarray(gaps.chosen, dtype=np.float64),
        "gap_base": gaps.predictions[Climatology.name].to_numpy(dtype=float),
    }
    return _Liquidity(columns, (level,), (gaps,), float(median[-1]))


def _are_measured(features: pd.DataFrame, windows: Sequence[Window]) -> bool:
    """Return whether the rows before the first window know the desk's realised measures, if it has any.

    Raises
    ------
    DataError
        They do, and no session of the tested windows does: no forecast that reads them could be scored.
    """
    names = [name for name in MEASURES if name in features]
    if not names:
        return False
    known = features[names].notna().all(axis=1)
    learned = bool(known.iloc[: windows[0].start].mean() > IMPLIED_FROM)
    if learned and not any(known.iloc[each.start : each.stop].any() for each in windows if each.tested):
        raise DataError(
            f"data.realized: no session of the test period has all measures, the last that does is "
            f"{features['session'][known[known].index[-1]].date()}: end windows.test_end there, give a file "
            "that goes on, or leave out data.realized"
        )
    return learned


def _fitted_processes(
    desk: Desk, features: pd.DataFrame, windows: Sequence[Window], pieces: Pieces
) -> list[bytes]:
    """Return GARCH and GJR of each window, fitted once: they need no target, so no horizon moves a row."""
    returns, embargo = features[RETURNS].to_numpy(dtype=float), desk.windows.embargo_sessions
    fits = (
        pieces(
            "fit_processes",
            fit_processes,
            returns=returns[training_rows(np.arange(len(returns)), w.start, embargo)],
        )
        for w in windows
    )
    return [each.read_bytes("processes.json") for each in fits]
