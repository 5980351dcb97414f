"""Everything learned about the market, out of sample: the dataset that the hedgers are given."""

import json
import logging
import time
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.backtest.detector_comparison import compared_before_test
from pipeline.backtest.detector_value import regimes_of_rivals
from pipeline.backtest.learned_forecasts import LearnedForecasts, learn_forecasts
from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.state_choice import with_chosen_states
from pipeline.backtest.volume import volume_columns, without_empty_volume
from pipeline.backtest.windows import check_coverage, check_implied, refit_windows
from pipeline.domain.desk import Desk
from pipeline.forecasts.interval_scores import interval_table
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.targets import variance_ahead
from pipeline.ingest.packing import packed
from pipeline.ingest.pieces import Pieces, anew

SESSIONS_A_YEAR = 252
log = logging.getLogger(__name__)


def learn_signals(
    desk: Desk,
    market: Mapping[str, pd.DataFrame],
    features: Mapping[str, pd.DataFrame],
    pieces: Pieces = anew,
) -> dict[str, pd.DataFrame | bytes]:
    """Walk the desk's detector and forecasters forward and return their out-of-sample signals.

    Parameters
    ----------
    desk : settings.
    market : the table `bars`.
    features : the table `features`, one row a session of `bars`.
    pieces : may know windows whose rows have not changed.

    Returns
    -------
    Tables `signals` (one row a session from `signals_start`; see `learned_regimes` and
    `learned_forecasts`), `scores`, `events`, `reliability`, `intervals` and `importance` (on the test
    years), `regimes` and `transition`, `detectors` (see `detector_comparison`), `rival_regimes` (see
    `detector_value`), the files of the last fitted models under `models/`, and under `walks/` what goes on
    with each (`continuation`).
    """
    matrix, close = features["features"], market["bars"]["close"]
    sessions = pd.DatetimeIndex(matrix["session"])
    check_coverage(desk.windows, sessions, desk.option.sessions)
    check_implied(desk.windows, sessions, matrix["implied_vol"].notna().to_numpy(), desk.option.sessions)
    since = int(sessions.searchsorted(pd.Timestamp(desk.windows.learn_start)))
    matrix, close = matrix.iloc[since:].reset_index(drop=True), close.iloc[since:].reset_index(drop=True)
    windows = refit_windows(desk.windows, sessions[since:])
    volume = market["bars"]["volume"].iloc[since:]
    matrix = without_empty_volume(matrix, volume.iloc[: windows[0].start])
    desk = with_chosen_states(desk, matrix, windows[0].start, pieces)

    started = time.perf_counter()
    regimes = learn_regimes(desk, matrix, windows, pieces)
    log.info("regimes: %d refits in %.1f s", len(windows), time.perf_counter() - started)
    started = time.perf_counter()
    detectors = compared_before_test(desk, matrix, close, windows, pieces)
    rivals = regimes_of_rivals(desk, matrix, windows, pieces)
    log.info("regimes: %d detectors compared in %.1f s", len(detectors), time.perf_counter() - started)
    started = time.perf_counter()
    forecasts = learn_forecasts(desk, matrix, close, windows, pieces)
    log.info("forecasts: %d refits in %.1f s", len(windows), time.perf_counter() - started)

    signals = matrix[["session", "known_time", *desk.data.tenors]].join(regimes.signals, how="inner")
    signals = signals.join(forecasts.signals).assign(close=close, **volume_columns(matrix))
    horizon = desk.option.sessions
    realised = variance_ahead(close, horizon).outcome[signals.index]
    yearly = SESSIONS_A_YEAR / horizon
    signals = signals.assign(
        window=np.concatenate([np.full(w.stop - w.start, w.number) for w in windows]),
        tested=np.concatenate([np.full(w.stop - w.start, w.tested) for w in windows]),
        forecast_vol=np.sqrt(yearly * signals[f"forecast_variance_{horizon}"]),
        realised_vol=np.sqrt(yearly * realised),
    ).reset_index(drop=True)
    tables: dict[str, pd.DataFrame | bytes] = {
        "signals": signals,
        "scores": forecasts.scores,
        "events": forecasts.events,
        "intervals": _scored_intervals(desk, signals, forecasts),
        "reliability": forecasts.reliability,
        "importance": forecasts.importance.reset_index(drop=True),
        "regimes": regimes.described,
        "transition": regimes.transition,
        "detectors": detectors,
        "rival_regimes": rivals,
        "models/regime.npz": packed(regimes.last.to_arrays()),
    }
    for name, last in forecasts.last.items():
        tables[f"models/{name}.json"] = json.dumps(last.models[last.chosen].to_state()).encode()
        tables[f"walks/{name}.npz"] = last.to_bytes()
    return tables


def _scored_intervals(desk: Desk, signals: pd.DataFrame, forecasts: LearnedForecasts) -> pd.DataFrame:
    tested = signals["tested"].to_numpy()
    likeliest = signals.filter(like="regime_prob_").to_numpy(float).argmax(axis=1)[tested]
    tables = []
    for each in forecasts.intervals:
        edges = {
            name: Interval(found.lower[tested], found.upper[tested]) for name, found in each.by_model.items()
        }
        table = interval_table(edges, each.actual[tested], likeliest, desk.regimes.names, each.horizon)
        tables.append(table.assign(target=each.target, horizon=each.horizon))
    return pd.concat(tables, ignore_index=True)
