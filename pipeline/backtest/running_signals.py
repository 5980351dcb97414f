"""Signals of decisions within the day one after another, as they come: the numbers of `stream_intraday`."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.decision_windows import learned_since
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.running_curves import RunningCurves
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.features.decision_row import DecisionRow
from pipeline.features.pairwise_sum import pairwise_sum
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.forecaster import Forecaster
from pipeline.forecasts.intervals import RunningIntervals
from pipeline.forecasts.intraday_tasks import LIQUIDITY, next_within, variance_within
from pipeline.forecasts.running_models import RunningModels
from pipeline.forecasts.targets import Target
from pipeline.regimes.variance_to_go import expected_variance

EVENTS: Final = ("spike", "gap")


class RunningSignals:
    """What was learned about a market within the day, in the middle of its decisions.

    Parameters
    ----------
    fitted : models as they were left; nothing is fitted here.
    features : the decision grid of all days since learning started, until the decision before the first that
        is asked for.
    names : of the numbers of the rows to come; an attribute too.

    Raises
    ------
    DataError
        As from `stream_intraday`, or a row will lack what the models read.
    """

    def __init__(self, fitted: FittedIntraday, features: pd.DataFrame, names: Sequence[str]) -> None:
        self.names = tuple(names)
        desk, detector = fitted.desk, fitted.detector
        self._moves, self._variance = detector.transition_, detector.state_variance_
        since = learned_since(desk, pd.DatetimeIndex(features["time"]))
        rows = features.iloc[since:].reset_index(drop=True)
        place = {name: k for k, name in enumerate(names)}
        inputs = list(detector.feature_names_)
        self._filter = detector.following(detector.filter(rows[inputs])[-1])
        self._inputs = np.array([place[name] for name in inputs])
        variance = sorted(fitted.variance.items())
        self._horizons, walks = (list(each) for each in zip(*variance, strict=True))
        told = {name: fitted.events[name] for name in EVENTS if name in fitted.events}
        order = [2 * list(told).index(name) if name in told else None for name in EVENTS]
        self._events = itemgetter(*(-1 if place is None else place + k for place in order for k in range(2)))
        half_spread, depth, crossing = (fitted.liquidity[name] for name in LIQUIDITY)
        models = [
            *map(_chosen, (*walks, crossing)),
            *(walk.models[desk.option.mark] for walk in walks),
            *map(_chosen, (half_spread, depth)),
            *(walk.models[name] for walk in told.values() for name in (walk.chosen, Climatology.name)),
        ]
        self._models = RunningModels(models, rows, names)
        outcomes = [variance_within(rows["return"], rows["day"], horizon) for horizon in self._horizons]
        outcomes.append(next_within(rows["crossing_cost"], rows["day"]))
        held = [
            _interval(walk, rows, target) for walk, target in zip((*walks, crossing), outcomes, strict=True)
        ]
        self._intervals = RunningIntervals.joined(held)
        self._floors = np.array([_chosen(walk).task.floor for walk in (*walks, crossing)])
        self._spans = np.array(self._horizons)
        reach = desk.forecasts.horizons[-1]
        ahead = self._moves @ expected_variance(self._moves, self._variance, reach)
        self._curves = RunningCurves(desk.forecasts.horizons, desk.option.steps, ahead)
        read = _read_by(fitted)
        self._read = np.array([place[name] for name in read])
        self._range = np.ascontiguousarray(rows[read].agg(["min", "max"]).to_numpy(dtype=np.float64))
        self._return, self._cost, self._mid, self._step = (
            place[name] for name in ("return", "crossing_cost", "mid", "step_seconds")
        )
        self._came = np.empty((1, len(held)))
        known = (rows["return"] ** 2).to_numpy(dtype=np.float64)[-max(fitted.variance) :]
        self._squares = np.append(np.full(max(fitted.variance) - len(known), np.nan), known)
        _share_outside(np.zeros(len(names)), self._read, self._range)  # compiled here
        _outcomes(np.nan, np.nan, 0, self._squares.copy(), self._spans, self._floors, self._came[0])
        self._day = str(rows["day"].iloc[-1])
        self._today = int((rows["day"] == self._day).sum())

    def step(self, row: DecisionRow) -> DecisionSignals:
        """Return the signals of the next decision from its features."""
        values = row.numbers
        self._today = self._today + 1 if row.day == self._day else 1
        self._day = row.day
        outcome, cost = values[self._return], values[self._cost]
        _outcomes(outcome, cost, self._today, self._squares, self._spans, self._floors, self._came[0])
        found, count = self._models(values), len(self._spans)
        edges = self._intervals.over(found[None, : count + 1], self._came)[0]
        cost, *further = found[count:].tolist()
        half_spread, depth, *events = further[count:]
        cost_lower, cost_upper = edges[count].tolist()
        spike_prob, spike_base, gap_prob, gap_base = self._events((*events, 0.0))
        prob = self._filter.step(values[self._inputs])
        return DecisionSignals(
            row.at,
            row.day,
            values.item(self._mid),
            values.item(self._step),
            self._curves(found[:count], edges[:count], found[count + 1 : 2 * count + 1], prob),
            cost,
            cost_lower,
            cost_upper,
            half_spread,
            depth,
            spike_prob,
            spike_base,
            gap_prob,
            gap_base,
            _share_outside(values, self._read, self._range),
            prob,
            self._moves,
            self._variance,
        )


def _chosen(walk: Continuation) -> Forecaster:
    return walk.models[walk.chosen]


def _interval(walk: Continuation, rows: pd.DataFrame, target: Target) -> RunningIntervals:
    """Return the interval of the chosen forecast in the middle of the rows, `target` what came at them."""
    running, task = RunningIntervals(walk.offset, walk.calibrations), _chosen(walk).task
    first, _ = walk.places(rows)
    forecasts = np.append(walk.past, walk.forecast(rows))
    outcomes = np.append(np.full(walk.offset, np.nan), task.floored(target.outcome[first:]))
    count = min(len(forecasts), len(outcomes))
    running.over(forecasts[:count, None], outcomes[:count, None])
    return running


def _read_by(fitted: FittedIntraday) -> list[str]:
    """Return the features that any of the models reads."""
    walks = (*fitted.variance.values(), *fitted.liquidity.values(), *fitted.events.values())
    tasks = (_chosen(walk).task for walk in walks)
    read = (name for task in tasks for name in (*task.levels, *task.logs, *task.inputs, *task.tree_inputs))
    return list(dict.fromkeys((*fitted.detector.feature_names_, *read)))


@kept(nogil=True)
def _share_outside(row: FloatArray, places: NDArray[np.int64], known: FloatArray) -> float:
    """Return the share of numbers outside their range [2, F]; NaN lies outside."""
    inside = 0
    for k in range(len(places)):
        value = row[places[k]]
        inside += known[0, k] <= value <= known[1, k]
    return 1.0 - inside / len(places)


@kept(nogil=True, error_model="numpy")
def _outcomes(
    outcome: float,
    cost: float,
    today: int,
    squares: FloatArray,
    spans: NDArray[np.int64],
    floors: FloatArray,
    came: FloatArray,
) -> None:
    """Push the square of a return; write what came of the forecasts that ended, [K + 1], the last the cost.

    Variance counts once all its decisions lie within the day, of which this is number `today`.
    """
    squares[:-1] = squares[1:].copy()
    squares[-1] = outcome * outcome
    for k in range(len(spans)):
        whole = today > spans[k]
        came[k] = pairwise_sum(squares[len(squares) - spans[k] :]) if whole else np.nan
    came[-1] = cost if today > 1 else np.nan
    for k in range(len(came)):
        if came[k] < floors[k]:
            came[k] = floors[k]
