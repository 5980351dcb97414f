"""Intervals of the probabilities of a walk, from what came of the forecasts that were made before."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.forecast_walk import Walk
from pipeline.backtest.windows import Window
from pipeline.forecasts.events import Climatology
from pipeline.forecasts.harness import training_rows
from pipeline.forecasts.scores import diebold_mariano
from pipeline.forecasts.venn_abers import merged, venn_abers

ALL: Final = "all"
GROUPS: Final = 5
JUDGED: Final = (
    "event", "group", "n", "forecast", "lower", "upper", "observed", "inside", "brier", "brier_base", "p",
)  # fmt: skip


def event_intervals(walk: Walk, windows: Sequence[Window], embargo: int) -> pd.DataFrame:
    """Return `prob`, `lower` and `upper` of every row of a walk, see `forecasts.venn_abers`.

    The forecasts of a window are calibrated on the forecasts of the windows before whose outcome was known
    when it began, less the embargo; those of the first window have none, so their interval is 0 to 1. What
    is an event may move from window to window, with the training rows that its threshold comes from.
    """
    prob = np.asarray(walk.chosen, dtype=np.float64)
    lower, upper = np.empty_like(prob), np.empty_like(prob)
    first = windows[0].start
    for window in windows:
        own = slice(window.start - first, window.stop - first)
        outcome = np.arange(len(prob)) + walk.offset
        known = training_rows(outcome, window.start - first, embargo)
        known &= np.isfinite(walk.actual) & np.isfinite(prob)
        lower[own], upper[own] = venn_abers(prob[known], walk.actual[known], prob[own])
    columns = {"prob": prob, "lower": lower, "upper": upper}
    return pd.DataFrame(columns, index=walk.predictions.index)


def judged_event(walk: Walk, found: pd.DataFrame, tested: NDArray[np.bool_], event: str) -> pd.DataFrame:
    """Return how the intervals did on the tested rows: all, and in five groups by their forecast.

    Returns
    -------
    `JUDGED`: means of `forecast`, `lower` and `upper`, the frequency `observed`, whether it lies `inside`
    them; for all rows also the Brier score of the merged probability p₁/(1 − p₀ + p₁), that of the base
    rate, and `p` of Diebold and Mariano's test that they are equal.
    """
    rows = tested & np.isfinite(walk.actual) & found.notna().all(axis=1).to_numpy()
    own, came = found[rows], walk.actual[rows]
    if not len(own):
        return pd.DataFrame(columns=list(JUDGED))
    one = merged(own["lower"].to_numpy(float), own["upper"].to_numpy(float))
    base = walk.predictions.loc[own.index, Climatology.name].to_numpy(float)
    losses = (one - came) ** 2, (base - came) ** 2
    horizon = walk.task.horizon
    p = diebold_mariano(*losses, horizon).p_value if len(own) > 2 * horizon else float("nan")
    table = [(event, ALL, *_means(own, came), *(float(loss.mean()) for loss in losses), p)]
    prob = own["prob"].to_numpy(float)
    edges = np.unique(np.quantile(prob, np.arange(1, GROUPS) / GROUPS))
    group = np.searchsorted(edges, prob, side="left")
    nothing = (float("nan"),) * 3
    for place in np.unique(group).tolist():
        inside = group == place
        table.append((event, str(place + 1), *_means(own[inside], came[inside]), *nothing))
    return pd.DataFrame(table, columns=list(JUDGED))


def _means(own: pd.DataFrame, came: NDArray[np.float64]) -> tuple[int, float, float, float, float, bool]:
    forecast, lower, upper = (float(own[name].mean()) for name in ("prob", "lower", "upper"))
    observed = float(came.mean())
    return len(own), forecast, lower, upper, observed, lower <= observed <= upper
