"""Variance until expiry in a Markov-switching market."""

import numpy as np

from pipeline.domain.instruments import FloatArray


def expected_variance(transition: FloatArray, state_variance: FloatArray, steps: int) -> FloatArray:
    """Return the expected variance of the next m = 1 … M sessions when the first of them is in state k.

    v_{k,m} = Σ_{j=0}^{m−1} (A^j σ²)_k; with predicted probabilities π the variance to go is π v.

    Parameters
    ----------
    transition : [K, K] A, per session.
    state_variance : [K] σ², per session.
    steps : M ≥ 1.

    Returns
    -------
    [K, M], in the units of `state_variance`.

    References
    ----------
    Hamilton (1989), eq. 3.2: E[z_{t+j}] = A^j z_t.

    Examples
    --------
    >>> expected_variance(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([1.0, 3.0]), 3)
    array([[1. , 3. , 5.5],
           [3. , 6. , 9. ]])
    """
    each = np.empty((len(state_variance), steps))
    each[:, 0] = state_variance
    for j in range(1, steps):
        each[:, j] = transition @ each[:, j - 1]
    return np.asarray(np.cumsum(each, axis=1))


def variance_to_go(
    prob: FloatArray, transition: FloatArray, state_variance: FloatArray, steps: int
) -> FloatArray:
    """Return the expected variance of the m = 1 … M sessions after each row, from its filtered probabilities.

    V_{t,m} = Σ_{j=0}^{m−1} π_{t|t} A^{j+1} σ²: the next session has the *predicted* probabilities π_{t|t} A.

    Parameters
    ----------
    prob : [..., K] filtered probabilities, [T, K] or [N, T, K].
    transition : [K, K] A, per session.
    state_variance : [K] σ², per session.
    steps : M ≥ 1.

    Returns
    -------
    [..., M], in the units of `state_variance`; times 252 / m it is annual. NaN where `prob` is NaN. A row of
    the result depends, to the last bit, on its own row of `prob` only.

    References
    ----------
    Hamilton (1989), eq. 3.2.

    Examples
    --------
    >>> stay = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> variance_to_go(np.array([[1.0, 0.0]]), stay, np.array([1.0, 4.0]), 2)
    array([[1.3 , 2.81]])
    """
    ahead = transition @ expected_variance(transition, state_variance, steps)
    total = prob[..., 0, None] * ahead[0]
    for state in range(1, len(state_variance)):
        total = total + prob[..., state, None] * ahead[state]
    return np.asarray(total)
