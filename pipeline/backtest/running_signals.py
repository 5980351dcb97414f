"""Signals of decisions within the day one after another, as they come: the numbers of `stream_intraday`."""

import numpy as np
import pandas as pd

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.decision_windows import learned_since
from pipeline.backtest.intraday_columns import EventForecast, VarianceForecast, intraday_columns
from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.backtest.regime_window import regime_columns
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.intervals import Interval, RunningInterval
from pipeline.forecasts.intraday_tasks import LIQUIDITY, next_within, variance_within
from pipeline.forecasts.targets import Target


class RunningSignals:
    """What was learned about a market within the day, in the middle of its decisions.

    Parameters
    ----------
    fitted : models as they were left; nothing is fitted here.
    features : the decision grid of all days since learning started, until the decision before the first that
        is asked for.

    Raises
    ------
    DataError
        As from `stream_intraday`.

    Attributes
    ----------
    outside : share of what the models read that lay, at the last decision, outside the range that it had in
        all rows before; what is not known lies outside.
    """

    def __init__(self, fitted: FittedIntraday, features: pd.DataFrame) -> None:
        self._fitted, desk = fitted, fitted.desk
        since = learned_since(desk, pd.DatetimeIndex(features["time"]))
        rows = features.iloc[since:].reset_index(drop=True)
        self._inputs = list(fitted.detector.feature_names_)
        self._prob = fitted.detector.filter(rows[self._inputs])[-1]
        self._variances = {
            horizon: RunningForecast(walk, rows, variance_within(rows["return"], rows["day"], horizon))
            for horizon, walk in sorted(fitted.variance.items())
        }
        self._marks = {
            horizon: walk.models[desk.option.mark].following(rows)
            for horizon, walk in sorted(fitted.variance.items())
        }
        crossing = fitted.liquidity["crossing_cost"]
        self._crossing = RunningForecast(crossing, rows, next_within(rows["crossing_cost"], rows["day"]))
        self._levels = {
            name: walk.models[walk.chosen].following(rows)
            for name, walk in fitted.liquidity.items()
            if name != "crossing_cost"
        }
        self._events = {
            name: [walk.models[each].following(rows) for each in (walk.chosen, Climatology.name)]
            for name, walk in fitted.events.items()
        }
        self._next, self._reach = len(rows), max(fitted.variance)
        self._learned = rows[_read_by(fitted)].agg(["min", "max"])
        self.outside = 0.0
        self._latest = rows.iloc[-self._reach :][["return", "day", "crossing_cost"]]

    def step(self, row: pd.DataFrame) -> pd.DataFrame:
        """Return the signals of the next decision, one row, from its features, one row."""
        row = row.set_axis([self._next])
        desk, fitted = self._fitted.desk, self._fitted
        latest = pd.concat([self._latest, row[list(self._latest)]])
        returns, day = latest["return"], latest["day"]
        variances = []
        for horizon, running in self._variances.items():
            chosen, interval = running.step(row, variance_within(returns, day, horizon))
            variances.append(VarianceForecast(chosen, interval, self._marks[horizon](row)))
        crossing, cost = self._crossing.step(row, next_within(latest["crossing_cost"], day))
        liquidity = {
            name: crossing if name == "crossing_cost" else pd.Series(self._levels[name](row), row.index)
            for name in LIQUIDITY
        }
        events = {
            name: EventForecast(*(np.asarray(each(row), dtype=np.float64) for each in self._events[name]))
            if name in self._events
            else None
            for name in ("spike", "gap")
        }
        table = intraday_columns(desk, row, variances, liquidity, cost, events)
        self.outside = self._share_outside(row)
        prob = fitted.detector.filter(row[self._inputs], self._prob)
        regimes = regime_columns(fitted.detector, prob, desk.forecasts.horizons[-1], self._next)
        self._prob, self._latest = prob[-1], latest.iloc[-self._reach :]
        self._next += 1
        return table.join(regimes, how="inner")

    def _share_outside(self, row: pd.DataFrame) -> float:
        values, (least, most) = row[list(self._learned)].to_numpy()[0], self._learned.to_numpy()
        return float(1.0 - ((values >= least) & (values <= most)).mean())


def _read_by(fitted: FittedIntraday) -> list[str]:
    """Return the features that any of the models reads."""
    walks = (*fitted.variance.values(), *fitted.liquidity.values(), *fitted.events.values())
    tasks = (walk.models[walk.chosen].task for walk in walks)
    read = (name for task in tasks for name in (*task.levels, *task.logs, *task.inputs, *task.tree_inputs))
    return list(dict.fromkeys((*fitted.detector.feature_names_, *read)))


class RunningForecast:
    """The chosen forecast of a walk and its interval, in the middle of the rows.

    Parameters
    ----------
    walk : as it was left.
    rows : all rows since learning started until now.
    target : what came at each of them.
    """

    def __init__(self, walk: Continuation, rows: pd.DataFrame, target: Target) -> None:
        self._task, self._offset = walk.models[walk.chosen].task, walk.offset
        self._following = walk.models[walk.chosen].following(rows)
        self._interval = RunningInterval(walk.offset, walk.calibrations)
        first, _ = walk.places(rows)
        forecasts = np.append(walk.past, walk.forecast(rows))
        outcomes = np.append(np.full(walk.offset, np.nan), self._task.floored(target.outcome[first:]))
        for forecast, came in zip(forecasts, outcomes, strict=False):
            self._interval.step(forecast, came)

    def step(self, row: pd.DataFrame, latest: Target) -> tuple["pd.Series[float]", Interval]:
        """Return forecast and interval at the next row; `latest` are outcomes of the last rows and of it."""
        forecast: FloatArray = self._following(row)
        came = self._task.floored(latest.outcome[[-1 - self._offset]])[0] if self._enough(latest) else np.nan
        lower, upper = self._interval.step(float(forecast[0]), came)
        return pd.Series(forecast, row.index), Interval(np.array([lower]), np.array([upper]))

    def _enough(self, latest: Target) -> bool:
        return len(latest.outcome) > self._offset
