"""The account of a desk as it was, for the decisions of a day that another process has made."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from pipeline.domain.orders import Order, Report
from pipeline.live.account import Account, replayed


class PastAccount:
    """An account that goes through its reports again by the time of the market.

    Parameters
    ----------
    orders, reports : of the journal.

    Examples
    --------
    >>> from pipeline.domain.orders import Standing
    >>> fills = [Report(f"m{k}", "a", Standing.WORKING, 1.0, 100.0, time=10 * k) for k in (1, 2)]
    >>> past = PastAccount([Order("a", "BTC", 2.0)], fills)
    >>> [past.at(now).position("BTC") for now in (9, 10, 25)]
    [0.0, 1.0, 2.0]
    """

    def __init__(self, orders: Iterable[Order], reports: Sequence[Report]) -> None:
        self._account = replayed(orders, ())
        self._coming = deque(sorted(reports, key=lambda report: report.time))

    def at(self, now: int) -> Account:
        """Return the account as it was at a time, ns; times only grow."""
        while self._coming and self._coming[0].time <= now:
            self._account.report(self._coming.popleft())
        return self._account


def held_before(
    orders: Iterable[Order], reports: Sequence[Report], instrument: str
) -> Callable[[int], float]:
    """Return what tells the units that a journal's fills had made of a position at a time, ns.

    Examples
    --------
    >>> from pipeline.domain.orders import Standing
    >>> fills = [Report(f"m{k}", "a", Standing.WORKING, 1.0, 100.0, time=10 * k) for k in (2, 1)]
    >>> held = held_before([Order("a", "BTC", 2.0)], fills, "BTC")
    >>> [held(at) for at in (25, 9, 10)]
    [2.0, 0.0, 1.0]
    """
    past = PastAccount(orders, reports)
    times = sorted(report.time for report in reports if report.filled)
    held = [past.at(time).position(instrument) for time in times]

    def at(when: int) -> float:
        place = bisect_right(times, when)
        return held[place - 1] if place else 0.0

    return at
