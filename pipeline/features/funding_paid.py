"""The funding of a perpetual that falls due between decisions."""

from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import Instants, nanoseconds

_HOUR: Final = 3_600_000_000_000


def funding_paid(day: str, funding: pd.DataFrame, times: Instants, opened: int, ended: int) -> FloatArray:
    """Return the funding rates settled over the interval that ends with each decision, in sum, [T].

    A long position pays position · price · rate at each settlement, a short one receives it. Whoever holds
    at the instant of the settlement pays: a settlement at t_k falls to the interval (t_(k−1), t_k], so to the
    position that was held up to t_k, and not to one that is opened at t_k.

    Parameters
    ----------
    day : for messages.
    funding : rows of the canonical table `funding` of the day, in the order of time; `event_time` is the hour
        of the settlement, however late it was stamped.
    times, opened, ended : the decisions, the open, and until when the market is known, nanoseconds UTC.

    Raises
    ------
    DataError
        The rows are of several venues, or a settlement until `ended` is missing: its rate is not 0.

    Examples
    --------
    >>> when = pd.to_datetime(["2022-01-01 00:00", "2022-01-01 08:00", "2022-01-01 16:00"], utc=True)
    >>> rates = {"rate": [1e-4, 3e-4, 2e-4], "hours": 8.0, "venue": "binance"}
    >>> rows = pd.DataFrame({"event_time": when} | rates)
    >>> opened = when[0].value
    >>> times = opened + np.array([7, 8, 9]) * _HOUR
    >>> funding_paid("2022-01-01", rows, times, opened, times[-1]).tolist()
    [0.0, 0.0003, 0.0]
    """
    venues = sorted(funding["venue"].unique())
    if len(venues) > 1:
        raise DataError(f"{day}: funding of {' and '.join(venues)}: name the file of one venue in data.files")
    settled = nanoseconds(funding["event_time"])
    _check_whole(day, settled, funding["hours"].to_numpy(float), opened, ended)
    place = np.searchsorted(times, settled, side="left")
    due = (settled > opened) & (place < len(times))
    rates = funding["rate"].to_numpy(float)[due]
    return np.asarray(np.bincount(place[due], weights=rates, minlength=len(times)), dtype=np.float64)


def _check_whole(day: str, settled: Instants, hours: FloatArray, opened: int, ended: int) -> None:
    """Refuse a day in which more time passes without a settlement than the venue lets pass."""
    longest = float(hours.max(initial=0.0))
    edges = np.concatenate([[opened], settled[(settled > opened) & (settled < ended)], [ended]])
    long = np.flatnonzero(np.diff(edges) > longest * _HOUR)
    if len(long):
        at = pd.Timestamp(edges[long[0]], unit="ns") + timedelta(hours=longest)
        raise DataError(
            f"{day}: no funding of the perpetual is known by {at:%H:%M} UTC: add the history of its venue to "
            "data.files, or set hedge.instrument to spot"
        )
