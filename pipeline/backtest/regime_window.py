"""One window of a regime walk: a detector fitted before it, labelled like the last, and run through it."""

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.backtest.packing import packed
from pipeline.domain.desk import RegimeSettings
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.dataset import Output
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
    """Return `regime_prob_k` and, for m = 1 … `reach`, `regime_variance_m`, from row `first` on."""
    to_go = variance_to_go(prob, fitted.transition_, fitted.state_variance_, reach)
    names = [f"regime_prob_{k}" for k in range(prob.shape[1])]
    names += [f"regime_variance_{m}" for m in range(1, reach + 1)]
    return pd.DataFrame(np.hstack([prob, to_go]), columns=names, index=range(first, first + len(prob)))
