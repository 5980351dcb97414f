"""Everything learned about a market within the day, out of sample: what the hedgers are given."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.decision_windows import decision_windows, learned_since
from pipeline.backtest.event_intervals import JUDGED, event_intervals, judged_event
from pipeline.backtest.forecast_walk import (
    Intervals,
    Walk,
    important,
    reliable,
    scored,
    walk_blind,
    walk_forward,
)
from pipeline.backtest.forecast_window import NO_FURTHER
from pipeline.backtest.intraday_columns import EventForecast, VarianceForecast, intraday_columns
from pipeline.backtest.intraday_state import step_years
from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.windows import Window
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import YEAR_SECONDS, IntradayDesk
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.interval_scores import interval_table
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.intraday_tasks import (
    LIQUIDITY,
    VARIANCES,
    above,
    event_task,
    liquidity_task,
    next_within,
    variance_task,
    variance_within,
)
from pipeline.forecasts.targets import Target
from pipeline.forecasts.task import Task
from pipeline.ingest.packing import packed
from pipeline.ingest.pieces import Pieces, anew
from pipeline.regimes.describe import SESSIONS_A_YEAR

FEWEST_EVENTS = 5
"""Training rows with an event below which its probability is not forecast."""
EVENTS = (
    "model", "brier", "brier_skill", "average_precision", "base_rate", "dm_p", "dm_p_logistic", "n", "event",
)  # fmt: skip
PROBABILITIES = ("prob", "lower", "upper", "event", "time")
RELIABILITY = ("event", "model", "forecast", "observed", "low", "high", "inside", "n")
log = logging.getLogger(__name__)


def learn_intraday(
    desk: IntradayDesk, features: Mapping[str, pd.DataFrame], pieces: Pieces = anew
) -> dict[str, pd.DataFrame | bytes]:
    """Walk detector and forecasters forward over the decision grid and return their out-of-sample signals.

    Parameters
    ----------
    desk : settings.
    features : the tables `features` and `fills` of `features.decision_grid`.
    pieces : may know windows whose rows have not changed.

    Returns
    -------
    Tables `signals` (one row a decision from `windows.signals_start` on), `fills` (of the same rows),
    `scores`, `events`, `reliability`, `event_intervals`, `intervals` and `importance` (on the tested
    decisions), `probabilities` (of every event and decision, with its interval), `regimes` and
    `transition`, `losses` (what each forecaster of liquidity lost on each tested decision), the last fitted
    models under `models/`, and under `walks/` what goes on with each (`continuation`).

    Raises
    ------
    DataError
        The windows leave the data, or a regime's feature is not on the grid.
    """
    since = learned_since(desk, pd.DatetimeIndex(features["features"]["time"]))
    rows = features["features"].iloc[since:].reset_index(drop=True)
    windows = decision_windows(desk, pd.DatetimeIndex(rows["time"]), rows["day"])
    _check_features(desk, rows)
    started = time.perf_counter()
    regimes = learn_regimes(desk.in_steps(), rows, windows, pieces, moves="return")
    log.info("regimes: %d refits in %.1f s", len(windows), time.perf_counter() - started)
    started = time.perf_counter()
    learner = _Learner(desk, rows, windows, pieces)
    variances = {h: learner.variance(h) for h in desk.forecasts.horizons}
    liquidity = {name: learner.liquidity(name) for name in LIQUIDITY}
    events = {"spike": learner.spike(), "gap": learner.gap()}
    log.info("forecasts: %d refits in %.1f s", len(windows), time.perf_counter() - started)

    levels = [("variance", h, walk) for h, walk in variances.items()]
    levels += [(name, 1, walk) for name, walk in liquidity.items()]
    forecast = [(name, walk) for name, walk in events.items() if walk is not None]
    around = {name: event_intervals(w, windows, desk.windows.embargo_steps) for name, w in forecast}
    walks = [*(walk for _, _, walk in levels), *(walk for _, walk in forecast)]
    intervals = {(name, h): walk.intervals(name) for name, h, walk in levels}
    signals = _signals(desk, rows, windows, variances, liquidity, events, intervals).join(regimes.signals)
    tested = signals["tested"].to_numpy()
    likeliest = regimes.signals.filter(like="regime_prob_").to_numpy(float).argmax(axis=1)[tested]
    kept = slice(windows[0].start + since, windows[-1].stop + since)
    return {
        "signals": signals.reset_index(drop=True),
        "fills": features["fills"].iloc[kept].reset_index(drop=True),
        "scores": pd.concat([scored(w, tested, target=name, horizon=h) for name, h, w in levels]),
        "events": _together([scored(walk, tested, event=name) for name, walk in forecast], EVENTS),
        "reliability": _together([reliable(walk, tested, name) for name, walk in forecast], RELIABILITY),
        "event_intervals": _together(
            [judged_event(walk, around[name], tested, name) for name, walk in forecast], JUDGED
        ),
        "probabilities": _together(
            [found.assign(event=name, time=rows["time"]) for name, found in around.items()], PROBABILITIES
        ),
        "intervals": pd.concat(
            [_judged(each, tested, likeliest, desk.regimes.names) for each in intervals.values()],
            ignore_index=True,
        ),
        "importance": pd.concat(
            [
                important(walk, tested, target=name, horizon=h)
                for name, h, walk in [*levels, *((name, 1, walk) for name, walk in forecast)]
            ],
            ignore_index=True,
        ),
        "losses": _losses(liquidity, tested),
        "regimes": _described(step_years(rows), regimes.described),
        "transition": regimes.transition,
        "models/regime.npz": packed(regimes.last.to_arrays()),
        **_saved(desk, pd.DatetimeIndex(rows["time"]), windows, walks),
    }


def _saved(
    desk: IntradayDesk, times: pd.DatetimeIndex, windows: Sequence[Window], walks: Sequence[Walk]
) -> dict[str, bytes]:
    """Return the last fit of every walk as files: `models/` holds the chosen one, `walks/` what goes on."""
    files = {}
    for walk in walks:
        also = (desk.option.mark,) if walk.task.of_variance else ()
        last = walk.continuation(times, windows, also=also)
        files[f"models/{walk.task.name}.json"] = json.dumps(last.models[last.chosen].to_state()).encode()
        files[f"walks/{walk.task.name}.npz"] = last.to_bytes()
    return files


class _Learner:
    """Walks the tasks of a decision grid forward."""

    def __init__(
        self, desk: IntradayDesk, rows: pd.DataFrame, windows: Sequence[Window], pieces: Pieces
    ) -> None:
        self._desk, self._rows, self._windows, self._pieces = desk, rows, windows, pieces
        self._numbers = rows.drop(columns=["time", "day"])
        known = self._numbers.iloc[: windows[0].start].notna().any()
        self._offered = tuple(map(str, known.index[known]))
        self._steps = desk.in_steps()

    def variance(self, horizon: int) -> Walk:
        """Forecast the variance of the next `horizon` decisions."""
        ahead = variance_within(self._rows["return"], self._rows["day"], horizon)
        return self._walk(variance_task(horizon, self._offered), lambda _: ahead)

    def liquidity(self, name: str) -> Walk:
        """Forecast the mean of one measure of liquidity over the next interval."""
        ahead = next_within(self._rows[name], self._rows["day"])
        return self._walk(liquidity_task(name, self._offered), lambda _: ahead)

    def spike(self) -> Walk | None:
        """Forecast a variance of the next decisions above a quantile of the training rows."""
        horizon = self._desk.forecasts.horizons[0]
        ahead = variance_within(self._rows["return"], self._rows["day"], horizon)
        return self._event("spike", VARIANCES, ahead, self._rows["return"] ** 2)

    def gap(self) -> Walk | None:
        """Forecast a crossing cost above a quantile of the training rows, at its worst in the interval."""
        ahead = next_within(self._rows["worst_cost"], self._rows["day"])
        levels = ("crossing_cost_1", "crossing_cost_5", "crossing_cost_20")
        return self._event("gap", levels, ahead, self._rows["worst_cost"])

    def _event(
        self, name: str, levels: tuple[str, str, str], ahead: Target, seen: "pd.Series[float]"
    ) -> Walk | None:
        quantile = self._desk.forecasts.event_quantile

        def target(window: Window) -> Target:
            return above(ahead, float(seen.iloc[: window.start].quantile(quantile)))

        for window in self._windows:
            came = target(window).outcome[: window.start - ahead.offset]
            if np.nansum(came) < FEWEST_EVENTS:
                log.info("%s: fewer than %d in the training rows, so none is forecast", name, FEWEST_EVENTS)
                return None
        return self._walk(event_task(name, levels, self._offered), target)

    def _walk(self, plain: Task, target: Callable[[Window], Target]) -> Walk:
        """Walk a task with the desk's further inputs, and a level without them beside it."""
        task = plain.with_further(self._desk.forecasts.further)
        walked = (self._steps, self._numbers, self._windows, task)
        found = walk_forward(*walked, target, self._pieces)
        if task == plain or task.kind == "event":
            return found
        less = walk_blind(*walked, plain, NO_FURTHER, target, self._pieces)
        return replace(found, predictions=found.predictions.join(less))


def _signals(
    desk: IntradayDesk,
    rows: pd.DataFrame,
    windows: Sequence[Window],
    variances: Mapping[int, Walk],
    liquidity: Mapping[str, Walk],
    events: Mapping[str, Walk | None],
    intervals: Mapping[tuple[str, int], Intervals],
) -> pd.DataFrame:
    table = intraday_columns(
        desk,
        rows,
        [
            VarianceForecast(
                walk.chosen,
                intervals["variance", horizon].adaptive,
                walk.predictions[desk.option.mark].to_numpy(float),
            )
            for horizon, walk in variances.items()
        ],
        {name: walk.chosen for name, walk in liquidity.items()},
        intervals["crossing_cost", 1].adaptive,
        {
            name: None
            if walk is None
            else EventForecast(
                np.asarray(walk.chosen, dtype=np.float64),
                walk.predictions[Climatology.name].to_numpy(dtype=np.float64),
            )
            for name, walk in events.items()
        },
    )
    return table.assign(
        window=np.concatenate([np.full(w.stop - w.start, w.number) for w in windows]),
        tested=np.concatenate([np.full(w.stop - w.start, w.tested) for w in windows]),
    )


def _described(years: float, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return what `regimes.describe` says of decisions taken for sessions, of so many `years` each."""
    a_year = 1.0 / years / SESSIONS_A_YEAR
    entries = sessions["entries_a_year"] / SESSIONS_A_YEAR
    return sessions.drop(columns=["entries_a_year", "mean_return"]).assign(
        volatility=np.sqrt(a_year) * sessions["volatility"],
        mean_minutes=sessions["mean_duration"] * years * YEAR_SECONDS / 60.0,
        entries_an_hour=entries * 3600.0 / (years * YEAR_SECONDS),
    )


def _losses(liquidity: Mapping[str, Walk], tested: NDArray[np.bool_]) -> pd.DataFrame:
    """Return what came and every forecast of it, one row a target and tested decision."""
    parts = [
        walk.predictions[tested].assign(target=name, actual=walk.task.floored(walk.actual)[tested])
        for name, walk in liquidity.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _judged(
    found: Intervals, tested: NDArray[np.bool_], likeliest: NDArray[np.int64], names: Sequence[str]
) -> pd.DataFrame:
    edges = {name: Interval(e.lower[tested], e.upper[tested]) for name, e in found.by_model.items()}
    table = interval_table(edges, found.actual[tested], likeliest, names, found.horizon)
    return table.assign(target=found.target, horizon=found.horizon)


def _together(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))


def _check_features(desk: IntradayDesk, rows: pd.DataFrame) -> None:
    named = {"regimes.features": desk.regimes.features, "forecasts.further": desk.forecasts.further}
    for key, names in named.items():
        for name in names:
            if name not in rows:
                raise DataError(f"{key} names {name}, which is not on the grid: see docs/intraday.md")
