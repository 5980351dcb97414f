"""An interval for the probability of an event, from how often it came after such forecasts."""

import numpy as np
from scipy.optimize import isotonic_regression

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray

FEWEST_CALIBRATED = 50
"""Forecasts with a known outcome, of both kinds, below which an interval says nothing: 0 to 1."""


def venn_abers(scores: FloatArray, events: FloatArray, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Return the two probabilities between which a calibrated one lies, for every forecast asked.

    .. math:: p_0 = g_0(s), \quad p_1 = g_1(s)

    where g_y is the isotonic regression of the events on the scores with the pair (s, y) added: the first as
    if the event would not come, the second as if it would. One of the two is calibrated, whatever the scores,
    as long as calibrated and asked forecasts are exchangeable; their distance tells how much is known there.

    Parameters
    ----------
    scores, events : [N] forecasts made before their outcome was known, and the outcome, 0 or 1.
    asked : [T] forecasts; NaN gives NaN.

    Returns
    -------
    lower, upper : [T] p₀ ≤ p₁; 0 and 1 where `scores` are fewer than `FEWEST_CALIBRATED` or all of one kind.

    Raises
    ------
    DataError
        The lengths differ, or an event is neither 0 nor 1.

    References
    ----------
    Vovk, Petej (2014), "Venn–Abers predictors", section 3 (inductive form).

    Examples
    --------
    >>> scores = np.linspace(0.0, 1.0, 200)
    >>> lower, upper = venn_abers(scores, (scores > 0.5).astype(float), np.array([0.1, 0.9]))
    >>> lower.round(2).tolist(), upper.round(2).tolist()
    ([0.0, 0.99], [0.01, 1.0])
    """
    if scores.shape != events.shape:
        raise DataError(f"{len(scores)} scores and {len(events)} events: give one event for each score")
    if not np.isin(events, (0.0, 1.0)).all():
        raise DataError("an event is 0 or 1")
    lower, upper = np.full(len(asked), np.nan), np.full(len(asked), np.nan)
    known = np.isfinite(asked)
    if len(scores) < FEWEST_CALIBRATED or events.min() == events.max():
        lower[known], upper[known] = 0.0, 1.0
        return lower, upper
    values, group = np.unique(scores, return_inverse=True)
    weight = np.bincount(group).astype(np.float64)
    total: FloatArray = np.bincount(group, events).astype(np.float64)
    places, back = np.unique(asked[known], return_inverse=True)
    found = np.array([[_fitted(values, weight, total, s, y) for y in (0.0, 1.0)] for s in places.tolist()])
    lower[known], upper[known] = found[back].T
    return lower, upper


def merged(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return one probability between the two, p₁/(1 − p₀ + p₁): the one of least regret in log loss.

    Examples
    --------
    >>> merged(np.array([0.1]), np.array([0.2])).round(3).tolist()
    [0.182]
    """
    return np.asarray(upper / (1.0 - lower + upper))


def _fitted(values: FloatArray, weight: FloatArray, total: FloatArray, score: float, event: float) -> float:
    place = int(np.searchsorted(values, score))
    if place < len(values) and values[place] == score:
        weight, total = weight.copy(), total.copy()
        weight[place] += 1.0
        total[place] += event
    else:
        weight, total = np.insert(weight, place, 1.0), np.insert(total, place, event)
    return float(isotonic_regression(total / weight, weights=weight).x[place])
