"""How well intervals cover, in all and in each regime, and what their width costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.intervals import COVERAGE, Interval, winkler
from pipeline.forecasts.scores import diebold_mariano

RIVAL = "log_har_normal"
EVERYWHERE = "all"


def interval_table(
    intervals: Mapping[str, Interval],
    y: FloatArray,
    regime: NDArray[np.int64],
    names: Sequence[str],
    horizon: int,
) -> pd.DataFrame:
    """Score intervals on the rows that all of them and the outcome have.

    Parameters
    ----------
    intervals : edges [T] by model, `log_har_normal` among them.
    y : [T] outcomes, floored so that they are positive.
    regime : [T] likeliest regime when the forecast was made.
    names : of the regimes.
    horizon : sessions ahead, for the test.

    Returns
    -------
    pd.DataFrame
        One row a model and regime, `all` first: `coverage, below, above` (shares of the outcomes), `ratio`
        (geometric mean of upper over lower edge), `winkler` (in units of the target), `winkler_log` (of the
        logarithms, so that a quiet and a wild session count alike), `dm_p` (two-sided test of equal
        `winkler_log` with log-HAR's, all regimes only) and `n`. A regime without a row is NaN with n = 0.

    Raises
    ------
    DataError
        The rival is missing, or no row can be scored.
    """
    if RIVAL not in intervals:
        raise DataError(f"intervals of {RIVAL} are missing: the others are compared with them")
    edges = [edge for each in intervals.values() for edge in (each.lower, each.upper)]
    scored = np.isfinite([y, *edges]).all(axis=0)
    if not scored.any():
        raise DataError("no row with an outcome and an interval of every model")
    logs = {name: _log_scores(each, y)[scored] for name, each in intervals.items()}
    groups = {EVERYWHERE: scored, **{name: scored & (regime == k) for k, name in enumerate(names)}}
    rows = []
    for model, each in intervals.items():
        enough = model != RIVAL and scored.sum() > 2 * horizon
        p = diebold_mariano(logs[model], logs[RIVAL], horizon).p_value if enough else np.nan
        for group, mask in groups.items():
            p_value = p if group == EVERYWHERE else np.nan
            rows.append({"model": model, "regime": group, **_measured(each, y, mask), "dm_p": p_value})
    return pd.DataFrame(rows)


def _log_scores(each: Interval, y: FloatArray) -> FloatArray:
    return winkler(np.log(y), Interval(np.log(each.lower), np.log(each.upper)), COVERAGE)


def _measured(each: Interval, y: FloatArray, mask: NDArray[np.bool_]) -> dict[str, float]:
    if not mask.any():
        names = ("coverage", "below", "above", "ratio", "winkler", "winkler_log")
        return {**dict.fromkeys(names, np.nan), "n": 0}
    part, outcome = Interval(each.lower[mask], each.upper[mask]), y[mask]
    below, above = float((outcome < part.lower).mean()), float((outcome > part.upper).mean())
    return {
        "coverage": 1.0 - below - above,
        "below": below,
        "above": above,
        "ratio": float(np.exp(np.log(part.upper / part.lower).mean())),
        "winkler": float(winkler(outcome, part).mean()),
        "winkler_log": float(_log_scores(part, outcome).mean()),
        "n": int(mask.sum()),
    }
