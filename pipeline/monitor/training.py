"""The decisions that monitors learn from: on forecasts that had not seen them, hedged as they would be."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.intraday_state import intraday_state, missing_at
from pipeline.backtest.lane import Dealt, hedge_lane
from pipeline.backtest.stepping import options_value
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.store import Dataset
from pipeline.monitor.alarm import Forecast, Observed
from pipeline.monitor.data_drift import LEAST_DAYS
from pipeline.policies.base import Policy
from pipeline.regimes.gaussian import GaussianDetector

READ: Final = ("levels", "logs", "inputs", "tree_inputs")
"""Parts of a forecaster's task that name features."""


def read_by_models(desk: IntradayDesk, signals: Dataset) -> tuple[str, ...]:
    """Return the features that the detector or a forecaster of the dataset `signals` reads."""
    names = dict.fromkeys(desk.in_steps().regimes.features)
    for file in signals.files:
        if file.startswith("models/") and file.endswith(".json"):
            task = json.loads(signals.read_bytes(file))["task"]
            names |= dict.fromkeys(name for part in READ for name in task[part])
    return tuple(names)


def before_last_window(signals: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that monitors learn from: before the last window of a walk, which may be lived again.

    The tested ones if they span three days or more, else all.
    """
    known: pd.DataFrame = signals[signals["window"] < signals["window"].max()]
    tested: pd.DataFrame = known[known["tested"]]
    return tested if tested["day"].nunique() >= LEAST_DAYS else known


def observations(
    desk: IntradayDesk,
    features: pd.DataFrame,
    signals: pd.DataFrame,
    fills: pd.DataFrame,
    names: Sequence[str],
    detectors: Callable[[str], GaussianDetector],
    policy: Policy | None,
    desk_cost: float,
) -> Iterator[Observed]:
    """Yield the decisions of whole days as the live loop would publish them, `age` and `took` left at zero.

    Parameters
    ----------
    desk : settings.
    features : the decision grid; it holds the times of the signals.
    signals, fills : of `learn_intraday`, the same rows.
    names : features that are watched.
    detectors : whose probabilities are published on a day; all read the same features.
    policy, desk_cost : that hedges, see `lane.hedge_lane`; None hedges nothing.
    """
    grid = features.set_index("time")
    for day, rows in signals.groupby("day", sort=False):
        own, detector = rows.reset_index(drop=True), detectors(str(day))
        inputs = list(detector.feature_names_)
        seen = grid.loc[own["time"], list(dict.fromkeys([*names, *inputs]))]
        filtered = detector.filter(features[inputs].reset_index(drop=True))
        probable = filtered[grid.index.get_indexer(pd.Index(own["time"]))]
        hedged = _hedged(desk, own, fills.loc[rows.index].reset_index(drop=True), policy, desk_cost)
        yield from _published(desk, own, seen, probable, *hedged)


def _hedged(
    desk: IntradayDesk, rows: pd.DataFrame, fills: pd.DataFrame, policy: Policy | None, desk_cost: float
) -> tuple[Sequence[Dealt | None], FloatArray, FloatArray]:
    """Return the option that is open at each decision, its value and the position before the decision."""
    if policy is None:
        return [None] * len(rows), np.full(len(rows), np.nan), np.zeros(len(rows))
    lane = hedge_lane(desk, rows, fills, policy, desk_cost)
    value = np.full(len(rows), np.nan)
    known = [row for row, each in enumerate(lane.dealt) if each and not missing_at(rows, row)]
    if known:
        options = [each for each in (lane.dealt[row] for row in known) if each is not None]
        scale = START_SPOT / np.array([[each.mid for each in options]])
        spot = scale * rows["mid"].to_numpy(float)[known]
        left = np.array([[each.left for each in options]])
        state = intraday_state(desk, rows, np.array([known]), left, spot, desk_cost, scale)
        value[known] = options_value(state)[0] / spot[0]
    return lane.dealt, value, np.append(0.0, lane.position[:-1])


def _published(
    desk: IntradayDesk,
    rows: pd.DataFrame,
    seen: pd.DataFrame,
    prob: FloatArray,
    dealt: Sequence[Dealt | None],
    value: FloatArray,
    position: FloatArray,
) -> Iterator[Observed]:
    kinds = ("forecast", "lower", "upper")
    variance = {
        horizon: rows[[f"{kind}_variance_{horizon}" for kind in kinds]].to_numpy(float)
        for horizon in desk.forecasts.horizons
        if horizon <= desk.option.steps
    }
    cost, features = rows[[f"cost_{kind}" for kind in kinds]].to_numpy(float), seen.to_dict("records")
    times, minutes, mids = rows["time"], rows["minutes"].to_numpy(float), rows["mid"].to_numpy(float)
    for row, day in enumerate(rows["day"]):
        yield Observed(
            at=int(times.iloc[row].value),
            day=day,
            minutes=float(minutes[row]),
            mid=float(mids[row]),
            features={str(name): value for name, value in features[row].items()},
            variance={horizon: Forecast(*each[row].tolist()) for horizon, each in variance.items()},
            cost=Forecast(*cost[row].tolist()),
            prob=prob[row],
            dealt=dealt[row],
            value=float(value[row]),
            position=float(position[row]),
        )
