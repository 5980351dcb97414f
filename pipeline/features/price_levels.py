"""Whether the tables of a day are of one instrument in one unit: their prices lie at one level."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.features.day_events import DayEvents

LARGEST_RATIO: Final = 2.0
"""Of the median prices of two tables of a day; no day's trades and quotes are so far apart."""


def check_levels(day: str, events: DayEvents) -> None:
    """Refuse a day whose trades, or the other market's quotes, lie far from its quotes.

    Compared are medians over the day: of trade prices, and of all bids and asks.

    Parameters
    ----------
    day : for messages.
    events : with `quotes`, and the quotes of spot and perpetual where both are known.

    Raises
    ------
    DataError
        A median is over twice, or under half of, that of the quotes.

    Examples
    --------
    >>> quotes = pd.DataFrame({"bid_price": [13.9, 14.0], "ask_price": [14.0, np.nan]})
    >>> check_levels("2013-10-07", DayEvents({"quotes": quotes, "trades": pd.DataFrame({"price": [145.0]})}))
    Traceback (most recent call last):
    ...
    pipeline.domain.errors.DataError: 2013-10-07: the median price of trades is 145 and that of quotes 14: ...
    """
    tables = {name: table for name, table in events.tables.items() if name.endswith(("quotes", "trades"))}
    levels = {name: _level(table) for name, table in tables.items()}
    own = levels["quotes"]
    for name, level in levels.items():
        if max(level / own, own / level) > LARGEST_RATIO:
            raise DataError(
                f"{day}: the median price of {name.replace('_', ' ')} is {level:g} and that of quotes "
                f"{own:g}: are they of two instruments or in two units? Look at the files that data.files "
                "and data.other_files name"
            )


def _level(table: pd.DataFrame) -> float:
    """Return the median price of a table, NaN where it has none."""
    columns = ["price"] if "price" in table else ["bid_price", "ask_price"]
    prices = table[columns].to_numpy(float)
    return float(np.median(prices[np.isfinite(prices)])) if np.isfinite(prices).any() else np.nan
