"""Whether the tables of a day are of one instrument in one unit: their prices lie at one level."""

from typing import Final

import numpy as np
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.features.day_events import EventPart
from pipeline.ingest.time_order import TimedRows

LARGEST_RATIO: Final = 2.0
"""Of the median prices of two tables of a day; no day's trades and quotes are so far apart."""


class PriceLevels:
    """Compares the prices of trades, and of the other market's quotes, with those of a day's quotes.

    Compared are medians over the parts of a day of the median in each: of trade prices, and of all bids and
    asks.

    Examples
    --------
    >>> def rows(**prices):
    ...     columns = {name: [price] for name, price in prices.items()}
    ...     return TimedRows(np.array([0]), pa.record_batch(columns))
    >>> levels = PriceLevels()
    >>> tables = {"quotes": rows(bid_price=13.9, ask_price=14.1), "trades": rows(price=145.0)}
    >>> levels.take(EventPart(0, tables))
    >>> levels.check("2013-10-07")
    Traceback (most recent call last):
    ...
    pipeline.domain.errors.DataError: 2013-10-07: the median price of trades is 145 and that of quotes 14: ...
    """

    def __init__(self) -> None:
        self._medians: dict[str, list[float]] = {}

    def take(self, part: EventPart) -> None:
        """Take the prices of a part."""
        for name, table in part.tables.items():
            if np.isfinite(level := _level(table)):
                self._medians.setdefault(name, []).append(level)

    def check(self, day: str) -> None:
        """Refuse a day, named for the message, whose tables lie far from its quotes.

        Raises
        ------
        DataError
            A median is over twice, or under half of, that of the quotes.
        """
        levels = {name: float(np.median(found)) for name, found in self._medians.items()}
        own = levels.get("quotes", np.nan)
        for name, level in levels.items():
            if max(level / own, own / level) > LARGEST_RATIO:
                raise DataError(
                    f"{day}: the median price of {name.replace('_', ' ')} is {level:g} and that of quotes "
                    f"{own:g}: are they of two instruments or in two units? Look at the files that "
                    "data.files and data.other_files name"
                )


def _level(table: TimedRows) -> float:
    """Return the median price of a table, NaN where it has none."""
    names = ["price"] if "price" in table.rows.schema.names else ["bid_price", "ask_price"]
    columns = [table.rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names]
    prices = np.concatenate(columns)
    return float(np.median(prices[np.isfinite(prices)])) if np.isfinite(prices).any() else np.nan
