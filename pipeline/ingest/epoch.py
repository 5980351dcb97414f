"""Times counted from 1970, and whether they can be in the unit that they are said to be in."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FIRST: Final = int(np.datetime64("1990-01-01", "s").astype(np.int64))
LAST: Final = int(np.datetime64("2100-01-01", "s").astype(np.int64))
NOT_A_TIME: Final = "time outside 1990 to 2100: is its unit right?"


def instants(counts: NDArray[np.int64], per_second: int) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Return the instants, to the nanosecond, and [rows] whether each lies between 1990 and 2100.

    Units a thousand times apart cannot be taken for each other between these years. A row that lies outside
    has the first instant of 1990.

    Parameters
    ----------
    counts : [rows] units since 1970-01-01 UTC.
    per_second : units in a second, at most a thousand million.

    Examples
    --------
    >>> instants(np.array([1582329601096000, 1582329601096]), 1_000_000)[1].tolist()
    [True, False]
    """
    sound = (counts >= FIRST * per_second) & (counts < LAST * per_second)
    nanoseconds = np.where(sound, counts, FIRST * per_second) * (1_000_000_000 // per_second)
    return nanoseconds.view("datetime64[ns]"), sound
