"""Dividends in cash, as a factor file tells them, and what of them is expected on a day."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.factors import Factors

SAME_FACTOR: Final = 1e-9
SAME_DIVIDEND_DAYS: Final = 14
YEAR: Final = np.timedelta64(364, "D")
"""A year of whole weeks: a dividend that is paid quarterly goes ex on the same weekday again."""


def cash_dividends(factors: Factors, sessions: NDArray[np.datetime64], close: FloatArray) -> pd.DataFrame:
    """Return `ex_date` and `amount` of every dividend, and `split`, new shares for an old one.

    A row of a factor file holds up to its date; where the price factor then goes from f to g, the share went
    without D = P (1 − f/g) on the next session, with P its close as quoted on that date. A split has an
    amount of zero; where both fall together both are told.

    Parameters
    ----------
    factors : of the file.
    sessions : [T] dates of the bars, rising.
    close : [T] closes as quoted.

    Returns
    -------
    dividends : one row an ex-date within the sessions, `amount` in money a share as quoted then.

    Examples
    --------
    >>> until = np.array(["2015-02-04", "2050-12-31"], dtype="datetime64[D]")
    >>> factors = Factors("f.csv", until, np.array([0.996, 1.0]), np.ones(2), np.ones(2), pd.DataFrame())
    >>> days = np.array(["2015-02-04", "2015-02-05"], dtype="datetime64[D]")
    >>> paid = cash_dividends(factors, days, np.array([120.0, 119.0]))
    >>> paid["ex_date"].dt.date.item(), round(paid["amount"].item(), 3), paid["split"].item()
    (datetime.date(2015, 2, 5), 0.48, 1.0)
    """
    last = np.searchsorted(sessions, factors.until[:-1], side="right") - 1
    inside = (last >= 0) & (last < len(sessions) - 1)
    row = np.flatnonzero(inside)
    paid = 1.0 - factors.price[:-1][row] / factors.price[1:][row]
    split = factors.split[1:][row] / factors.split[:-1][row]
    amount = np.where(np.abs(paid) > SAME_FACTOR, close[last[row]] * paid, 0.0)
    changed = (amount != 0.0) | (np.abs(split - 1.0) > SAME_FACTOR)
    if (amount < 0.0).any():
        day = factors.until[:-1][row][amount < 0.0][0]
        raise DataError(f"{factors.file}: the price factor falls after {day}, a dividend below zero: mend it")
    return pd.DataFrame(
        {
            "ex_date": pd.DatetimeIndex(sessions[last[row] + 1][changed]).as_unit("us"),
            "amount": amount[changed],
            "split": split[changed],
        }
    )


def expected_dividends(
    dividends: pd.DataFrame, day: pd.Timestamp, until: pd.Timestamp, announced_days: int
) -> pd.DataFrame:
    """Return the dividends after `day` and up to `until` as they are expected on `day`: `ex_date`, `amount`.

    Known are those with an ex-date up to `announced_days` later. Beyond them the ex-dates of the year before
    `day` come again, a year of 52 weeks later and as often as need be, with the last amount that is known;
    one of them that is due within two weeks of a known one is that one. Amounts are of a share as quoted
    on `day`: earlier splits are taken out.

    Examples
    --------
    >>> paid = pd.DataFrame({"ex_date": pd.to_datetime(["2014-08-07", "2014-11-06", "2015-02-05"]),
    ...                      "amount": [0.45, 0.47, 0.5], "split": 1.0})
    >>> expected_dividends(paid, pd.Timestamp("2015-01-02"), pd.Timestamp("2015-12-01"), 9)["amount"].tolist()
    [0.47, 0.47]
    """
    cash = dividends[dividends["amount"] > 0.0]
    known = cash[cash["ex_date"] <= day + pd.Timedelta(days=announced_days)]
    announced = known[known["ex_date"] > day]
    if known.empty:
        return known[["ex_date", "amount"]]
    later = dividends[(dividends["ex_date"] > known["ex_date"].iloc[-1]) & (dividends["ex_date"] <= day)]
    amount = float(known["amount"].iloc[-1]) / float(later["split"].prod())
    paid = known[known["ex_date"] > day - pd.Timedelta(YEAR)]["ex_date"]
    coming = [date + n * pd.Timedelta(YEAR) for n in (1, 2, 3) for date in paid]
    fresh = [
        date
        for date in sorted(coming)
        if date > day and all(abs((date - other).days) > SAME_DIVIDEND_DAYS for other in known["ex_date"])
    ]
    rows = pd.DataFrame({"ex_date": pd.DatetimeIndex(fresh).as_unit("us"), "amount": amount})
    whole = pd.concat([announced[["ex_date", "amount"]], rows], ignore_index=True)
    return whole[whole["ex_date"] <= until].sort_values("ex_date").reset_index(drop=True)
