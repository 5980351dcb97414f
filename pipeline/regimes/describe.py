"""What the regimes look like: volatility, trend, occupancy, durations."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray

SESSIONS_A_YEAR = 252
_TREND_SESSIONS = 5


def describe(prob: FloatArray, returns: FloatArray, names: Sequence[str]) -> pd.DataFrame:
    """Describe each regime over consecutive sessions; a session counts as in its likeliest regime.

    Parameters
    ----------
    prob : [T, K] filtered probabilities.
    returns : [T] close-to-close log returns of the same sessions; NaN is left out.
    names : [K] regime names, the calmest first.

    Returns
    -------
    One row a regime, indexed by name: `volatility` and `mean_return` (annual decimals, weighted by
    probability), `variance_ratio` (see `variance_ratios`) and `trend` (trending above 1, range-bound below),
    `occupancy` (mean probability), `mean_duration` (sessions of an unbroken stay, NaN where there was none)
    and `entries_a_year`.

    Examples
    --------
    >>> prob = np.array([[1.0, 0.0]] * 20 + [[0.0, 1.0]] * 10)
    >>> returns = np.array([0.01, -0.01] * 10 + [0.02] * 10)
    >>> table = describe(prob, returns, ["calm", "turbulent"])
    >>> table["trend"].to_dict()
    {'calm': 'range-bound', 'turbulent': 'trending'}
    >>> table["mean_duration"].to_list()
    [20.0, 10.0]
    """
    known = np.isfinite(returns)
    ratio = variance_ratios(prob, returns)
    durations, entries = _stays(prob.argmax(axis=1), prob.shape[1])
    mean = _weighted_mean(prob[known], returns[known])
    variance = _weighted_mean(prob[known], returns[known] ** 2)
    return pd.DataFrame(
        {
            "volatility": np.sqrt(SESSIONS_A_YEAR * variance),
            "mean_return": SESSIONS_A_YEAR * mean,
            "variance_ratio": ratio,
            "trend": np.select([ratio > 1.0, ratio <= 1.0], ["trending", "range-bound"], "unseen"),
            "occupancy": prob.mean(axis=0),
            "mean_duration": durations,
            "entries_a_year": entries * SESSIONS_A_YEAR / len(prob),
        },
        index=pd.Index(list(names), name="regime"),
    )


def variance_ratios(prob: FloatArray, returns: FloatArray, sessions: int = _TREND_SESSIONS) -> FloatArray:
    """Return the variance ratio [K] of each regime: above 1 returns go on, below 1 they turn back.

    VR_k = Σ_t p_t(k) (r_t + … + r_{t−q+1})² / Σ_t p_t(k) (r_t² + … + r_{t−q+1}²), q sessions up to row t.

    Parameters
    ----------
    prob : [T, K].
    returns : [T]; windows with a NaN are left out.
    sessions : q.

    References
    ----------
    Lo and MacKinlay (1988), eq. 5, weighted by regime and without the removal of the mean.

    Examples
    --------
    >>> variance_ratios(np.ones((6, 1)), np.array([0.01, -0.01] * 3), sessions=2)
    array([0.])
    """
    windows = np.lib.stride_tricks.sliding_window_view(returns, sessions)
    whole = np.isfinite(windows).all(axis=1)
    weight = prob[sessions - 1 :][whole]
    together = _weighted_mean(weight, windows[whole].sum(axis=1) ** 2)
    return together / _weighted_mean(weight, (windows[whole] ** 2).sum(axis=1))


def switches_a_year(prob: FloatArray) -> float:
    """Return how often a year the likeliest regime of filtered probabilities [T, K] changes.

    Examples
    --------
    >>> switches_a_year(np.array([[0.9, 0.1]] * 126 + [[0.2, 0.8]] * 126))
    1.0
    """
    labels = prob.argmax(axis=1)
    return float(np.count_nonzero(np.diff(labels)) * SESSIONS_A_YEAR / len(labels))


def transition_table(transition: FloatArray, names: Sequence[str]) -> pd.DataFrame:
    """Return the transition matrix with names, and the expected stay 1 / (1 − A_kk) in sessions.

    Examples
    --------
    >>> table = transition_table(np.array([[0.9, 0.1], [0.2, 0.8]]), ["calm", "turbulent"])
    >>> table["expected_stay"].round(1).to_dict()
    {'calm': 10.0, 'turbulent': 5.0}
    """
    table = pd.DataFrame(
        transition, index=pd.Index(list(names), name="from"), columns=[f"to {name}" for name in names]
    )
    with np.errstate(divide="ignore"):
        return table.assign(expected_stay=1.0 / (1.0 - np.diagonal(transition)))


def _weighted_mean(weight: FloatArray, values: FloatArray) -> FloatArray:
    """Mean of values [T] under each column of weight [T, K]; NaN where a column is zero."""
    total = weight.sum(axis=0)
    return np.asarray(weight.T @ values / np.where(total > 0.0, total, np.nan))


def _stays(labels: np.ndarray, states: int) -> tuple[FloatArray, FloatArray]:
    """Mean length of the unbroken stays in each state, NaN where there is none, and their number."""
    starts = np.flatnonzero(np.r_[True, np.diff(labels) != 0])
    lengths = np.diff(np.r_[starts, len(labels)])
    number = np.bincount(labels[starts], minlength=states).astype(np.float64)
    total = np.bincount(labels[starts], weights=lengths, minlength=states)
    return np.where(number > 0, total / np.maximum(number, 1.0), np.nan), number
