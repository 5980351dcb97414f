"""Whether a desk's own fills are at the level of the market that they are joined to, and their fees."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import nanoseconds
from pipeline.features.event_feature import TimeArray
from pipeline.ingest.price_unit import NEARBY_FACTOR

_DAY: Final = 86_400_000_000_000
LARGEST_FEE: Final = 0.05
"""Share of a fill's worth, price times size, that a fee or a rebate is below."""


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


def check_fill_fees(fills: pd.DataFrame, instrument: str) -> None:
    """Refuse fills whose fee or rebate is over `LARGEST_FEE` of price times size.

    Raises
    ------
    DataError
        With how many there are and the first of them.

    Examples
    --------
    >>> fill = {"instrument": "ES", "price": 100.0, "size": 1.0, "fee": 250.0, "source_row": 2}
    >>> check_fill_fees(pd.DataFrame([fill]), "ES")
    Traceback (most recent call last):
    pipeline.domain.errors.DataError: fills: 1 of 1 of ES have a fee or a rebate over 5 % of what they are \
worth; that of row 2 is 250 for 100: write it in the money of the price
    """
    own = fills[fills["instrument"] == instrument]
    worth, fee = (own["price"] * own["size"]).to_numpy(float), own["fee"].to_numpy(float)
    bad = np.flatnonzero(np.abs(fee) > LARGEST_FEE * worth)
    if len(bad):
        first = bad[0]
        raise DataError(
            f"fills: {len(bad)} of {len(own)} of {instrument} have a fee or a rebate over "
            f"{100 * LARGEST_FEE:g} % of what they are worth; that of row {own['source_row'].iloc[first]} is "
            f"{fee[first]:g} for {worth[first]:g}: write it in the money of the price"
        )
