"""Wall clocks and UTC."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def in_utc(wall: NDArray[np.datetime64], zone: ZoneInfo) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Return the instants that a zone's wall clock means, and [rows] whether it means one.

    An hour that the change of clocks skips or repeats means none; its row has the first instant of 1970.

    Examples
    --------
    >>> wall = np.array(["2021-03-14T02:30", "2021-07-01T09:30"], "datetime64[ns]")
    >>> instants, told = in_utc(wall, ZoneInfo("America/New_York"))
    >>> instants[1].astype("datetime64[m]"), told.tolist()
    (np.datetime64('2021-07-01T13:30'), [False, True])
    """
    local = pd.DatetimeIndex(wall).tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    instants = local.tz_convert("UTC").tz_localize(None).as_unit("ns").to_numpy()
    told = ~np.isnat(instants)
    return np.where(told, instants, np.datetime64(0, "ns")), told
