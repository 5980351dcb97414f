"""Days of a chain on which the quotes of the day before stand again, as a vendor sends a file twice."""

from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd

STALE: Final = "the quotes of the day before: a stale copy"
ALIKE: Final = 0.5
"""Share of quotes with a bid, quoted alike on the day before, from which on a day is a copy of it.

In the S&P 500 chains of 2019 it is 8.5 % at most from one session to the next, and all on a holiday's copy.
"""
FEWEST: Final = 20
"""Quotes that both days must have for a judgement."""
_CONTRACT: Final = ["root", "expiry", "right", "strike"]


def is_stale(quotes: pd.DataFrame, before: pd.DataFrame) -> bool:
    """Tell whether quotes of a day are those of the day before: of one underlying price, and most alike.

    Examples
    --------
    >>> rows = {"root": "SPX", "expiry": 1, "right": 1, "strike": range(20), "underlying_price": 9.0}
    >>> one = pd.DataFrame(rows | {"bid": 5.0, "ask": 6.0})
    >>> others = (one, one.assign(bid=4.0), one.assign(underlying_price=8.0))
    >>> [is_stale(one, other) for other in others]
    [True, False, False]
    """
    if quotes["underlying_price"].median() != before["underlying_price"].median():
        return False
    both = quotes[quotes["bid"] > 0.0].merge(before, on=_CONTRACT, suffixes=("", "_before"))
    alike = (both["bid"] == both["bid_before"]) & (both["ask"] == both["ask_before"])
    return len(both) >= FEWEST and bool(alike.mean() >= ALIKE)


def stale_days(
    days: Sequence[str], price: Sequence[float], quotes: Callable[[str], pd.DataFrame]
) -> list[str]:
    """Return the days that are copies of the last one before them that is none.

    Parameters
    ----------
    days : in order.
    price : usual price of the underlying on each: of days on which it differs none is read.
    quotes : returns those of a day.
    """
    found: list[str] = []
    last = 0
    for place in range(1, len(days)):
        if price[place] == price[last] and is_stale(quotes(days[place]), quotes(days[last])):
            found.append(days[place])
        else:
            last = place
    return found
