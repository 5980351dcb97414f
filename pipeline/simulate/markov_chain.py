"""Finite Markov chains: stationary distribution and sampling."""

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray

IntArray = NDArray[np.int64]


def check_transition(transition: FloatArray) -> None:
    """Raise unless `transition` [K, K] holds probabilities and every row sums to one.

    Raises
    ------
    ValueError
        Naming the first row at fault.
    """
    if transition.ndim != 2 or transition.shape[0] != transition.shape[1]:
        raise ValueError(f"a transition matrix is square, not {transition.shape}")
    good = (transition >= 0.0).all(axis=1) & (np.abs(transition.sum(axis=1) - 1.0) < 1e-9)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"row {row} of the transition matrix is no distribution: {transition[row].tolist()}")


def stationary_distribution(transition: FloatArray) -> FloatArray:
    """Solve π A = π, Σ π = 1 for the distribution [K] in which a chain stays once it is there.

    `transition` is [K, K], rows are the states moved from.

    Raises
    ------
    ValueError
        A row is no distribution, or several stationary distributions exist (the chain falls apart).

    References
    ----------
    Norris (1997), Markov Chains, theorem 1.7.7.

    Examples
    --------
    >>> stationary_distribution(np.array([[0.98, 0.02], [0.05, 0.95]])).round(6)
    array([0.714286, 0.285714])
    """
    check_transition(transition)
    states = len(transition)
    balance = np.vstack([transition.T - np.eye(states), np.ones(states)])
    solution, _, rank, _ = np.linalg.lstsq(balance, np.r_[np.zeros(states), 1.0], rcond=1e-12)
    if rank < states:
        raise ValueError("the chain has more than one stationary distribution: some states never meet")
    positive = np.maximum(solution, 0.0)
    return np.asarray(positive / positive.sum())


def sample_chain(
    transition: FloatArray,
    *,
    steps: int,
    paths: int,
    rng: np.random.Generator,
    start: FloatArray | None = None,
) -> IntArray:
    """Sample N independent chains of T states; the first from `start` [K], by default the stationary one.

    Raises
    ------
    ValueError
        As `stationary_distribution`.

    Examples
    --------
    >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> sample_chain(swap, steps=4, paths=1, rng=np.random.default_rng(0), start=np.array([1.0, 0.0]))
    array([[0, 1, 0, 1]])
    """
    check_transition(transition)
    first = stationary_distribution(transition) if start is None else start
    edges = np.cumsum(transition, axis=1)[:, :-1]
    uniform = rng.random((steps, paths))
    states = np.empty((steps, paths), dtype=np.int64)
    states[0] = np.searchsorted(np.cumsum(first)[:-1], uniform[0], side="right")
    for t in range(1, steps):
        states[t] = (uniform[t][:, None] >= edges[states[t - 1]]).sum(axis=1)
    return np.ascontiguousarray(states.T)
