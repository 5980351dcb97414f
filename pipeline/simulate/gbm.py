"""Geometric Brownian motion."""

import numpy as np

from pipeline.domain.instruments import FloatArray


def simulate(
    spot: float,
    volatility: float,
    *,
    dt: float,
    steps: int,
    paths: int,
    rng: np.random.Generator,
    drift: float = 0.0,
) -> FloatArray:
    """Simulate prices with the exact log-normal step of geometric Brownian motion.

    log S_{t+1} = log S_t + (μ − σ²/2) Δt + σ √Δt ε, ε standard normal. With μ = 0 the price is a martingale.

    Parameters
    ----------
    spot : price at the start, money.
    volatility : σ, annual decimal.
    dt : Δt, years.
    steps, paths : T and N.
    rng : the source of randomness; the same seed gives the same paths.
    drift : μ, annual.

    Returns
    -------
    [N, T + 1] prices; column 0 is `spot`. Never NaN.

    References
    ----------
    Black and Scholes (1973), eq. 1 and the assumptions before it.

    Examples
    --------
    >>> simulate(100.0, 0.2, dt=1 / 252, steps=2, paths=3, rng=np.random.default_rng(7)).shape
    (3, 3)
    """
    noise = rng.standard_normal((paths, steps))
    steps_of_log = (drift - 0.5 * volatility**2) * dt + volatility * np.sqrt(dt) * noise
    return prices_from(spot, steps_of_log)


def prices_from(spot: float, log_returns: FloatArray) -> FloatArray:
    """Chain log returns [N, T] into prices [N, T + 1] that start at `spot`.

    Examples
    --------
    >>> prices_from(100.0, np.log([[1.1, 0.5]])).round(6)
    array([[100., 110.,  55.]])
    """
    paths, steps = log_returns.shape
    log_price = np.zeros((paths, steps + 1))
    np.cumsum(log_returns, axis=1, out=log_price[:, 1:])
    return spot * np.exp(log_price)
