"""A price whose volatility switches between regimes of a Markov chain."""

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.gbm import prices_from
from pipeline.simulate.markov_chain import IntArray, sample_chain


def simulate(
    spot: float,
    volatility: FloatArray,
    transition: FloatArray,
    *,
    dt: float,
    steps: int,
    paths: int,
    rng: np.random.Generator,
    start: FloatArray | None = None,
) -> tuple[FloatArray, IntArray]:
    """Simulate martingale prices with the volatility of a hidden regime in every step.

    log S_{t+1} = log S_t − σ_z² Δt/2 + σ_z √Δt ε with z = z_t, P(z_{t+1} = j | z_t = i) = A_ij.

    Parameters
    ----------
    spot : price at the start, money.
    volatility : [K] σ of each regime, annual decimals.
    transition : [K, K] A, per step.
    dt : Δt, years.
    steps, paths : T and N.
    rng : the source of randomness; the same seed gives the same paths.
    start : [K] distribution of the first regime; by default the stationary one.

    Returns
    -------
    prices : [N, T + 1]; column 0 is `spot`.
    regimes : [N, T]; column t drives the step from t to t + 1.

    Raises
    ------
    ValueError
        `transition` is no transition matrix, or its size is not that of `volatility`.

    References
    ----------
    Hamilton (1989), eq. 2.1, with the volatility switching instead of the mean.

    Examples
    --------
    >>> prices, regimes = simulate(
    ...     100.0, np.array([0.12, 0.35]), np.array([[0.98, 0.02], [0.05, 0.95]]),
    ...     dt=1 / 252, steps=5, paths=2, rng=np.random.default_rng(7),
    ... )
    >>> prices.shape, regimes.shape
    ((2, 6), (2, 5))
    """
    if transition.shape != (len(volatility), len(volatility)):
        raise ValueError(f"{len(volatility)} volatilities need a square transition matrix of that size")
    regimes = sample_chain(transition, steps=steps, paths=paths, rng=rng, start=start)
    deviation = volatility[regimes] * np.sqrt(dt)
    log_returns = deviation * rng.standard_normal((paths, steps)) - 0.5 * deviation**2
    return prices_from(spot, log_returns), regimes
