"""The causal forward filter: what is known of the regime now, from what was seen until now.

p(z_t | x_{1:t}) ∝ p(x_t | z_t) Σ_i A_{i,z_t} p(z_{t−1} = i | x_{1:t−1})   (Hamilton 1989, eq. 4.8)

No BLAS and no fast mathematics: the numbers up to row t do not depend, to the last bit, on later rows.
"""

import numpy as np
from numba import njit, prange

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.markov_chain import stationary_distribution

_SMALL, _LARGE = 1e-100, 1e100
"""Scales outside are near enough to underflow or overflow to be handled in logarithms."""


@njit(inline="always")  # type: ignore[untyped-decorator]
def _predict(filtered: FloatArray, t: int, transition: FloatArray, predicted: FloatArray) -> None:
    """Fill `predicted` [K] from row t of `filtered` [T, K]; rows are indexed: slices cost time here."""
    states = len(predicted)
    for j in range(states):
        total = 0.0
        for i in range(states):
            total += filtered[t, i] * transition[i, j]
        predicted[j] = total


@njit(inline="always")  # type: ignore[untyped-decorator]
def _update(
    predicted: FloatArray, log_density: FloatArray, filtered: FloatArray, t: int
) -> tuple[float, float]:
    """Fill row t of `filtered`; return λ, f of p(x_t | x_{1:t−1}) = f exp(λ); f = 0: impossible."""
    states = len(predicted)
    scale = 0.0
    for k in range(states):
        filtered[t, k] = predicted[k] * np.exp(log_density[k])
        scale += filtered[t, k]
    logarithm = 0.0
    if not _SMALL < scale < _LARGE:
        logarithm, scale = _rescale(predicted, log_density, filtered, t)
    inverse = 1.0 / scale if scale > 0.0 else 0.0
    for k in range(states):
        filtered[t, k] *= inverse
    return logarithm, scale


@kept()
def _rescale(
    predicted: FloatArray, log_density: FloatArray, filtered: FloatArray, t: int
) -> tuple[float, float]:
    """Weigh relative to the likeliest reachable state; a scale of 0 says that there is none."""
    states = len(predicted)
    peak = -np.inf
    for k in range(states):
        if predicted[k] > 0.0 and np.log(predicted[k]) + log_density[k] > peak:
            peak = np.log(predicted[k]) + log_density[k]
    if not np.isfinite(peak):
        return 0.0, 0.0
    scale = 0.0
    for k in range(states):
        filtered[t, k] = 0.0
        if predicted[k] > 0.0:
            filtered[t, k] = np.exp(np.log(predicted[k]) + log_density[k] - peak)
        scale += filtered[t, k]
    return peak, scale


@kept()
def _filter_densities(
    log_density: FloatArray, transition: FloatArray, predicted: FloatArray, filtered: FloatArray
) -> tuple[float, int]:
    """Filter rows of log densities; return the log-likelihood and the first impossible row (−1: none)."""
    log_likelihood = 0.0
    for t in range(len(log_density)):
        missing = False
        for k in range(len(predicted)):
            missing |= np.isnan(log_density[t, k])
        if missing:
            for k in range(len(predicted)):
                filtered[t, k] = predicted[k]
        else:
            logarithm, scale = _update(predicted, log_density[t], filtered, t)
            if scale == 0.0:
                return log_likelihood, t
            log_likelihood += logarithm + np.log(scale)
        _predict(filtered, t, transition, predicted)
    return log_likelihood, -1


@kept()
def _filter_gaussian(
    x: FloatArray,
    shift: FloatArray,
    whitening: FloatArray,
    log_norm: FloatArray,
    transition: FloatArray,
    predicted: FloatArray,
    filtered: FloatArray,
) -> tuple[float, int]:
    """Like `_filter_densities`, with the Gaussian log densities of row t made on the way.

    `whitening` is the inverse of the lower Cholesky factor, `shift` the whitened mean, `log_norm` the log
    density at the mean. Scales are multiplied and their logarithm taken once in many rows.
    """
    rows, dims = x.shape
    states = len(predicted)
    log_density = np.empty(states)
    log_likelihood, product = 0.0, 1.0
    for t in range(rows):
        missing = False
        for i in range(dims):
            missing |= np.isnan(x[t, i])
        if missing:
            for k in range(len(predicted)):
                filtered[t, k] = predicted[k]
        else:
            for k in range(states):
                square = 0.0
                for i in range(dims):
                    z = -shift[k, i]
                    for j in range(i + 1):
                        z += whitening[k, i, j] * x[t, j]
                    square += z * z
                log_density[k] = log_norm[k] - 0.5 * square
            logarithm, scale = _update(predicted, log_density, filtered, t)
            if scale == 0.0:
                return log_likelihood, t
            product *= scale
            if not _SMALL < product < _LARGE:
                log_likelihood += np.log(product)
                product = 1.0
            log_likelihood += logarithm
        _predict(filtered, t, transition, predicted)
    return log_likelihood + np.log(product), -1


@kept(parallel=True)
def _filter_returns(
    returns: FloatArray,
    drift: FloatArray,
    precision: FloatArray,
    log_norm: FloatArray,
    transition: FloatArray,
    start: FloatArray,
    prob: FloatArray,
) -> None:
    paths, steps = returns.shape
    states = len(start)
    for n in prange(paths):
        predicted = start.copy()
        log_density = np.empty(states)
        filtered = np.empty((1, states))
        prob[n, 0] = predicted
        for t in range(steps):
            for k in range(states):
                z = returns[n, t] - drift[k]
                log_density[k] = log_norm[k] - 0.5 * precision[k] * z * z
            _update(predicted, log_density, filtered, 0)
            _predict(filtered, 0, transition, predicted)
            for k in range(states):
                prob[n, t + 1, k] = predicted[k]


def forward_filter(
    log_density: FloatArray, transition: FloatArray, initial: FloatArray
) -> tuple[FloatArray, float]:
    """Return the filtered regime probabilities and the log-likelihood from log densities of the rows.

    Parameters
    ----------
    log_density : [T, K] log p(x_t | z_t = k). A row with a NaN is a missing observation: it moves the
        probabilities by `transition` only and adds nothing to the likelihood.
    transition : [K, K] A, rows are the states moved from.
    initial : [K] distribution of the state of the first row, before that row is seen.

    Returns
    -------
    filtered : [T, K] p(z_t | x_{1:t}).
    log_likelihood : log p(x_{1:T}).

    Raises
    ------
    DataError
        A row is impossible in every state that can be reached.

    References
    ----------
    Hamilton (1989), eq. 4.8; Rabiner (1989), eq. 19 with the scaling of section V.A.

    Examples
    --------
    >>> stay = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> log_density = np.log([[0.8, 0.2], [0.8, 0.2]])
    >>> forward_filter(log_density, stay, np.array([0.5, 0.5]))[0].round(3)
    array([[0.8  , 0.2  ],
           [0.919, 0.081]])
    """
    density = np.ascontiguousarray(log_density, dtype=np.float64)
    filtered = np.empty_like(density)
    moves = np.ascontiguousarray(transition, dtype=np.float64)
    log_likelihood, fault = _filter_densities(density, moves, np.array(initial, dtype=np.float64), filtered)
    _check_possible(fault)
    return filtered, float(log_likelihood)


def gaussian_forward_filter(
    x: FloatArray, means: FloatArray, covariances: FloatArray, transition: FloatArray, initial: FloatArray
) -> tuple[FloatArray, float]:
    """Return the filtered probabilities and the log-likelihood of rows with Gaussian emissions, in one pass.

    p(x_t | z_t = k) = N(x_t; μ_k, Σ_k).

    Parameters
    ----------
    x : [T, D] observations. A row with a NaN is a missing observation, as in `forward_filter`.
    means, covariances : [K, D] μ and [K, D, D] Σ, in the units of `x`.
    transition, initial : as in `forward_filter`.

    Returns
    -------
    filtered : [T, K].
    log_likelihood : of the rows without NaN.

    Raises
    ------
    DataError
        A row is impossible in every state that can be reached (an infinite value, for instance).
    numpy.linalg.LinAlgError
        A covariance is not positive definite.

    References
    ----------
    As `forward_filter`.

    Examples
    --------
    >>> filtered, _ = gaussian_forward_filter(
    ...     np.array([[0.0], [3.0], [np.nan]]), np.array([[0.0], [3.0]]), np.ones((2, 1, 1)),
    ...     np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0.5, 0.5]),
    ... )
    >>> filtered.round(2)
    array([[0.99, 0.01],
           [0.08, 0.92],
           [0.17, 0.83]])
    """
    rows = np.ascontiguousarray(x, dtype=np.float64)
    centers = np.ascontiguousarray(means, dtype=np.float64)
    whitening, log_norm = _whitening(np.asarray(covariances, dtype=np.float64))
    shift = (whitening * centers[:, None, :]).sum(axis=2)
    moves = np.ascontiguousarray(transition, dtype=np.float64)
    filtered = np.empty((len(rows), len(centers)))
    predicted = np.array(initial, dtype=np.float64)
    log_likelihood, fault = _filter_gaussian(rows, shift, whitening, log_norm, moves, predicted, filtered)
    _check_possible(fault)
    return filtered, float(log_likelihood)


class RunningFilter:
    """The filter of Gaussian emissions one row after another, with the bits of `gaussian_forward_filter`.

    Parameters
    ----------
    means, covariances, transition : as there.
    after : [K] filtered probabilities of the row before the next one.

    Examples
    --------
    >>> emissions = np.array([[0.0], [3.0]]), np.ones((2, 1, 1)), np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> RunningFilter(*emissions, after=np.array([0.5, 0.5])).step(np.array([0.0])).round(2)
    array([0.99, 0.01])
    """

    def __init__(
        self, means: FloatArray, covariances: FloatArray, transition: FloatArray, after: FloatArray
    ) -> None:
        whitening, log_norm = _whitening(np.asarray(covariances, dtype=np.float64))
        shift = (whitening * np.asarray(means, dtype=np.float64)[:, None, :]).sum(axis=2)
        moves = np.ascontiguousarray(transition, dtype=np.float64)
        self._terms = (shift, whitening, log_norm, moves, predict_prob(after, moves))
        self._x = np.empty((1, np.shape(means)[1]))

    def step(self, x: FloatArray) -> FloatArray:
        """Return the filtered probabilities [K] of the next row x [D].

        Raises
        ------
        DataError
            The row is impossible in every state that can be reached.
        """
        self._x[0] = x
        filtered = np.empty((1, len(self._terms[-1])))
        _, fault = _filter_gaussian(self._x, *self._terms, filtered)
        _check_possible(fault)
        row: FloatArray = filtered[0]
        return row


def predict_prob(filtered: FloatArray, transition: FloatArray) -> FloatArray:
    """Return π A: the regime probabilities [K] of the next session from the filtered ones [K] of this one.

    The sum runs in the filter's own order: a filter that goes on from here repeats it to the last bit.

    Examples
    --------
    >>> predict_prob(np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    array([0.9, 0.1])
    """
    predicted = np.empty(len(transition))
    now = np.ascontiguousarray(filtered, dtype=np.float64)
    _predict(now[None], 0, np.ascontiguousarray(transition, dtype=np.float64), predicted)
    return predicted


def filter_returns(
    returns: FloatArray,
    volatility: FloatArray,
    transition: FloatArray,
    dt: float,
    start: FloatArray | None = None,
) -> FloatArray:
    """Return the predicted regime probabilities at the decision times of simulated paths, parameters known.

    Entry t is p(z_t | r_0, …, r_{t−1}): the regime that drives the coming return, from the returns before it.
    Return t is normal with mean −σ²Δt/2 and variance σ²Δt, σ that of regime z_t.

    Parameters
    ----------
    returns : [N, T] log returns, finite.
    volatility : [K] annual decimals, positive.
    transition : [K, K] per step.
    dt : Δt, years.
    start : [K] distribution of the first regime; by default the stationary one.

    Returns
    -------
    [N, T + 1, K]; entry 0 is `start`.

    Raises
    ------
    DataError
        A return is not finite.
    ValueError
        `transition` is no transition matrix, or has no unique stationary distribution and `start` is None.

    References
    ----------
    Hamilton (1989), eq. 4.8.

    Examples
    --------
    >>> stay = np.array([[0.98, 0.02], [0.05, 0.95]])
    >>> filter_returns(np.array([[0.0, 0.04]]), np.array([0.12, 0.35]), stay, 1 / 252).round(2)
    array([[[0.71, 0.29],
            [0.87, 0.13],
            [0.05, 0.95]]])
    """
    rows = np.ascontiguousarray(returns, dtype=np.float64)
    if not np.isfinite(rows).all():
        path, step = np.argwhere(~np.isfinite(rows))[0]
        raise DataError(f"return {step} of path {path} is {rows[path, step]}: it must be finite")
    variance = np.asarray(volatility, dtype=np.float64) ** 2 * dt
    moves = np.ascontiguousarray(transition, dtype=np.float64)
    first = stationary_distribution(moves) if start is None else np.array(start, dtype=np.float64)
    prob = np.empty((rows.shape[0], rows.shape[1] + 1, len(variance)))
    _filter_returns(rows, -0.5 * variance, 1.0 / variance, -0.5 * np.log(variance), moves, first, prob)
    return prob


def _whitening(covariances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverse lower Cholesky factors [K, D, D] and log densities at the mean [K]."""
    factor = np.linalg.cholesky(covariances)
    dims = covariances.shape[-1]
    half_log_det = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    inverse = np.tril(np.linalg.inv(factor))
    return np.ascontiguousarray(inverse), -half_log_det - 0.5 * dims * np.log(2.0 * np.pi)


def _check_possible(fault: int) -> None:
    if fault >= 0:
        raise DataError(
            f"row {fault} has no density in any reachable regime: look for an infinite or wild value there"
        )
