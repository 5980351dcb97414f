"""Polynomials on probabilities: nodes of the simplex, and the weights that interpolate between them."""

from functools import cache, lru_cache
from itertools import combinations

import numpy as np
from scipy.special import gammaln

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.markov_chain import IntArray


@lru_cache(maxsize=32)
def exponents(states: int, degree: int) -> IntArray:
    """Return every α of K whole numbers with Σ α = n, [M, K]: M = (n + K − 1)! / (n! (K − 1)!).

    Examples
    --------
    >>> exponents(2, 2).tolist()
    [[0, 2], [1, 1], [2, 0]]
    """
    bars = np.array(list(combinations(range(degree + states - 1), states - 1)), dtype=np.int64)
    bars = bars.reshape(-1, states - 1)
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), degree + states - 1)])
    return np.asarray(np.diff(edges, axis=1) - 1)


@lru_cache(maxsize=32)
def nodes(states: int, degree: int) -> FloatArray:
    """Return M points of the simplex of K probabilities at which a polynomial of degree n is held, [M, K].

    On two states they are the extrema of the Chebyshev polynomial. On more each is the mean of the nodes of
    its faces, weighted by the nodes of an edge, so that the faces have the nodes of their own size.

    References
    ----------
    Isaac (2020), eqs. 1 and 2, from Chebyshev's nodes.

    Examples
    --------
    >>> nodes(2, 2).round(6).tolist()
    [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    if degree == 0:
        return np.full((1, states), 1.0 / states)
    return np.array([_node(tuple(map(int, alpha))) for alpha in exponents(states, degree)])


@cache
def _node(alpha: tuple[int, ...]) -> FloatArray:
    if len(alpha) == 1:
        return np.ones(1)
    if len(alpha) == 2:
        degree = sum(alpha)
        share = 0.5 if degree == 0 else 0.5 - 0.5 * np.cos(np.pi * alpha[0] / degree)
        return np.array([share, 1.0 - share])
    total, point = 0.0, np.zeros(len(alpha))
    for without in range(len(alpha)):
        face = alpha[:without] + alpha[without + 1 :]
        weight = _node((sum(face), alpha[without]))[0]
        total += weight
        point += weight * np.insert(_node(face), without, 0.0)
    return point / total


def bernstein(prob: FloatArray, degree: int) -> FloatArray:
    """Return Bernstein's polynomials n!/(Π α!) Π p^α at probabilities [..., K]: [..., M].

    Examples
    --------
    >>> bernstein(np.array([0.5, 0.5]), 2).tolist()
    [0.25, 0.5, 0.25]
    """
    alpha = exponents(prob.shape[-1], degree)
    factor = np.exp(gammaln(degree + 1) - gammaln(alpha + 1).sum(axis=1))
    powers = np.ones((degree + 1, *prob.shape))
    for power in range(1, degree + 1):
        powers[power] = powers[power - 1] * prob
    found = np.broadcast_to(factor.round(), (*prob.shape[:-1], len(alpha))).copy()
    for state in range(prob.shape[-1]):
        found *= np.moveaxis(powers[alpha[:, state], ..., state], 0, -1)
    return found


@lru_cache(maxsize=32)
def coefficients(states: int, degree: int) -> FloatArray:
    """Return C [M, M]: `bernstein(p) @ C @ values` is the polynomial through `values` [M] at the nodes."""
    return np.asarray(np.linalg.inv(bernstein(nodes(states, degree), degree)))
