"""What a desk holds, told by its orders and the market's reports alone: live, in recovery and in tests."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing, settled


@dataclass(slots=True)
class Progress:
    """One order and how far it is; `filled` is signed, units."""

    order: Order
    standing: Standing = Standing.INTENDED
    filled: float = 0.0

    @property
    def left(self) -> float:
        """Signed units that are not filled; a rounding of the sum of its fills is nothing."""
        left = self.order.quantity - self.filled
        return settled(left, self.order.quantity)


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A report that nothing of the desk's own accounts for, and why; it is not booked."""

    report: Report
    why: str


@dataclass(slots=True)
class Account:
    r"""The fold of orders and reports; it knows no clock, file or market.

    .. math:: position = Σ filled, \qquad cash = − Σ (filled · price + fee)

    A report counts once, by its id, in whatever sequence reports come: what was filled counts after a
    cancellation too, and an order is filled when its fills add up to it, whatever the market calls it before.
    A report of an unknown order, or a fill beyond what was left of one or of the other sign, is unexplained.

    Attributes
    ----------
    positions : signed units by instrument; what is traded back to nothing is exactly 0.
    cash, fees : money: what fills paid and received with their fees, and the fees alone.
    traded : money that fills turned over.
    orders : every order by its id.
    working : those of them that may still trade, the oldest first.
    unexplained : what a desk must not go on with.

    Examples
    --------
    >>> account = Account()
    >>> account.intend(Order("a", "BTC", 2.0))
    >>> account.report(Report("m1", "a", Standing.WORKING, filled=0.5, price=100.0, fee=0.1))
    True
    >>> account.report(Report("m1", "a", Standing.WORKING, filled=0.5, price=100.0, fee=0.1))
    False
    >>> account.positions, account.cash, account.working["a"].left
    ({'BTC': 0.5}, -50.1, 1.5)
    """

    positions: dict[str, float] = field(default_factory=dict)
    cash: float = 0.0
    fees: float = 0.0
    traded: float = 0.0
    orders: dict[str, Progress] = field(default_factory=dict)
    working: dict[str, Progress] = field(default_factory=dict)
    unexplained: list[Unexplained] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def intend(self, order: Order) -> None:
        """Take in an order that is written down; the same one again changes nothing.

        Raises
        ------
        OrderError
            Another order has its id.
        """
        known = self.orders.get(order.order_id)
        if known is None:
            self.orders[order.order_id] = self.working[order.order_id] = Progress(order)
        elif known.order != order:
            raise OrderError(f"order {order.order_id}: {order} has the id of {known.order}")

    def report(self, report: Report) -> bool:
        """Take in what the market says; return whether it was new."""
        if report.report_id in self.seen:
            return False
        self.seen.add(report.report_id)
        progress = self.orders.get(report.order_id)
        if progress is None:
            self.unexplained.append(Unexplained(report, "no such order was sent"))
            return True
        if report.filled and (fault := _fault(progress, report)):
            self.unexplained.append(Unexplained(report, fault))
            return True
        if report.filled:
            self._fill(progress, report)
        self._stand(progress, report.standing)
        return True

    def position(self, instrument: str) -> float:
        """Return the signed units held of an instrument."""
        return self.positions.get(instrument, 0.0)

    def expected(self, instrument: str) -> float:
        """Return the signed units held once everything that works is filled."""
        if not self.working:
            return self.position(instrument)
        left = sum(each.left for each in self.working.values() if each.order.instrument == instrument)
        return self.position(instrument) + left

    def resting(self, instrument: str) -> tuple[tuple[float, float], ...]:
        """Return limit and signed units left of every order that may rest in the market."""
        return tuple(
            (each.order.limit, each.left)
            for each in self.working.values()
            if each.order.instrument == instrument and each.order.limit is not None
        )

    def _fill(self, progress: Progress, report: Report) -> None:
        instrument = progress.order.instrument
        held = self.position(instrument) + report.filled
        self.positions[instrument] = settled(held, report.filled)
        self.cash -= report.filled * report.price + report.fee
        self.fees += report.fee
        self.traded += abs(report.filled) * report.price
        progress.filled += report.filled

    def _stand(self, progress: Progress, said: Standing) -> None:
        if progress.left == 0.0:
            progress.standing = Standing.FILLED
        elif not progress.standing.over:
            progress.standing = Standing.WORKING if said in _ALIVE else said
        if progress.standing.over:
            self.working.pop(progress.order.order_id, None)


_ALIVE = (Standing.INTENDED, Standing.WORKING, Standing.FILLED)
"""Words of a market after which an order that is not whole may still trade: a fill of it is missing."""


def _fault(progress: Progress, report: Report) -> str:
    if report.filled * progress.order.quantity < 0.0:
        return f"it fills {report.filled:g} of an order of {progress.order.quantity:g}"
    if settled(abs(report.filled) - abs(progress.left), report.filled) > 0.0:
        return f"it fills {report.filled:g} where {progress.left:g} was left"
    return ""


def replayed(orders: Iterable[Order], reports: Iterable[Report]) -> Account:
    """Return the account that orders and then reports make, each in the sequence it was written in."""
    account = Account()
    for order in orders:
        account.intend(order)
    for report in reports:
        account.report(report)
    return account
