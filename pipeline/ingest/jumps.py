"""Prices that no market made: single spikes apart from changes of level."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import DataError

LONGEST_SPIKE = 3
"""Bad rows in a run before the new level is taken for a split or a change of units."""


def spikes(
    prices: Mapping[str, NDArray[np.float64]],
    order: NDArray[np.intp],
    sessions: NDArray[np.datetime64],
    limit: float,
    file: str,
    moved: str = "close",
    remedy: str = "adjust for the split or the change of units, or raise data.jump_limit",
) -> list[int]:
    """Return the rows whose prices jump by more than `limit` and come back, or are the last ones.

    Compared are, as |ln ratio|, the close with the last believed close, and within a row the open, the high
    and the low with the close. A first row that is itself the spike shows as a change of level.

    Parameters
    ----------
    prices : [rows] by name, `close` among them.
    order : rows to look at, in order of time.
    sessions : [rows] dates, for the message.
    limit : largest believed |ln ratio|.
    file : named in the message.
    moved, remedy : what moved and what to do about it, for the message.

    Raises
    ------
    DataError
        The close stays at the new level for more than three rows: a split or a change of units.

    Examples
    --------
    >>> close = np.array([100.0, 101.0, 1010.0, 102.0])
    >>> spikes({"close": close}, np.arange(4), np.arange(4).astype("datetime64[D]"), 0.35, "a.csv")
    [2]
    """
    close = np.full(len(sessions), np.nan)
    close[order] = np.log(prices["close"][order])
    found: list[int] = []
    believed, run = -1, 0
    for row in order.tolist():
        if believed >= 0 and abs(close[row] - close[believed]) > limit:
            found.append(row)
            run += 1
            if run > LONGEST_SPIKE:
                first = found[-run]
                raise DataError(
                    f"{file}: the {moved} goes from {math.exp(close[believed]):.6g} to "
                    f"{math.exp(close[first]):.6g} on {sessions[first]} and stays there: {remedy}"
                )
        elif any(abs(math.log(prices[name][row]) - close[row]) > limit for name in prices):
            found.append(row)
        else:
            believed, run = row, 0
    return found
