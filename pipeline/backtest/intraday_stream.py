"""Signals of decisions that came after the last fit: the same numbers as the walk, without fitting."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.decision_windows import learned_since
from pipeline.backtest.intraday_columns import EventForecast, VarianceForecast, intraday_columns
from pipeline.backtest.regime_window import regime_columns
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.intraday_tasks import LIQUIDITY, next_within, variance_within
from pipeline.regimes.base import Detector


@dataclass(frozen=True)
class FittedIntraday:
    """Everything learned about a market within the day, as the last window of a walk left it.

    Attributes
    ----------
    desk : the settings with which the models were learned.
    detector : regimes.
    variance : forecasts of the variance by horizon.
    liquidity : forecasts of liquidity by name.
    events : by name; one that is not there is not forecast.
    """

    desk: IntradayDesk
    detector: Detector
    variance: Mapping[int, Continuation]
    liquidity: Mapping[str, Continuation]
    events: Mapping[str, Continuation]

    @property
    def boundary(self) -> pd.Timestamp:
        """First decision that the models were fitted for."""
        return next(iter(self.variance.values())).boundary


def stream_intraday(fitted: FittedIntraday, features: pd.DataFrame) -> pd.DataFrame:
    """Return the signals from the last window's first decision to the newest one in the data.

    The columns are those of `intraday_signals.learn_intraday` that a market state reads; on the decisions of
    the last window they are the walk's own numbers.

    Parameters
    ----------
    fitted : models as they were left; nothing is fitted here.
    features : the decision grid of all days since learning started.

    Raises
    ------
    DataError
        The data lacks a feature, or decisions that the models were walked over.
    """
    desk = fitted.desk
    since = learned_since(desk, pd.DatetimeIndex(features["time"]))
    rows = features.iloc[since:].reset_index(drop=True)
    inputs = list(fitted.detector.feature_names_)
    if absent := [name for name in inputs if name not in rows]:
        raise DataError(f"the champion's regimes read {', '.join(absent)}, which the data no longer gives")
    variances = [
        VarianceForecast(
            walk.forecast(rows),
            walk.interval(rows, variance_within(rows["return"], rows["day"], horizon).outcome),
            np.asarray(walk.forecast(rows, desk.option.mark), dtype=np.float64),
        )
        for horizon, walk in sorted(fitted.variance.items())
    ]
    crossing = fitted.liquidity["crossing_cost"]
    came = next_within(rows["crossing_cost"], rows["day"]).outcome
    events = {
        name: EventForecast(
            np.asarray(walk.forecast(rows), dtype=np.float64),
            np.asarray(walk.forecast(rows, Climatology.name), dtype=np.float64),
        )
        if (walk := fitted.events.get(name))
        else None
        for name in ("spike", "gap")
    }
    liquidity = {name: fitted.liquidity[name].forecast(rows) for name in LIQUIDITY}
    table = intraday_columns(desk, rows, variances, liquidity, crossing.interval(rows, came), events)
    prob = fitted.detector.filter(rows[inputs])
    return table.join(regime_columns(fitted.detector, prob, desk.forecasts.horizons[-1], 0), how="inner")
