"""One window of a regime walk: a detector fitted before it, labelled like the last, and run through it."""

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import RegimeSettings
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.dataset import Output
from pipeline.ingest.packing import packed
from pipeline.regimes.alignment import align
from pipeline.regimes.base import Detector
from pipeline.regimes.catalogue import DETECTORS, detector
from pipeline.regimes.variance_to_go import variance_to_go

log = logging.getLogger(__name__)


def regime_window(
    settings: RegimeSettings,
    seed: int,
    features: pd.DataFrame,
    returns: FloatArray,
    previous: Mapping[str, np.ndarray] | None,
    reach: int,
) -> Output:
    """Fit a detector before a window and filter through it.

    Parameters
    ----------
    settings, seed : which detector.
    features : [stop rows] the detector's columns until the window ends.
    returns : [start] close-to-close log returns of the rows before the window.
    previous : arrays of the fit before, whose labels are kept.
    reach : sessions that the variance to go reaches.

    Returns
    -------
    The table `signals`, rows start … stop − 1 (see `regime_columns`), and the fit, `detector.npz`.
    """
    start = len(returns)
    fitted: Detector = detector(settings, seed).fit(features.iloc[:start], returns)
    if previous is not None:
        match = align(DETECTORS[settings.detector].from_arrays(dict(previous)), fitted)
        fitted = fitted.relabelled(match.order)
        if match.by_volatility:
            log.warning("regimes: no match keeps regime 0 the calmest at row %d, labelled anew", start)
    columns = regime_columns(fitted, fitted.filter(features)[start:], reach, start)
    return {"signals": columns, "detector.npz": packed(fitted.to_arrays())}


def regime_columns(fitted: Detector, prob: FloatArray, reach: int, first: int) -> pd.DataFrame:
    """Return the signals of a detector from row `first` on.

    They are `regime_prob_k`, for m = 1 … `reach` `regime_variance_m`, and `regime_model_columns`.
    """
    to_go = variance_to_go(prob, fitted.transition_, fitted.state_variance_, reach)
    names = [f"regime_prob_{k}" for k in range(prob.shape[1])]
    names += [f"regime_variance_{m}" for m in range(1, reach + 1)]
    names += regime_model_columns(prob.shape[1])
    model = np.concatenate([fitted.transition_.ravel(), fitted.state_variance_])
    columns = np.hstack([prob, to_go, np.broadcast_to(model, (len(prob), len(model)))])
    return pd.DataFrame(columns, columns=names, index=range(first, first + len(prob)))


def regime_model_columns(regimes: int) -> list[str]:
    """Return the names of the columns that hold a detector's moves, row by row, and its variances.

    Examples
    --------
    >>> regime_model_columns(2)[1:5]
    ['regime_move_0_1', 'regime_move_1_0', 'regime_move_1_1', 'regime_session_variance_0']
    """
    moves = [f"regime_move_{i}_{j}" for i in range(regimes) for j in range(regimes)]
    return moves + [f"regime_session_variance_{k}" for k in range(regimes)]


def regime_model(
    rows: pd.DataFrame, regimes: int, at: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray] | tuple[None, None]:
    """Return the moves [..., K, K] and variances [..., K] of the detector that each row `at` [...] had.

    Signals without a model of their regimes have neither.
    """
    names = regime_model_columns(regimes)
    if not set(names) <= set(rows.columns):
        return None, None
    table = rows[names].to_numpy(dtype=np.float64)[at]
    moves = table[..., : regimes**2].reshape(*at.shape, regimes, regimes)
    return moves, table[..., regimes**2 :]
