"""Series that are revised: which vintage said what, when it could be known, and how much it changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError


@dataclass(frozen=True)
class Vintage:
    """When the values of a file's days were known.

    Attributes
    ----------
    event_time, known_time : [rows] the end of the day described, and when its value could be known, UTC.
    vintage : [rows] date of publication.
    pseudo : whether publication is not recorded but assumed.
    """

    event_time: NDArray[np.datetime64]
    known_time: NDArray[np.datetime64]
    vintage: NDArray[np.datetime64]
    pseudo: bool


def vintage_of(
    days: NDArray[np.datetime64], published: date | None, lag_days: int | None, file: str, late: float = 0.0
) -> Vintage:
    """Return when values of `days` were known.

    All that a file says was known at the end of the day on which it was `published`, and not before,
    whatever day it speaks of. Where that is not known, each value is taken as if it had been published
    `lag_days` after its day, as the file has it now: a pseudo-vintage, marked so, for it may hold revisions
    that were not known then.

    Parameters
    ----------
    file : for the message.
    late : seconds that come on top.

    Raises
    ------
    DataError
        Neither is given.

    Examples
    --------
    >>> days = np.array(["2020-03-01"], "datetime64[D]")
    >>> found = vintage_of(days, None, 7, "a.xlsx")
    >>> found.known_time.astype("datetime64[D]").tolist(), found.pseudo
    ([datetime.date(2020, 3, 9)], True)
    """
    if published is None and lag_days is None:
        raise DataError(
            f"{file}: when was it published? Set day in its terms, or published_lag_days to take each value "
            "as if published so many days after its own day"
        )
    lag = int(lag_days or 0)
    when = days + lag if published is None else np.full(len(days), published, dtype="datetime64[D]")
    event, known = ((each + 1).astype("datetime64[ns]") for each in (days, when))
    known = (known.astype(np.int64) + int(late * 1e9)).astype("datetime64[ns]")
    return Vintage(event, known, when, published is None)


def revisions(vintages: Sequence[pa.Table]) -> pd.DataFrame:
    """Return by series how much a later vintage changed what an earlier one had said.

    Parameters
    ----------
    vintages : tables of `alternative`, the earliest first; each is set against the one before it.

    Returns
    -------
    sizes : by `series`: `days` that both have, share of them `changed`, `mean` and `largest` absolute change,
        and `relative`, the standard deviation of the change over that of the day's change of the series (NaN
        for a series that does not move).

    Examples
    --------
    >>> table = {"event_time": np.arange(3).astype("datetime64[ns]"), "series": ["s"] * 3}
    >>> old, new = (pa.table({**table, "value": values}) for values in ([1, 2, 3], [1, 2, 4]))
    >>> revisions([old, new])[["days", "mean", "largest"]].round(2).to_dict("records")
    [{'days': 3, 'mean': 0.33, 'largest': 1.0}]
    """
    found = []
    for old, new in pairwise(vintages):
        keys = ["series", "event_time"]
        both = (
            old.select([*keys, "value"]).to_pandas().merge(new.select([*keys, "value"]).to_pandas(), on=keys)
        )
        change = both["value_y"] - both["value_x"]
        daily = both.groupby("series")["value_x"].diff()
        frame = pd.DataFrame({"series": both["series"], "change": change, "daily": daily})
        for series, rows in frame.groupby("series"):
            sizes = rows["change"].abs()
            found.append(
                {
                    "series": series,
                    "days": len(rows),
                    "changed": float((sizes > 0.0).mean()),
                    "mean": float(sizes.mean()),
                    "largest": float(sizes.max()),
                    "relative": _ratio(float(rows["change"].std()), float(rows["daily"].std())),
                }
            )
    return pd.DataFrame(found).set_index("series") if found else pd.DataFrame()


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else math.nan
