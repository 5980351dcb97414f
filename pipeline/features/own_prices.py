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
"""Share of what fills are worth, price times size and multiplier, that their fees and rebates are below."""
LARGEST_TICKET: Final = 10.0
"""Times the median fee that the least charge of a fill is below; a fee in another unit is often a hundred."""


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


def check_fill_fees(fills: pd.DataFrame, instrument: str, multiplier: float = 1.0) -> None:
    """Refuse fees and rebates that no broker charges: in sum, or one by one, over `LARGEST_FEE` of the worth.

    A broker charges the least of a ticket for a small fill too, a dollar for two shares. So a single fill may
    cost more, but no more than `LARGEST_TICKET` times the median of all fees (the lower one, of those that
    are not 0). One contract is worth `multiplier` times its price.

    Raises
    ------
    DataError
        With how many there are and the largest of them.

    Examples
    --------
    >>> small = {"instrument": "ES", "price": 100.0, "size": 0.1, "fee": 1.0, "source_row": 2}
    >>> check_fill_fees(pd.DataFrame([small, small | {"size": 50.0}]), "ES")
    >>> check_fill_fees(pd.DataFrame([small | {"size": 50.0}, small | {"fee": 250.0}]), "ES")
    Traceback (most recent call last):
    pipeline.domain.errors.DataError: fills: 1 of 2 of ES have a fee or a rebate over 5 % of what they are \
worth; the largest, of row 2, is 250 for 10: write it in the money of the price
    """
    own = fills[fills["instrument"] == instrument]
    worth, fee = (own["price"] * own["size"] * multiplier).to_numpy(float), own["fee"].abs().to_numpy(float)
    charged = fee[fee > 0.0]
    if not len(charged):
        return
    in_sum = charged.sum() > LARGEST_FEE * worth.sum()
    ticket = 0.0 if in_sum else LARGEST_TICKET * float(np.quantile(charged, 0.5, method="lower"))
    bad = np.flatnonzero((fee > LARGEST_FEE * worth) & (fee > ticket))
    if len(bad):
        largest = bad[np.argmax(fee[bad])]
        row = own.iloc[largest]
        raise DataError(
            f"fills: {len(bad)} of {len(own)} of {instrument} have a fee or a rebate over "
            f"{100 * LARGEST_FEE:g} % of what they are worth; the largest, of row {row['source_row']}, is "
            f"{row['fee']:g} for {worth[largest]:g}: write it in the money of the price"
        )
