"""Whether a desk's own fills are at the level of the market that they are joined to."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import nanoseconds
from pipeline.features.event_feature import TimeArray
from pipeline.ingest.price_unit import NEARBY_FACTOR

_DAY: Final = 86_400_000_000_000


def check_fill_prices(fills: pd.DataFrame, instrument: str, times: TimeArray, mid: FloatArray) -> None:
    """Refuse fills priced four times or more, or a quarter or less of, what the market then was.

    Each fill's price, and the mid that it tells, is held against the last mid of the market known by then, on
    the first day against the first one. Fills before that day, and after the last mid, are not judged: they
    meet no market.

    Parameters
    ----------
    fills : the table, whole.
    instrument : whose fills are looked at.
    times, mid : the market, nanoseconds UTC and money, [T]; NaN where it is not known.

    Raises
    ------
    DataError
        With how many there are and the first of them.
    """
    known = np.isfinite(mid)
    if not known.any():
        return
    times, mid = times[known], mid[known]
    own = fills[fills["instrument"] == instrument]
    when = nanoseconds(own["known_time"])
    own, when = (part[(when >= times[0] - _DAY) & (when <= times[-1])] for part in (own, when))
    there = mid[np.maximum(np.searchsorted(times, when, side="right") - 1, 0)]
    ratios = own[["price", "mid"]].to_numpy(float) / there[:, np.newaxis]
    far = (ratios >= NEARBY_FACTOR) | (ratios <= 1.0 / NEARBY_FACTOR)
    bad = np.flatnonzero(far.any(axis=1))
    if not len(bad):
        return
    first = own.iloc[bad[0]]
    name = "price" if far[bad[0], 0] else "mid"
    raise DataError(
        f"fills: {len(bad)} of {len(own)} of {instrument} are {NEARBY_FACTOR:g} times the market or more, or "
        f"a quarter of it or less; the {name} of row {first['source_row']} is {first[name]:g} where the "
        f"market was at {there[bad[0]]:g} ({first['event_time']:%Y-%m-%d %H:%M} UTC): correct it, or name "
        "the instrument that it is of"
    )
