"""Signals of sessions that came after the last fit: the same numbers as the walk, without fitting."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.backtest.continuation import Continuation
from pipeline.backtest.forecast_columns import NO_LIQUIDITY, illiquidity_columns, variance_columns
from pipeline.backtest.regime_window import regime_columns
from pipeline.backtest.volume import volume_columns
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.forecasts import targets
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.intervals import Interval
from pipeline.regimes.base import Detector


@dataclass(frozen=True)
class FittedSignals:
    """Everything learned about the market, as the last window of a walk left it.

    Attributes
    ----------
    desk : the settings with which the detector was learned.
    detector : regimes.
    variance : forecasts of the variance by horizon.
    spike, gap, illiquidity : the other forecasts; None where the data has no range or no volume.
    """

    desk: Desk
    detector: Detector
    variance: Mapping[int, Continuation]
    spike: Continuation
    gap: Continuation | None = None
    illiquidity: Continuation | None = None

    @property
    def boundary(self) -> pd.Timestamp:
        """First session that the newest of the models was fitted for."""
        return max(each.boundary for each in self._all())

    def _all(self) -> list[Continuation]:
        others = (self.spike, self.gap, self.illiquidity)
        return [*self.variance.values(), *(each for each in others if each is not None)]


def stream_signals(fitted: FittedSignals, close: "pd.Series[float]", features: pd.DataFrame) -> pd.DataFrame:
    """Return the signals from the last window's first session to the newest one in the data.

    The columns are those of `signals.learn_signals` that a market state reads; variances reach as far as the
    longest horizon. On the sessions of the last window they are the walk's own numbers.

    Parameters
    ----------
    fitted : models as they were left; nothing is fitted here.
    close : [T] closing prices, one row a session.
    features : [T rows] the feature matrix of the same sessions.

    Raises
    ------
    DataError
        The data lacks a feature, or sessions that the models were walked over.
    """
    since = int(
        pd.DatetimeIndex(features["session"]).searchsorted(pd.Timestamp(fitted.desk.windows.learn_start))
    )
    matrix, close = features.iloc[since:].reset_index(drop=True), close.iloc[since:].reset_index(drop=True)
    horizons = tuple(sorted(fitted.variance))
    inputs = list(fitted.detector.feature_names_)
    if absent := [name for name in inputs if name not in matrix]:
        raise DataError(f"the champion's regimes read {', '.join(absent)}, which the data no longer gives")
    walks = [fitted.variance[horizon] for horizon in horizons]
    forecasts = [walk.forecast(matrix) for walk in walks]
    edges = [
        walk.interval(matrix, targets.variance_ahead(close, horizon).outcome)
        for walk, horizon in zip(walks, horizons, strict=True)
    ]
    variance = variance_columns(horizons, forecasts, edges, horizons[-1])
    prob = fitted.detector.filter(matrix[inputs])
    regimes = regime_columns(fitted.detector, prob, horizons[-1], 0)
    events = pd.DataFrame(
        {
            "spike_prob": fitted.spike.forecast(matrix),
            "spike_base": fitted.spike.forecast(matrix, Climatology.name),
        }
    )
    known = matrix[["session", "known_time", *fitted.desk.data.tenors]]
    known = known.assign(close=close, **volume_columns(matrix))
    tables = (regimes, variance, _liquidity(fitted, matrix), events)
    return known.join(list(tables), how="inner").reset_index(drop=True)


def _liquidity(fitted: FittedSignals, matrix: pd.DataFrame) -> pd.DataFrame:
    if fitted.illiquidity is None or fitted.gap is None:
        return pd.DataFrame(NO_LIQUIDITY, index=matrix.index)
    if "illiquidity_1d" not in matrix:
        raise DataError("the champion forecasts illiquidity, which the data no longer gives")
    came = targets.level_ahead(matrix["illiquidity_1d"]).outcome
    forecast = fitted.illiquidity.forecast(matrix)
    edges: Interval = fitted.illiquidity.interval(matrix, came)
    columns = illiquidity_columns(forecast, edges, came[forecast.index], fitted.illiquidity.unit)
    return pd.DataFrame(columns, index=forecast.index).join(
        pd.DataFrame(
            {
                "gap_prob": fitted.gap.forecast(matrix),
                "gap_base": fitted.gap.forecast(matrix, Climatology.name),
            }
        ),
        how="inner",
    )
