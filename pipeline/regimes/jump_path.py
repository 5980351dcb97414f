"""Regimes of least loss when every move costs a penalty: the heart of the statistical jump model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import kmeans_plusplus

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
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


@kept(nogil=True)
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
    labels = np.empty(len(loss), dtype=np.int64)
    losses = np.ascontiguousarray(loss, dtype=np.float64)
    total = _cheapest_path(losses, _starts(lengths, len(loss)), float(penalty), labels)
    return labels, total


@kept(nogil=True)
def _descend(
    x: FloatArray, first: BoolArray, penalty: float, means: FloatArray, labels: IntArray
) -> tuple[float, bool]:
    """Write the best `means` [K, D] and `labels` [T] from these means on; return the loss, and if it settled.

    In turn the cheapest path for the means and the means of the path, until the objective falls no more. A
    state without rows stays where it was.
    """
    (rows, dims), states = x.shape, len(means)
    loss, found = np.empty((rows, states)), np.empty(rows, dtype=np.int64)
    total = np.inf
    for _ in range(_MOST_STEPS + 1):
        for t in range(rows):
            for k in range(states):
                squares = 0.0
                for d in range(dims):
                    squares += (x[t, d] - means[k, d]) ** 2
                loss[t, k] = 0.5 * squares
        lower = _cheapest_path(loss, first, penalty, found)
        if not lower < total:
            return total, True
        total = lower
        labels[:] = found
        held, sums = np.zeros(states), np.zeros((states, dims))
        for t in range(rows):
            held[labels[t]] += 1.0
            for d in range(dims):
                sums[labels[t], d] += x[t, d]
        for k in range(states):
            if held[k] > 0.0:
                means[k] = sums[k] / held[k]
    return total, False


def first_means(x: FloatArray, states: int, rng: np.random.Generator) -> FloatArray:
    """Return the means [K, D] of a k-means++ start on x [T, D]."""
    means, _ = kmeans_plusplus(x, states, random_state=int(rng.integers(2**31)))
    return np.asarray(means, dtype=np.float64)


def fit_jumps(x: FloatArray, lengths: IntArray, means: FloatArray, penalty: float) -> JumpFit:
    """Fit a statistical jump model from one start.

    min over θ, s of Σ_t ½‖x_t − θ_{s_t}‖² + λ Σ_t 1{s_t ≠ s_{t−1}}: in turn the cheapest path for the means
    and the means of the path, until the objective falls no more.

    Parameters
    ----------
    x : [T, D], finite, on comparable scales.
    lengths : as in `cheapest_path`.
    means : [K, D] to start from (`first_means`).
    penalty : λ ≥ 0, in the units of half a squared distance; 0 is K-Means.

    References
    ----------
    Nystrup, Lindström and Madsen (2020), eq. 4 and algorithm 1.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [4.9], [0.1], [5.0], [5.1], [0.2], [4.9]])
    >>> fit = fit_jumps(x, np.array([8]), np.array([[0.0], [5.0]]), penalty=5.0)
    >>> fit.labels
    array([0, 0, 1, 0, 1, 1, 0, 1])
    """
    labels, found = np.empty(len(x), dtype=np.int64), np.array(means, dtype=np.float64)
    rows = np.ascontiguousarray(x, dtype=np.float64)
    total, settled = _descend(rows, _starts(lengths, len(x)), float(penalty), found, labels)
    return JumpFit(found, labels, total, settled)


def _starts(lengths: IntArray, rows: int) -> BoolArray:
    """Return the rows that start a run, as a mask [T]."""
    first = np.zeros(rows, dtype=np.bool_)
    first[np.r_[0, np.cumsum(lengths)[:-1]]] = True
    return first
