"""Paths of a programme's market, and what a hedger who sees only prices believes along them."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.lattice import vertices
from pipeline.simulate.markov_chain import IntArray, sample_chain, stationary_distribution


def simulate(
    dynamics: Dynamics, *, spot: float, steps: int, paths: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Simulate prices [N, T + 1] and the regimes [N, T] of their steps, the first by its long-run chance.

    Examples
    --------
    >>> market = Dynamics.black_scholes(0.2, cost=0.0, interval=1 / 252)
    >>> simulate(market, spot=100.0, steps=2, paths=3, rng=np.random.default_rng(7))[0].shape
    (3, 3)
    """
    chain = sample_chain(np.array(dynamics.moves), steps=steps + 1, paths=paths, rng=rng)
    now, then = chain[:, :-1], chain[:, 1:]
    mean, deviation = dynamics.components()
    returns = mean[now, then] + deviation[now, then] * rng.standard_normal(now.shape)
    level = np.cumsum(np.insert(returns, 0, 0.0, axis=1), axis=1)
    return np.asarray(spot * np.exp(level)), np.ascontiguousarray(now)


def beliefs(dynamics: Dynamics, prices: FloatArray) -> FloatArray:
    """Return what is believed at each decision time of paths [N, T + 1], [N, T, K] as `Bands.edges` takes it.

    Before the first step it is the long-run distribution; then

        p(z_{t+1} = j | r_0 … r_t) ∝ Σ_i p(z_t = i | r_0 … r_{t−1}) A_ij f_ij(r_t),

    with f_ij the density of a return in regime i that leads to j. Without jumps what is returned are the
    filtered probabilities of the regime of the step that has just passed.

    References
    ----------
    Hamilton (1989), eq. 4.8.
    """
    moves, (mean, deviation) = np.array(dynamics.moves), dynamics.components()
    returns = np.diff(np.log(prices), axis=1)
    found = np.empty((*returns.shape, dynamics.regimes))
    found[:, 0] = stationary_distribution(moves)
    span = vertices(dynamics)
    for t in range(returns.shape[1] - 1):
        square = ((returns[:, t, None, None] - mean) / deviation) ** 2
        density = np.exp(-0.5 * (square - square.min(axis=(1, 2), keepdims=True))) / deviation
        joint = (found[:, t] @ span)[:, :, None] * moves * density
        weight = joint.sum(axis=1 if dynamics.jumps else 2)
        found[:, t + 1] = weight / weight.sum(axis=1, keepdims=True)
    return found
