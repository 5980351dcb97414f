"""Regimes of least loss when every move costs a penalty: the heart of the statistical jump model."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.cluster import kmeans_plusplus

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.markov_chain import IntArray

BoolArray = NDArray[np.bool_]

_MOST_STEPS = 300


@dataclass(frozen=True)
class JumpFit:
    """A jump model's means [K, D], the state of every row [T] and its objective.

    `settled` is false where the steps ran out, `whole` where some state holds no row.
    """

    means: FloatArray
    labels: IntArray
    loss: float
    settled: bool

    @property
    def whole(self) -> bool:
        """Every state holds a row."""
        return len(np.unique(self.labels)) == len(self.means)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _cheapest_path(loss: FloatArray, first: BoolArray, penalty: float, labels: IntArray) -> float:
    """Fill `labels` [T]; rows where `first` is true start a run, into which every move is free."""
    rows, states = loss.shape
    value = np.zeros(states)
    moved = np.empty((rows, states), dtype=np.int64)
    for t in range(rows):
        best = 0
        for k in range(1, states):
            if value[k] < value[best]:
                best = k
        toll = value[best] + (0.0 if first[t] else penalty)
        for k in range(states):
            moved[t, k] = k
            if toll < value[k]:
                moved[t, k] = best
                value[k] = toll
            value[k] += loss[t, k]
    last = 0
    for k in range(1, states):
        if value[k] < value[last]:
            last = k
    total = value[last]
    for t in range(rows - 1, -1, -1):
        labels[t] = last
        last = moved[t, last]
    return float(total)


def cheapest_path(loss: FloatArray, lengths: IntArray, penalty: float) -> tuple[IntArray, float]:
    """Return the states that minimise Σ_t loss_{t, s_t} + λ Σ_t 1{s_t ≠ s_{t−1}}, and the minimum.

    Parameters
    ----------
    loss : [T, K] of each row in each state, finite.
    lengths : sessions of the unbroken runs that the rows form; a move between runs is free.
    penalty : λ ≥ 0.

    Returns
    -------
    states [T] and the minimum. It looks at all rows, so it labels training rows and never filters.

    References
    ----------
    Bemporad, Breschi, Piga and Boyd (2018), algorithm 2: the dynamic programme, here O(T K).

    Examples
    --------
    >>> loss = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> cheapest_path(loss, np.array([3]), penalty=0.4)
    (array([0, 1, 0]), 0.8)
    >>> cheapest_path(loss, np.array([3]), penalty=0.6)
    (array([0, 0, 0]), 1.0)
    """
    first = np.zeros(len(loss), dtype=np.bool_)
    first[np.r_[0, np.cumsum(lengths)[:-1]]] = True
    labels = np.empty(len(loss), dtype=np.int64)
    total = _cheapest_path(np.ascontiguousarray(loss, dtype=np.float64), first, float(penalty), labels)
    return labels, total


def fit_jumps(
    x: FloatArray, lengths: IntArray, states: int, penalty: float, rng: np.random.Generator
) -> JumpFit:
    """Fit a statistical jump model from one k-means++ start.

    min over θ, s of Σ_t ½‖x_t − θ_{s_t}‖² + λ Σ_t 1{s_t ≠ s_{t−1}}: in turn the cheapest path for the means
    and the means of the path, until the objective falls no more.

    Parameters
    ----------
    x : [T, D], finite, on comparable scales.
    lengths : as in `cheapest_path`.
    states : K.
    penalty : λ ≥ 0, in the units of half a squared distance; 0 is K-Means.

    References
    ----------
    Nystrup, Lindström and Madsen (2020), eq. 4 and algorithm 1.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [4.9], [0.1], [5.0], [5.1], [0.2], [4.9]])
    >>> fit = fit_jumps(x, np.array([8]), states=2, penalty=5.0, rng=np.random.default_rng(7))
    >>> fit.labels[0] == fit.labels[3], fit.labels[4] == fit.labels[7], fit.labels[0] == fit.labels[7]
    (np.True_, np.True_, np.False_)
    """
    means, _ = kmeans_plusplus(x, states, random_state=int(rng.integers(2**31)))
    labels, total = cheapest_path(_half_squares(x, means), lengths, penalty)
    for _ in range(_MOST_STEPS):
        means = _means(x, labels, means)
        found, lower = cheapest_path(_half_squares(x, means), lengths, penalty)
        if not lower < total:
            return JumpFit(means, labels, total, settled=True)
        labels, total = found, lower
    return JumpFit(means, labels, total, settled=False)


def _half_squares(x: FloatArray, means: FloatArray) -> FloatArray:
    loss = np.empty((len(x), len(means)))
    for state, mean in enumerate(means):
        loss[:, state] = 0.5 * ((x - mean) ** 2).sum(axis=1)
    return loss


def _means(x: FloatArray, labels: IntArray, before: FloatArray) -> FloatArray:
    """Mean of the rows of each state; a state without rows stays where it was."""
    rows = np.bincount(labels, minlength=len(before))
    total = [np.bincount(labels, weights=column, minlength=len(before)) for column in x.T]
    means = np.stack(total, axis=1) / np.maximum(rows, 1)[:, None]
    return np.where(rows[:, None] > 0, means, before)
