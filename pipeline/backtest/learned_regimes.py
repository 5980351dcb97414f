"""Walk-forward regimes: refitted at every window, filtered forward, labels carried from fit to fit."""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.regimes.alignment import align
from pipeline.regimes.base import Detector
from pipeline.regimes.catalogue import detector
from pipeline.regimes.describe import describe, transition_table
from pipeline.regimes.variance_to_go import variance_to_go

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearnedRegimes:
    """Out-of-sample regimes: one row a session from the first window on, and the last fit.

    `signals` holds `regime_prob_k` and `regime_variance_m`, the variance of the next m sessions.
    """

    signals: pd.DataFrame
    described: pd.DataFrame
    transition: pd.DataFrame
    last: Detector


def learn_regimes(desk: Desk, features: pd.DataFrame, windows: Sequence[Window]) -> LearnedRegimes:
    """Fit the desk's detector before each window and filter through it.

    A fit sees the sessions before its window only. Its filter runs from the first session, so that the
    probabilities at the start of the window rest on the whole past. Labels are matched to the previous fit.
    """
    columns = features[list(desk.regimes.features)]
    returns = features["return_1d"].to_numpy(dtype=float)
    pieces = []
    previous: Detector | None = None
    for window in windows:
        fitted = detector(desk.regimes, desk.seed).fit(columns.iloc[: window.start], returns[: window.start])
        if previous is not None:
            match = align(previous, fitted)
            fitted = fitted.relabelled(match.order)
            if match.by_volatility:
                log.warning("window %d: no match keeps regime 0 the calmest, labelled anew", window.number)
        prob = fitted.filter(columns.iloc[: window.stop])[window.start :]
        pieces.append(regime_columns(fitted, prob, desk.forecasts.horizons[-1], window.start))
        previous = fitted
    assert previous is not None
    signals = pd.concat(pieces)
    known = signals.filter(like="regime_prob_").to_numpy()
    described = describe(known, returns[signals.index], desk.regimes.names).reset_index(names="name")
    transition = transition_table(previous.transition_, desk.regimes.names).reset_index(names="from")
    return LearnedRegimes(signals, described, transition, previous)


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """Return arrays as the bytes of an NPZ file, free of pickle."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def regime_columns(fitted: Detector, prob: FloatArray, reach: int, first: int) -> pd.DataFrame:
    """Return `regime_prob_k` and, for m = 1 … `reach`, `regime_variance_m`, from row `first` on."""
    to_go = variance_to_go(prob, fitted.transition_, fitted.state_variance_, reach)
    names = [f"regime_prob_{k}" for k in range(prob.shape[1])]
    names += [f"regime_variance_{m}" for m in range(1, reach + 1)]
    return pd.DataFrame(np.hstack([prob, to_go]), columns=names, index=range(first, first + len(prob)))
