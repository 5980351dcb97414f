"""What a desk knows of itself at a decision time: its P&L so far, and how far its limits are away.

Pure functions of the account as it stands before the trade of that time; [N] hedges each.
"""

import numpy as np

from pipeline.domain.instruments import FloatArray


def realised_pnl(trading: FloatArray, carry: FloatArray, cost: FloatArray) -> FloatArray:
    """Return what the hedge has earned and paid so far: gains and carry less cost, money.

    Examples
    --------
    >>> realised_pnl(np.array([2.0]), np.array([0.5]), np.array([0.25]))
    array([2.25])
    """
    return trading + carry - cost


def marked_pnl(cash: FloatArray, shares: FloatArray, options: FloatArray) -> FloatArray:
    """Return the P&L so far if all were closed at its mark: cash, shares held and options held, money.

    Examples
    --------
    A call sold at 2 is worth 3 now, and the half share that hedges it has earned 0.75:

    >>> marked_pnl(np.array([2.0 - 50.0]), np.array([50.75]), np.array([-3.0]))
    array([-0.25])
    """
    return cash + shares + options


def drawdown(pnl: FloatArray, highest: FloatArray) -> FloatArray:
    """Return how far the P&L lies below the highest it has been, the start and now included.

    Examples
    --------
    >>> drawdown(np.array([-1.0, 3.0]), np.array([0.5, 2.0]))
    array([1.5, 0. ])
    """
    return np.maximum(highest - pnl, 0.0)


def room(used: FloatArray, limit: FloatArray | float) -> FloatArray:
    """Return the share of a limit that is left: 1 with nothing used or without a limit, 0 at or past it.

    Parameters
    ----------
    used : [N] not negative, in units of the limit.
    limit : positive; infinite for none, and zero where nothing is held that could use it.

    Examples
    --------
    >>> room(np.array([0.0, 1.0, 5.0]), 4.0)
    array([1.  , 0.75, 0.  ])
    >>> room(np.array([2.0]), np.inf), room(np.array([2.0]), np.zeros(1))
    (array([1.]), array([1.]))
    """
    limited = np.broadcast_to(np.asarray(limit, dtype=np.float64), used.shape)
    share = used / np.where(limited > 0.0, limited, np.inf)
    return np.clip(1.0 - share, 0.0, 1.0)
