"""A market of paper: orders travel, meet the book that stands when they arrive, and rest at their limits.

What decides and what remembers are apart: a venue is the fold of `Accepted` and `Told`, so a file of these is
the venue.
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.domain.orders import LEAST, PAPER, Order, Report, Standing, settled
from pipeline.execution.walk import Taken, walk
from pipeline.live.gateway import Resting

NEVER: Final = math.inf
SHORT: Final = "not enough shown"


class Book(NamedTuple):
    """The levels that one instrument shows, units of the hedge, the best first; NaN where a side ends early.

    `fault` says why nothing can be traded (`features.book_at.REASONS`); it is empty where the book is sound.
    """

    bid_price: Sequence[float]
    bid_size: Sequence[float]
    ask_price: Sequence[float]
    ask_size: Sequence[float]
    fault: str = ""

    @property
    def mid(self) -> float:
        """Between the best prices."""
        return 0.5 * (float(self.bid_price[0]) + float(self.ask_price[0]))


class Accepted(NamedTuple):
    """The venue was handed an order, or with `order` None a cancellation; it arrives at a time, ns."""

    arrives: int
    order_id: str
    order: Order | None


class Told(NamedTuple):
    """The venue reported, and remembers what is taken of the side that was hit; None where none was."""

    report: Report
    taken: Taken | None = None


@dataclass(slots=True)
class Open:
    """An order that may still trade; `filled` is signed."""

    order: Order
    arrives: int
    filled: float = 0.0
    resting: bool = False

    @property
    def side(self) -> int:
        """+1 for one that buys, which takes asks."""
        return 1 if self.order.quantity > 0.0 else -1


@dataclass(slots=True)
class Venue:
    """What a venue knows; `apply` alone changes it, but for the time.

    An order without a limit takes what is shown when it arrives, walking the levels as the backtest does, and
    what is not filled is cancelled. One with a limit takes what is shown up to it, and the rest rests: it is
    filled at its limit by what the other side later shows there or beyond: late rather than early, as behind
    all others at its price. An order that arrives where the book is not sound is not filled.

    Attributes
    ----------
    fee, fixed_fee : a fraction of the value at the mid, and money an order; see `execution.terms`.
    crossing : what an order without a limit pays beside the mid, times what the book shows.
    orders : those that are on their way or rest; `known` every id that was handed over.
    replacing : those on their way that are to take another one's place.
    coming : arrivals to come, a heap.
    taken : of each instrument and side, +1 for asks.
    positions : signed units.
    told : how many reports there were.
    """

    fee: float = 0.0
    fixed_fee: float = 0.0
    crossing: float = 1.0
    orders: dict[str, Open] = field(default_factory=dict)
    replacing: dict[str, Open] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    coming: list[tuple[int, int, Accepted]] = field(default_factory=list)
    taken: dict[tuple[str, int], Taken] = field(default_factory=dict)
    positions: dict[str, float] = field(default_factory=dict)
    told: int = 0
    _handed: int = 0
    _resting: dict[str, Open] = field(default_factory=dict)

    @property
    def due(self) -> float:
        """When the next thing arrives that is on its way, ns; `NEVER` for nothing."""
        return self.coming[0][0] if self.coming else NEVER

    def open_orders(self) -> list[Resting]:
        """Return the orders that may still trade."""
        coming = [
            (order_id, each.order, self.orders[each.order.replaces].filled)
            for order_id, each in self.replacing.items()
            if each.order.replaces in self.orders
        ]
        here = [(order_id, each.order, each.filled) for order_id, each in self.orders.items()]
        return [
            Resting(order_id, order.instrument, order.quantity, filled)
            for order_id, order, filled in (*here, *coming)
        ]

    def taken_by(self, order: Order) -> Taken:
        """Return what is taken of the side that an order takes."""
        return self.taken.get((order.instrument, 1 if order.quantity > 0.0 else -1), {})

    def apply(self, happened: Accepted | Told) -> None:
        """Remember what happened."""
        if isinstance(happened, Told):
            self._remember(happened)
            return
        self._handed += 1
        heapq.heappush(self.coming, (happened.arrives, self._handed, happened))
        if happened.order is not None:
            self.known.add(happened.order_id)
            coming = self.replacing if happened.order.replaces else self.orders
            coming[happened.order_id] = Open(happened.order, happened.arrives)

    def hasten(self, at: int) -> None:
        """Let what is on its way arrive at `at`, ns, at the latest, if it was decided before.

        A day that a start goes through again hastens nothing to decisions before it was sent; a cancellation
        counts as its order.
        """
        hastened = {**self.orders, **self.replacing}
        hastened = {name: each for name, each in hastened.items() if each.order.decided < at}
        for place, (arrives, number, each) in enumerate(self.coming):
            if each.order_id in hastened and arrives > at:
                self.coming[place] = (at, number, each._replace(arrives=at))
        heapq.heapify(self.coming)
        for found in hastened.values():
            found.arrives = min(found.arrives, at)

    def advance(self, at: int, books: Mapping[str, Book]) -> Iterator[Told]:
        """Yield what happens before `at` in the books that stood until then, each applied already.

        Parameters
        ----------
        at : ns; what arrives at it exactly meets the books after it. An order that rested is filled then.
        books : by instrument, as they stood since the last call; read only where an order asks for it.
        """
        while self.coming and self.coming[0][0] < at:
            _, _, accepted = heapq.heappop(self.coming)
            if accepted.order_id in self.replacing and accepted.order is not None:
                yield self._apply(self._replaced(self.replacing[accepted.order_id], books))
                continue
            found = self.orders.get(accepted.order_id)
            if found is None or (accepted.order is not None and found.resting):
                continue
            if accepted.order is None:
                yield self._apply(
                    Told(self._report(found, Standing.CANCELLED, accepted.arrives, "asked for"))
                )
            else:
                yield self._apply(self._arrived(found, books[found.order.instrument]))
        for found in list(self._resting.values()):
            told = self._crossed(found, at, books[found.order.instrument])
            if told is not None:
                yield self._apply(told)

    def _apply(self, told: Told) -> Told:
        self._remember(told)
        return told

    def _remember(self, told: Told) -> None:
        report, self.told = told.report, self.told + 1
        if report.order_id in self.replacing:
            found = self.replacing.pop(report.order_id)
            if report.standing is Standing.REJECTED:
                return
            self._take_place(found)
        found = self.orders[report.order_id]
        instrument = found.order.instrument
        if told.taken is not None:
            self.taken[instrument, found.side] = told.taken
        if report.filled:
            found.filled += report.filled
            held = self.positions.get(instrument, 0.0) + report.filled
            self.positions[instrument] = settled(held, report.filled)
        if report.standing.over:
            del self.orders[report.order_id]
            self._resting.pop(report.order_id, None)
        else:
            found.resting = True
            self._resting[report.order_id] = found

    def _replaced(self, found: Open, books: Mapping[str, Book]) -> Told:
        """Return what becomes of an order that arrives to take another one's place."""
        old = self.orders.get(found.order.replaces)
        if old is None:
            return Told(self._report(found, Standing.REJECTED, found.arrives, "nothing rests to be replaced"))
        found.filled = old.filled
        return self._arrived(found, books[found.order.instrument])

    def _take_place(self, found: Open) -> None:
        old = self.orders.pop(found.order.replaces)
        self._resting.pop(found.order.replaces, None)
        found.filled = old.filled
        self.orders[found.order.order_id] = found

    def _arrived(self, found: Open, book: Book) -> Told:
        limit, at = found.order.limit, found.arrives
        if book.fault:
            standing = Standing.CANCELLED if limit is None else Standing.WORKING
            return Told(self._report(found, standing, at, book.fault))
        filled, beyond, taken, best = self._walked(found, book)
        whole = filled >= abs(found.order.quantity - found.filled) - LEAST
        rests = Standing.CANCELLED if limit is None else Standing.WORKING
        standing = Standing.FILLED if whole else rests
        price = best + found.side * (beyond / filled) if filled else 0.0
        if limit is None and filled and self.crossing != 1.0:
            price = book.mid + self.crossing * (price - book.mid)
        text = "" if whole or limit is not None else SHORT
        return Told(self._report(found, standing, at, text, filled, price, book), taken)

    def _crossed(self, found: Open, at: int, book: Book) -> Told | None:
        limit = found.order.limit
        if limit is None or book.fault:
            return None
        prices = book.ask_price if found.side > 0 else book.bid_price
        if not found.side * (limit - prices[0]) >= 0.0:
            return None
        filled, _, taken, _ = self._walked(found, book)
        if not filled:
            return None
        whole = filled >= abs(found.order.quantity - found.filled) - LEAST
        standing = Standing.FILLED if whole else Standing.WORKING
        return Told(self._report(found, standing, at, "", filled, limit, book), taken)

    def _walked(self, found: Open, book: Book) -> tuple[float, float, Taken, float]:
        side, limit = found.side, found.order.limit
        prices, sizes = shown(book, side)
        reach = None if limit is None else sum(side * (limit - price) >= 0.0 for price in prices)
        taken = self.taken.get((found.order.instrument, side), {})
        left = abs(found.order.quantity - found.filled)
        return *walk(left, prices, sizes, taken, reach), prices[0]

    def _report(
        self,
        found: Open,
        standing: Standing,
        at: int,
        text: str,
        filled: float = 0.0,
        price: float = 0.0,
        book: Book | None = None,
    ) -> Report:
        fee = 0.0
        if filled and book is not None:
            fee = self.fee * filled * book.mid + (0.0 if found.filled else self.fixed_fee)
        report_id, signed = f"{PAPER}{self.told + 1}", math.copysign(filled, found.side) if filled else 0.0
        return Report(report_id, found.order.order_id, standing, signed, price, fee, at, text)


def shown(book: Book, side: int) -> tuple[list[float], list[float]]:
    """Return prices and sizes that an order takes: asks where it buys, `side` +1."""
    prices, sizes = (book.ask_price, book.ask_size) if side > 0 else (book.bid_price, book.bid_size)
    return [float(each) for each in prices], [float(each) for each in sizes]
