"""Signals of decisions within the day one after another, as they come: the numbers of `stream_intraday`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.decision_signals import DecisionSignals
from pipeline.backtest.decision_windows import learned_since
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.running_curves import RunningCurves
from pipeline.domain.instruments import FloatArray
from pipeline.features.decision_row import DecisionRow
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.forecaster import Following, Forecaster
from pipeline.forecasts.intervals import RunningInterval
from pipeline.forecasts.intraday_tasks import next_within, variance_within
from pipeline.forecasts.targets import Target
from pipeline.regimes.variance_to_go import expected_variance


class RunningSignals:
    """What was learned about a market within the day, in the middle of its decisions.

    Parameters
    ----------
    fitted : models as they were left; nothing is fitted here.
    features : the decision grid of all days since learning started, until the decision before the first that
        is asked for.
    names : of the numbers of the rows to come.

    Raises
    ------
    DataError
        As from `stream_intraday`, or a row will lack what the models read.
    """

    def __init__(self, fitted: FittedIntraday, features: pd.DataFrame, names: Sequence[str]) -> None:
        self._fitted, desk = fitted, fitted.desk
        since = learned_since(desk, pd.DatetimeIndex(features["time"]))
        rows = features.iloc[since:].reset_index(drop=True)
        detector, place = fitted.detector, {name: k for k, name in enumerate(names)}
        inputs = list(detector.feature_names_)
        self._filter = detector.following(detector.filter(rows[inputs])[-1])
        self._inputs = np.array([place[name] for name in inputs])
        self._variances = [
            (
                horizon,
                RunningForecast(walk, rows, names, variance_within(rows["return"], rows["day"], horizon)),
                walk.models[desk.option.mark].following(rows, names),
            )
            for horizon, walk in sorted(fitted.variance.items())
        ]
        crossing = next_within(rows["crossing_cost"], rows["day"])
        self._crossing = RunningForecast(fitted.liquidity["crossing_cost"], rows, names, crossing)
        self._levels = [
            _chosen(fitted.liquidity[name]).following(rows, names) for name in ("half_spread", "depth")
        ]
        self._events = [_event(fitted.events.get(name), rows, names) for name in ("spike", "gap")]
        ahead = detector.transition_ @ expected_variance(
            detector.transition_, detector.state_variance_, desk.forecasts.horizons[-1]
        )
        self._curves = RunningCurves(desk.forecasts.horizons, desk.option.steps, ahead)
        read = _read_by(fitted)
        self._read = np.array([place[name] for name in read])
        self._range = np.ascontiguousarray(rows[read].agg(["min", "max"]).to_numpy(dtype=np.float64))
        self._return, self._cost, self._mid, self._step = (
            place[name] for name in ("return", "crossing_cost", "mid", "step_seconds")
        )
        self._squares = (rows["return"] ** 2).to_numpy(dtype=np.float64)[-max(fitted.variance) :].copy()
        self._day = str(rows["day"].iloc[-1])
        self._today = int((rows["day"] == self._day).sum())

    def step(self, row: DecisionRow) -> DecisionSignals:
        """Return the signals of the next decision from its features."""
        values = row.numbers
        self._today = self._today + 1 if row.day == self._day else 1
        self._day = row.day
        self._squares[:-1] = self._squares[1:]
        self._squares[-1] = values[self._return] ** 2
        levels = np.empty((4, len(self._variances)))
        for k, (horizon, forecast, mark) in enumerate(self._variances):
            came = float(np.add.reduce(self._squares[-horizon:])) if self._today > horizon else np.nan
            levels[:3, k] = forecast.step(values, came)
            levels[3, k] = mark(values)
        came = float(values[self._cost]) if self._today > 1 else np.nan
        cost, cost_lower, cost_upper = self._crossing.step(values, came)
        half_spread, depth = (level(values) for level in self._levels)
        (spike_prob, spike_base), (gap_prob, gap_base) = (
            (prob(values), base(values)) for prob, base in self._events
        )
        prob = self._filter.step(values[self._inputs])
        return DecisionSignals(
            at=row.at,
            day=row.day,
            mid=float(values[self._mid]),
            step_seconds=float(values[self._step]),
            curves=self._curves(levels, prob),
            cost=cost,
            cost_lower=cost_lower,
            cost_upper=cost_upper,
            half_spread=half_spread,
            depth=depth,
            spike_prob=spike_prob,
            spike_base=spike_base,
            gap_prob=gap_prob,
            gap_base=gap_base,
            regime_prob=prob,
            regime_moves=self._fitted.detector.transition_,
            regime_variance=self._fitted.detector.state_variance_,
            outside=_share_outside(values, self._read, self._range),
        )


def _chosen(walk: Continuation) -> Forecaster:
    return walk.models[walk.chosen]


def _event(
    walk: Continuation | None, rows: pd.DataFrame, names: Sequence[str]
) -> tuple[Following, Following]:
    """Return what gives the probability of an event and its base; 0 and 0 where it is not forecast."""
    if walk is None:
        return _nothing, _nothing
    prob, base = (walk.models[each].following(rows, names) for each in (walk.chosen, Climatology.name))
    return prob, base


def _nothing(_: FloatArray) -> float:
    return 0.0


def _read_by(fitted: FittedIntraday) -> list[str]:
    """Return the features that any of the models reads."""
    walks = (*fitted.variance.values(), *fitted.liquidity.values(), *fitted.events.values())
    tasks = (_chosen(walk).task for walk in walks)
    read = (name for task in tasks for name in (*task.levels, *task.logs, *task.inputs, *task.tree_inputs))
    return list(dict.fromkeys((*fitted.detector.feature_names_, *read)))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _share_outside(row: FloatArray, places: NDArray[np.int64], known: FloatArray) -> float:
    """Return the share of numbers outside their range [2, F]; NaN lies outside."""
    inside = 0
    for k in range(len(places)):
        value = row[places[k]]
        inside += known[0, k] <= value <= known[1, k]
    return 1.0 - inside / len(places)


class RunningForecast:
    """The chosen forecast of a walk and its interval, in the middle of the rows.

    Parameters
    ----------
    walk : as it was left.
    rows : all rows since learning started until now.
    names : of the numbers of the rows to come.
    target : what came at each of the rows until now.
    """

    def __init__(self, walk: Continuation, rows: pd.DataFrame, names: Sequence[str], target: Target) -> None:
        model = _chosen(walk)
        self._floor = model.task.floor if model.task.kind == "level" else -np.inf
        self._following = model.following(rows, names)
        self._interval = RunningInterval(walk.offset, walk.calibrations)
        first, _ = walk.places(rows)
        forecasts = np.append(walk.past, walk.forecast(rows))
        outcomes = np.append(np.full(walk.offset, np.nan), model.task.floored(target.outcome[first:]))
        for forecast, came in zip(forecasts, outcomes, strict=False):
            self._interval.step(forecast, came)

    def step(self, row: FloatArray, came: float) -> tuple[float, float, float]:
        """Return forecast and interval at the next row; `came` is the newest outcome, NaN for none."""
        forecast = self._following(row)
        lower, upper = self._interval.step(forecast, self._floor if came < self._floor else came)
        return forecast, lower, upper
