"""Hagan's implied volatility of the SABR model."""

import numpy as np

from pipeline.domain.instruments import FloatArray

_NEAR = 1e-7


def implied_vol(
    forward: float,
    strike: FloatArray,
    time: float,
    *,
    alpha: float,
    beta: float,
    vol_of_vol: float,
    correlation: float,
) -> FloatArray:
    """Return Black's volatility of European options in the SABR model, to first order in τ.

    Parameters
    ----------
    forward, strike : F and K [M], money, positive.
    time : τ, years.
    alpha, beta, vol_of_vol, correlation : α, β, ν, ρ, as in `simulate.sabr`.

    Returns
    -------
    [M] annual decimals; NaN where the strike is.

    References
    ----------
    Hagan, Kumar, Lesniewski, Woodward (2002), Managing smile risk, eq. 2.17a-c.

    Examples
    --------
    >>> strikes = np.array([90.0, 100.0, 110.0])
    >>> implied_vol(100.0, strikes, 0.5, alpha=2.0, beta=0.5, vol_of_vol=0.4, correlation=-0.3).round(4)
    array([0.2137, 0.2009, 0.1916])
    """
    strike = np.asarray(strike, dtype=np.float64)
    logs = np.log(forward / strike)
    middle = (forward * strike) ** (0.5 * (1.0 - beta))
    z = vol_of_vol / alpha * middle * logs
    small = np.abs(z) < _NEAR
    safe = np.where(small, 1.0, z)
    x = np.log((np.sqrt(1.0 - 2.0 * correlation * safe + safe**2) + safe - correlation) / (1.0 - correlation))
    skew = np.where(small, 1.0 - 0.5 * correlation * z, safe / x)
    square = ((1.0 - beta) * logs) ** 2
    base = alpha / (middle * (1.0 + square / 24.0 + square**2 / 1920.0))
    growth = (
        ((1.0 - beta) * alpha / middle) ** 2 / 24.0
        + 0.25 * correlation * beta * vol_of_vol * alpha / middle
        + (2.0 - 3.0 * correlation**2) * vol_of_vol**2 / 24.0
    )
    return np.asarray(base * skew * (1.0 + growth * time))
