"""The volatility of a maturity between those that are quoted."""

from collections.abc import Sequence

import numpy as np

from pipeline.domain.instruments import FloatArray


def vol_at_maturity(days: FloatArray, tenors: Sequence[float], vols: Sequence[FloatArray]) -> FloatArray:
    r"""Return the volatility of maturities from those of K tenors, total variance linear in time between two.

    .. math:: \sigma^2 \tau = w \sigma_k^2 \tau_k + (1 - w) \sigma_{k+1}^2 \tau_{k+1}, \qquad
        w = \frac{\tau_{k+1} - \tau}{\tau_{k+1} - \tau_k}

    Outside the tenors the volatility is that of the nearest. At a tenor it is the tenor's own. This is how
    Cboe's own indices find 30 days between two expiries (Cboe, VIX white paper), and without calendar
    arbitrage between the tenors there is none between the maturities.

    Parameters
    ----------
    days : [...] calendar days to expiry.
    tenors : K increasing numbers of calendar days.
    vols : for each tenor, [...] annual volatilities. A NaN leaves the tenor out, there and nowhere else;
        where every tenor is NaN the result is.

    Returns
    -------
    FloatArray
        [...] annual volatility.

    Raises
    ------
    ValueError
        The tenors do not increase from above zero.

    Examples
    --------
    >>> days = np.array([5.0, 9.0, 19.5, 30.0, 60.0])
    >>> vol_at_maturity(days, (9, 30), [np.full(5, 0.1), np.full(5, 0.2)]).round(4)
    array([0.1   , 0.1   , 0.1819, 0.2   , 0.2   ])
    """
    if any(late <= early for early, late in zip((0.0, *tenors), tenors, strict=False)):
        raise ValueError(f"tenors must increase from above zero, not {tuple(tenors)}")
    levels = np.stack([np.broadcast_to(vol, np.shape(days)) for vol in vols])
    known = ~np.isnan(levels)
    found = np.full(np.shape(days), np.nan)
    pattern = np.tensordot(1 << np.arange(len(tenors)), known, axes=1)
    for each in np.unique(pattern[pattern > 0]):
        rows = pattern == each
        quoted = (each >> np.arange(len(tenors))) % 2 == 1
        own = np.asarray(tenors, dtype=np.float64)[quoted]
        found[rows] = _between(np.asarray(days, dtype=np.float64)[rows], own, levels[quoted][:, rows])
    return found


def _between(days: FloatArray, tenors: FloatArray, vols: FloatArray) -> FloatArray:
    """Return the volatilities of n maturities, [n], from those of K tenors, all known, [K, n]."""
    if len(tenors) == 1:
        return np.asarray(vols[0])
    inside = np.clip(days, tenors[0], tenors[-1])
    right = np.clip(np.searchsorted(tenors, inside), 1, len(tenors) - 1)
    weight = (tenors[right] - inside) / (tenors[right] - tenors[right - 1])
    near, far = (np.take_along_axis(vols, place[None], axis=0)[0] for place in (right - 1, right))
    total = weight * near**2 * tenors[right - 1] + (1.0 - weight) * far**2 * tenors[right]
    return np.asarray(np.sqrt(total / inside))
