"""What a desk holds, told by its orders and the market's reports alone: live, in recovery and in tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing, settled


@dataclass(slots=True)
class Progress:
    """One order and how far it is, under whichever of its ids.

    Attributes
    ----------
    order : as the market has it: of replacements the newest that it took.
    filled : signed, units, under all ids.
    asked : replacements that the market has not answered, the oldest first.
    earlier : ids under which it was, before it was replaced.
    fees : money paid for its fills.
    given_up : whether it is over by the desk's own word alone, see `Report.gives_up`.
    lost : replacements that were given up.
    """

    order: Order
    standing: Standing = Standing.INTENDED
    filled: float = 0.0
    asked: tuple[Order, ...] = ()
    earlier: tuple[str, ...] = ()
    fees: float = 0.0
    given_up: bool = False
    lost: tuple[Order, ...] = ()

    @property
    def left(self) -> float:
        """Signed units that are not filled; a rounding of the sum of its fills is nothing."""
        left = self.order.quantity - self.filled
        return settled(left, self.order.quantity)

    @property
    def sent(self) -> tuple[Order, ...]:
        """What the market may have of it now, the newest first."""
        return (*reversed(self.asked), self.order)

    def refused(self, report: Report) -> None:
        """Take in that the market has not replaced the order by one that was asked for."""
        order, self.asked = _taken(self.asked, report.order_id)
        if order is not None and report.gives_up:
            self.lost = (*self.lost, order)

    def took(self, order_id: str) -> None:
        """Take in that the market has replaced the order, by one that was asked for."""
        order, self.lost = _taken(self.lost, order_id)
        if order is not None:
            self.asked = (order, *self.asked)
        names = [each.order_id for each in self.asked]
        if order_id in names:
            place = names.index(order_id)
            self.earlier = (*self.earlier, self.order.order_id, *names[:place])
            self.order, self.asked = self.asked[place], self.asked[place + 1 :]


def _taken(orders: Sequence[Order], name: str) -> tuple[Order | None, tuple[Order, ...]]:
    """Return the order of some that has an id, None for none, and the others."""
    found = next((each for each in orders if each.order_id == name), None)
    return found, tuple(each for each in orders if each is not found)


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
    An order that replaces another is that one with another limit, once the market says so: what is filled
    under either id is a fill of both. Where the market does not take it, nothing has changed. An order that
    the desk has given up works again as soon as the market says so.

    Attributes
    ----------
    positions : signed units by instrument; what is traded back to nothing is exactly 0.
    cash, fees : money: what fills paid and received with their fees, and the fees alone.
    traded : money that fills turned over.
    orders : every order by its id, or ids.
    working : those of them that may still trade, the oldest first, each by its first id.
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
            Another order has its id, or it replaces one that is not known or is of another quantity.
        """
        known = self.orders.get(order.order_id)
        if known is None:
            if order.replaces:
                self._replace(order)
            else:
                self.orders[order.order_id] = self.working[order.order_id] = Progress(order)
        elif known.order != order and (
            known.order.order_id == order.order_id or not _alike(known.order, order)
        ):
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
        if report.order_id not in (progress.order.order_id, *progress.earlier):
            if report.standing in _REFUSED and not report.filled:
                progress.refused(report)
                return True
            progress.took(report.order_id)
        if report.filled and (fault := _fault(progress, report)):
            self.unexplained.append(Unexplained(report, fault))
            return True
        if report.filled:
            self._fill(progress, report)
        self._pay(progress, report)
        self._stand(progress, report)
        return True

    def given_up(self, order_id: str) -> bool:
        """Tell whether an order is over, or was not replaced by this one, by the desk's own word alone."""
        progress = self.orders.get(order_id)
        return progress is not None and (progress.given_up or _taken(progress.lost, order_id)[0] is not None)

    def told_apart(self, report: Report) -> Report:
        """Return a report with the fee that it adds, where it tells that of all fills of its order."""
        if not report.fee_so_far:
            return report
        progress = self.orders.get(report.order_id)
        paid = 0.0 if progress is None else progress.fees
        return replace(report, fee=settled(report.fee - paid, report.fee), fee_so_far=False)

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
            (order.limit, each.left)
            for each in self.working.values()
            for order in (each.order, *each.asked)
            if order.instrument == instrument and order.limit is not None
        )

    def _replace(self, order: Order) -> None:
        replaced = self.orders.get(order.replaces)
        if replaced is None or not _alike(replaced.order, order):
            raise OrderError(f"order {order.order_id}: cannot take the place of {order.replaces}")
        self.orders[order.order_id] = replaced
        replaced.asked = (*replaced.asked, order)

    def _fill(self, progress: Progress, report: Report) -> None:
        instrument = progress.order.instrument
        held = self.position(instrument) + report.filled
        self.positions[instrument] = settled(held, report.filled)
        self.cash -= report.filled * report.price
        self.traded += abs(report.filled) * report.price
        progress.filled += report.filled

    def _pay(self, progress: Progress, report: Report) -> None:
        self.cash -= report.fee
        self.fees += report.fee
        progress.fees += report.fee

    def _stand(self, progress: Progress, report: Report) -> None:
        first, alive = (
            progress.earlier[0] if progress.earlier else progress.order.order_id,
            report.standing in _ALIVE,
        )
        if progress.left == 0.0:
            progress.standing, progress.given_up = Standing.FILLED, False
        elif not progress.standing.over or progress.given_up:
            progress.standing = Standing.WORKING if alive else report.standing
            progress.given_up = report.gives_up
        if progress.standing.over:
            self.working.pop(first, None)
        else:
            self.working[first] = progress


def _alike(one: Order, other: Order) -> bool:
    return (one.instrument, one.quantity) == (other.instrument, other.quantity)


_REFUSED = (Standing.CANCELLED, Standing.REJECTED)
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
