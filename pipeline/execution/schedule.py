"""How much of a parent order is handed out by when: evenly, or by Almgren and Chriss."""

import numpy as np

from pipeline.domain.instruments import FloatArray


def handed_out(slices: int, urgency: float) -> FloatArray:
    r"""Return the share of a parent that is handed out once each of n slices is, shape (n,); the last is 1.

    .. math:: 1 - \frac{\sinh(κT(1 - s))}{\sinh(κT)}, \qquad s = 1/n, 2/n, …, 1, \qquad κ^2 = λσ^2/η

    It minimises expected cost plus λ times its variance under linear temporary impact η a unit of speed and
    volatility σ (Almgren, Chriss 2001, in continuous time). The limit κT → 0 is TWAP, equal slices.

    Parameters
    ----------
    slices : n, 1 or more.
    urgency : κT, 0 or more; what is left falls by a factor of e in T/κT at first.

    Examples
    --------
    >>> handed_out(4, 0.0).tolist()
    [0.25, 0.5, 0.75, 1.0]
    >>> handed_out(4, 2.0).round(3).tolist()
    [0.413, 0.676, 0.856, 1.0]
    """
    gone: FloatArray = np.arange(1, slices + 1) / slices
    if urgency == 0.0:
        return gone
    over = -2.0 * urgency
    left = np.exp(-urgency * gone) * np.expm1(over * (1.0 - gone)) / np.expm1(over)
    return np.asarray(1.0 - left)


def in_lots(quantity: float, shares: FloatArray, lot: float) -> FloatArray:
    """Return shares of a signed quantity rounded to whole lots, units; the last is the quantity itself.

    Examples
    --------
    >>> in_lots(-10.0, handed_out(4, 0.0), 3.0).tolist()
    [-3.0, -6.0, -6.0, -10.0]
    """
    units = quantity * shares
    units = np.round(units / lot) * lot if lot > 0.0 else units
    units[-1] = quantity
    return units
