"""The account of a desk as it was, for the decisions of a day that another process has made."""

from collections import deque
from collections.abc import Iterable, Sequence

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
