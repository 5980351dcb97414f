"""Walk-forward regimes: refitted at every window, filtered forward, labels carried from fit to fit."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.backtest.regime_window import regime_window
from pipeline.backtest.windows import Window
from pipeline.domain.desk import Desk
from pipeline.ingest.packing import unpacked
from pipeline.ingest.pieces import Pieces, anew
from pipeline.regimes.base import Detector
from pipeline.regimes.catalogue import DETECTORS
from pipeline.regimes.describe import describe, transition_table

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


def learn_regimes(
    desk: Desk,
    features: pd.DataFrame,
    windows: Sequence[Window],
    pieces: Pieces = anew,
    moves: str = "return_1d",
) -> LearnedRegimes:
    """Fit the desk's detector before each window and filter through it.

    A fit sees the sessions before its window only. Its filter runs from the first session, so that the
    probabilities at the start of the window rest on the whole past. Labels are matched to the previous fit.
    `pieces` may know windows whose rows have not changed; `moves` is the column of the log returns.
    """
    columns = features[list(desk.regimes.features)]
    returns = features[moves].to_numpy(dtype=float)
    tables = []
    previous: dict[str, np.ndarray] | None = None
    for window in windows:
        piece = pieces(
            "regime_window",
            regime_window,
            settings=desk.regimes.model_copy(update={"map": {}}),
            seed=desk.seed,
            features=columns.iloc[: window.stop],
            returns=returns[: window.start],
            previous=previous,
            reach=desk.forecasts.horizons[-1],
        )
        tables.append(piece["signals"])
        previous = unpacked(piece.read_bytes("detector.npz"))
    assert previous is not None
    last = DETECTORS[desk.regimes.detector].from_arrays(previous)
    signals = pd.concat(tables)
    known = signals.filter(like="regime_prob_").to_numpy()
    described = describe(known, returns[signals.index], desk.regimes.names).reset_index(names="name")
    transition = transition_table(last.transition_, desk.regimes.names).reset_index(names="from")
    return LearnedRegimes(signals, described, transition, last)
