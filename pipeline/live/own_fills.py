"""A live desk's own fills, as its journal tells them, for the features of its account."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pipeline.domain.orders import Order, Report
from pipeline.features.event_feature import EventRows
from pipeline.live.account import replayed


def booked(orders: Iterable[Order], reports: Iterable[Report]) -> Iterator[Report]:
    """Yield the reports that filled something of the desk's own orders, each once."""
    account = replayed(orders, ())
    for report in reports:
        unexplained = len(account.unexplained)
        if account.report(report) and report.filled and len(account.unexplained) == unexplained:
            yield report


def fill_events(reports: Sequence[Report], begun: int, multiplier: float) -> EventRows:
    """Return fills as events of the table `fills`: side, size in contracts, price and fee, by their time.

    Parameters
    ----------
    reports : that were booked.
    begun : when the desk's own account began, ns: none is known before.
    multiplier : units in a contract.

    Examples
    --------
    >>> from pipeline.domain.orders import Standing
    >>> sold = Report("m1", "a", Standing.FILLED, -100.0, 20.0, fee=0.5, time=7)
    >>> events = fill_events([sold], begun=5, multiplier=50.0)
    >>> events.known_time.tolist(), events.columns.tolist()
    ([7], [[-1.0, 2.0, 20.0, 0.5]])
    """
    known = np.array([max(each.time, begun) for each in reports], dtype=np.int64)
    told = [(np.sign(each.filled), abs(each.filled) / multiplier, each.price, each.fee) for each in reports]
    order = np.argsort(known, kind="stable")
    return EventRows(known[order], np.array(told, dtype=np.float64).reshape(-1, 4)[order])
