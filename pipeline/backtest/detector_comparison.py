"""Every regime detector side by side on the desk's own data, before its test years."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk, RegimeSettings, WindowSettings
from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.scores import qlike
from pipeline.forecasts.targets import variance_ahead
from pipeline.forecasts.task import SMALLEST_VARIANCE
from pipeline.ingest.dataset import Output
from pipeline.ingest.pieces import Pieces, anew
from pipeline.regimes.catalogue import DETECTORS
from pipeline.regimes.describe import switches_a_year
from pipeline.regimes.detection import SimulatedRegimes, detection, simulate_regimes
from pipeline.regimes.gaussian import GaussianDetector
from pipeline.regimes.variance_to_go import variance_to_go

HORIZONS = (5, 21)
SIMULATED_TRAINING = 2520
SIMULATED_PATHS, SIMULATED_STEPS = 20, 2520
COLUMNS = (
    "mean_stay",
    "switches_a_year",
    *(f"qlike_{horizon}" for horizon in HORIZONS),
    "median_lag",
    "missed",
    "false_alarms_a_year",
    "fit_seconds",
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Walk:
    """One detector walked forward over the windows before the test years."""

    last: GaussianDetector
    prob: FloatArray
    variance: FloatArray
    seconds: float


def compared_before_test(
    desk: Desk,
    features: pd.DataFrame,
    close: "pd.Series[float]",
    windows: Sequence[Window],
    pieces: Pieces = anew,
) -> pd.DataFrame:
    """Return `compare_detectors` of the rows that it reads, which `pieces` may know already."""
    before = tuple(window for window in windows if not window.tested)
    edge = before[-1].stop
    columns = dict.fromkeys((*desk.regimes.features, "return_1d"))
    piece = pieces(
        "detectors",
        _compared,
        regimes=desk.regimes.model_copy(update={"map": {}}),
        seed=desk.seed,
        refit_months=desk.windows.refit_months,
        features=features[list(columns)].iloc[:edge],
        close=close.iloc[:edge],
        windows=before,
    )
    return piece["detectors"]


def _compared(
    regimes: RegimeSettings,
    seed: int,
    refit_months: int,
    features: pd.DataFrame,
    close: "pd.Series[float]",
    windows: Sequence[Window],
) -> Output:
    refits = WindowSettings(refit_months=refit_months)
    desk = Desk.model_construct(name="detectors", seed=seed, regimes=regimes, windows=refits)
    return {"detectors": compare_detectors(desk, features, close, windows)}


def compare_detectors(
    desk: Desk, features: pd.DataFrame, close: "pd.Series[float]", windows: Sequence[Window]
) -> pd.DataFrame:
    """Compare every detector, with the desk's features and number of states, on rows before the test years.

    From `signals_start` to `test_start` each one is refitted once a year (or at every window, where these
    are longer) on the rows before, and filtered forward. Detection is measured on paths simulated from the
    last such fit of the desk's own detector: every detector is fitted anew on ten simulated years and then
    filters 20 × 10 others, the same for all.

    Parameters
    ----------
    desk : settings; `seed` makes the simulation.
    features : [T] rows of the feature matrix, with `return_1d`.
    close : [T] closing prices of the same sessions.
    windows : of `refit_windows`; tested ones are not read.

    Returns
    -------
    One row a detector: `detector`, `own` (is it the desk's?), `mean_stay` (sessions of an unbroken stay in
    the likeliest regime), `switches_a_year`, `qlike_5` and `qlike_21` of the variance to go, `median_lag`,
    `missed`, `false_alarms_a_year` (see `regimes.detection.Detection`) and `fit_seconds` (median of the
    refits). NaN where a detector could not be fitted, with a warning in the log.
    """
    before = _yearly([window for window in windows if not window.tested], desk.windows.refit_months)
    edge = before[-1].stop
    features, close = features.iloc[:edge], close.iloc[:edge]
    outcomes = {h: np.maximum(variance_ahead(close, h).outcome, SMALLEST_VARIANCE) for h in HORIZONS}
    walks = {name: _walk(name, desk, features, before) for name in DETECTORS}
    own = walks[desk.regimes.detector]
    if own is None:
        raise FitError(f"regimes: {desk.regimes.detector} has no fit before the test years to compare with")
    rng = np.random.default_rng(desk.seed)
    history = simulate_regimes(own.last, steps=SIMULATED_TRAINING, paths=1, rng=rng)
    market = simulate_regimes(own.last, steps=SIMULATED_STEPS, paths=SIMULATED_PATHS, rng=rng)
    rows = []
    for name, walk in walks.items():
        scores = dict.fromkeys(COLUMNS, np.nan)
        if walk is not None:
            scores |= _scores(walk, {h: came[before[0].start :] for h, came in outcomes.items()})
            scores |= _detection(name, desk, history, market)
        rows.append({"detector": name, "own": walk is own, **scores})
    return pd.DataFrame(rows)


def _yearly(windows: Sequence[Window], refit_months: int) -> list[Window]:
    """Join windows to about a year each."""
    step = max(1, 12 // refit_months)
    parts = [windows[i : i + step] for i in range(0, len(windows), step)]
    return [Window(part[0].number, part[0].start, part[-1].stop, tested=False) for part in parts]


def _unfitted(name: str, desk: Desk) -> GaussianDetector:
    return DETECTORS[name](desk.regimes.count, desk.regimes.restarts, desk.seed)


def _walk(name: str, desk: Desk, features: pd.DataFrame, windows: Sequence[Window]) -> _Walk | None:
    """Refit and filter; regimes run from calm to turbulent in every fit, which is label enough here."""
    columns = features[list(desk.regimes.features)]
    returns = features["return_1d"].to_numpy(dtype=float)
    probs, variances, seconds = [], [], []
    for window in windows:
        started = time.perf_counter()
        try:
            fitted = _unfitted(name, desk).fit(columns.iloc[: window.start], returns[: window.start])
        except FitError as fault:
            log.warning("detector %s is left out of the comparison: %s", name, fault)
            return None
        seconds.append(time.perf_counter() - started)
        prob = fitted.filter(columns.iloc[: window.stop])[window.start :]
        probs.append(prob)
        variances.append(variance_to_go(prob, fitted.transition_, fitted.state_variance_, max(HORIZONS)))
    return _Walk(fitted, np.vstack(probs), np.vstack(variances), float(np.median(seconds)))


def _scores(walk: _Walk, outcomes: dict[int, FloatArray]) -> dict[str, float]:
    stays = 1 + np.count_nonzero(np.diff(walk.prob.argmax(axis=1)))
    losses = {}
    for horizon, came in outcomes.items():
        loss = qlike(came, walk.variance[:, horizon - 1])
        known = loss[np.isfinite(loss)]
        losses[f"qlike_{horizon}"] = float(known.mean()) if len(known) else np.nan
    return {
        "mean_stay": len(walk.prob) / stays,
        "switches_a_year": switches_a_year(walk.prob),
        **losses,
        "fit_seconds": walk.seconds,
    }


def _detection(
    name: str, desk: Desk, history: SimulatedRegimes, market: SimulatedRegimes
) -> dict[str, float]:
    try:
        fitted = _unfitted(name, desk).fit(history.table(0), history.returns[0])
    except FitError as fault:
        log.warning("detector %s is not measured on simulated switches: %s", name, fault)
        return {}
    prob = np.stack([fitted.filter(market.table(path)) for path in range(len(market.features))])
    found = detection(prob, market.regimes)
    return {
        "median_lag": found.median_lag,
        "missed": found.missed,
        "false_alarms_a_year": found.false_alarms_a_year,
    }
