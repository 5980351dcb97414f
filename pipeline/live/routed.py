"""The router: one gateway to two venues, each order where it costs least with everything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from pipeline.domain.errors import GatewayError
from pipeline.domain.orders import PAPER, Order, Report, Standing, settled
from pipeline.execution.all_in import Offer, all_in_cost, shared
from pipeline.live.gateway import Gateway, Hear, Resting
from pipeline.live.line_file import LineFile
from pipeline.live.played import Played
from pipeline.live.venue import Book

NOWHERE: Final = "no venue had a sound book"
UNFILLED: Final = "not filled at any venue"


class Routable(Gateway, Played, Protocol):
    """A gateway that can say what it offers to an order, from the book that its venue shows."""

    def offer(self, order: Order, book: Book) -> Offer:
        """Return what the venue shows to an order, less what the desk has taken of it, and its terms."""
        ...


@dataclass(slots=True)
class Routing:
    """Where an order went.

    Attributes
    ----------
    parts : signed units by venue; a venue has one order of this id. Empty where it could go nowhere.
    filled : signed units by venue.
    over : venues at which it trades no more.
    newest : time of its newest report, ns.
    """

    order: Order
    parts: Mapping[str, float]
    filled: dict[str, float] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    newest: int = 0

    @property
    def ended(self) -> bool:
        """Tell whether it trades nowhere any more and the venues' own reports do not say so."""
        left = settled(self.order.quantity - sum(self.filled.values()), self.order.quantity)
        return len(self.parts) != 1 and self.over.issuperset(self.parts) and left != 0.0


class Routed:
    """A gateway to two venues of one instrument.

    An order without a limit goes to one of them or is shared, as `execution.all_in.shared` says of the books
    as they stand; one with a limit goes to one as a whole, what rests valued at its limit, and what replaces
    it follows it there. A venue that is down, or whose book is not sound, is sent nothing. Where an order
    goes is in a file before it is sent, so its id is bound for good: sent again, after a restart too, it goes
    the same way, and a venue takes an id once. What the death of the process kept from its venue is not
    sent later.

    Reports keep their ids with the venue's name behind. Those of a shared order say that it works until one
    of the router's own ends it, unless its fills do.

    Parameters
    ----------
    venues : by name; the first is preferred where both cost the same.
    sees : the book of each, as it stands now.
    place : the file, made if it is not there.
    lot : units of which parts are multiples; 0 is any.

    Raises
    ------
    GatewayError
        The file is no router's, is damaged or cannot be written, or another process has it.
    """

    def __init__(
        self,
        venues: Mapping[str, Routable],
        sees: Callable[[], Sequence[Book]],
        place: Path,
        lot: float = 0.0,
    ) -> None:
        self._venues, self._sees, self._lot = venues, sees, lot
        self._hear: Hear | None = None
        self._untold: list[Routing] = []
        self._routings: dict[str, Routing] = {}
        self._seen: set[tuple[str, str]] = set()
        self._file = LineFile(place, "router")
        try:
            for number, line in enumerate(self._file.lines(), start=2):
                try:
                    self._bind(line)
                except (TypeError, KeyError, ValueError) as error:
                    raise self._file.damaged(number, error) from None
        except BaseException:
            self._file.close()
            raise

    @property
    def broken(self) -> str:
        """Why the desk cannot go on: no venue is left, or one is down where something of it is open."""
        down = {name: venue.broken for name, venue in self._venues.items() if venue.broken}
        for name, why in down.items():
            if len(down) == len(self._venues) or self._works_at(name):
                return f"{name}: {why}"
        return ""

    async def start(self, hear: Hear) -> None:
        """Connect to both; parts that never reached their venue are over."""
        known: dict[str, set[str]] = {}
        for name, venue in self._venues.items():
            told = await venue.fills(0)
            for report in told:
                self._take(name, report)
            resting = {each.order_id for each in await venue.open_orders()}
            known[name] = resting.union(report.order_id for report in told)
        for order_id, routing in self._routings.items():
            lost = [name for name in routing.parts if not (name in routing.over or order_id in known[name])]
            if lost:
                self._write({"lost": order_id, "venues": lost})
        self._hear = hear
        for name, venue in self._venues.items():
            await venue.start(partial(self._heard, name))

    async def stop(self) -> None:
        """Disconnect from both."""
        for venue in self._venues.values():
            await venue.stop()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def submit(self, order: Order) -> None:
        """Send an order where it costs least; an id that went somewhere goes there again."""
        if order.order_id not in self._routings:
            self._write(_line(order, self._chosen(order)))
            if not self._routings[order.order_id].parts:
                self._untold.append(self._routings[order.order_id])
        for name, part in self._parts(order):
            self._venues[name].submit(part)

    def replace(self, order: Order) -> None:
        """Send an order to where the one is whose place it takes."""
        if order.order_id not in self._routings:
            old = self._routings.get(order.replaces)
            self._write(_line(order, {} if old is None else dict.fromkeys(old.parts, order.quantity)))
        for name, part in self._parts(order):
            self._venues[name].replace(part)

    def cancel(self, order: Order, at: int) -> None:
        """Ask to cancel an order wherever it is; a fault of one venue leaves out no other."""
        routing, faults = self._routings.get(order.order_id), list[GatewayError]()
        for name, units in () if routing is None else routing.parts.items():
            try:
                self._venues[name].cancel(order.changed(quantity=units), at)
            except GatewayError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    async def open_orders(self) -> Sequence[Resting]:
        """Return the orders that a venue holds open, each as a whole."""
        found: dict[str, Resting] = {}
        for venue in self._venues.values():
            for resting in await venue.open_orders():
                routing = self._routings.get(resting.order_id)
                if routing is not None and len(routing.parts) > 1:
                    resting = replace(
                        resting, quantity=routing.order.quantity, filled=sum(routing.filled.values())
                    )
                found[resting.order_id] = resting
        return list(found.values())

    async def positions(self) -> Mapping[str, float]:
        """Return what both together say the desk holds, signed units by instrument."""
        held: dict[str, float] = {}
        for venue in self._venues.values():
            for instrument, units in (await venue.positions()).items():
                held[instrument] = settled(held.get(instrument, 0.0) + units, units)
        return held

    async def fills(self, since: int) -> Sequence[Report]:
        """Return the reports of both from a time on, ns, by their time, and the router's own among them."""
        told = [
            self._told(name, report)
            for name, venue in self._venues.items()
            for report in await venue.fills(since)
        ]
        told += [_ending(each) for each in self._routings.values() if each.ended]
        return sorted((each for each in told if each.time >= since), key=lambda report: report.time)

    @property
    def due(self) -> float:
        """When the next thing arrives at a venue, ns; infinite for nothing."""
        untold = (float(each.order.decided) for each in self._untold)
        return min(*(venue.due for venue in self._venues.values()), *untold)

    def hasten(self, at: int) -> None:
        """Let what is on its way arrive at `at`, ns, at the latest."""
        for venue in self._venues.values():
            venue.hasten(at)

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        """Let everything happen that arrives before `at`, each venue in its own book."""
        while self._untold:
            self._say(_ending(self._untold.pop()))
        for venue, book in zip(self._venues.values(), self._sees(), strict=True):
            venue.advance(at, dict.fromkeys(books, book))

    def _chosen(self, order: Order) -> dict[str, float]:
        """Return the units for each venue that can be traded at now."""
        offers = {
            name: venue.offer(order, book)
            for (name, venue), book in zip(self._venues.items(), self._sees(), strict=True)
            if not (venue.broken or book.fault)
        }
        if len(offers) < 2:
            return dict.fromkeys(offers, order.quantity)
        if order.limit is not None:
            least = min(offers, key=lambda name: all_in_cost(order.quantity, offers[name], order.limit).money)
            return {least: order.quantity}
        one, two = offers.values()
        parts = shared(order.quantity, one, two, self._lot)
        return {name: units for name, units in zip(offers, parts, strict=True) if units}

    def _parts(self, order: Order) -> Iterator[tuple[str, Order]]:
        """Yield what each venue is sent of an order that is bound."""
        routing = self._routings[order.order_id]
        for name, units in routing.parts.items():
            if name not in routing.over:
                yield name, order.changed(quantity=units)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.append(line)
        self._bind(line)

    def _bind(self, line: Mapping[str, Any]) -> None:
        """Take in a line of the file: where an order goes, or what of it was lost."""
        if "lost" in line:
            self._routings[line["lost"]].over.update(line["venues"])
        else:
            order = Order(*line["order"])
            self._routings[order.order_id] = Routing(order, line["parts"], newest=order.decided)

    def _heard(self, name: str, report: Report) -> None:
        self._take(name, report)
        self._say(self._told(name, report))
        routing = self._routings.get(report.order_id)
        if routing is not None and routing.ended:
            self._say(_ending(routing))

    def _take(self, name: str, report: Report) -> None:
        routing = self._routings.get(report.order_id)
        if routing is None or (name, report.report_id) in self._seen:
            return
        self._seen.add((name, report.report_id))
        routing.filled[name] = routing.filled.get(name, 0.0) + report.filled
        routing.newest = max(routing.newest, report.time)
        if report.standing.over:
            routing.over.add(name)
        if routing.order.replaces in self._routings and report.standing is not Standing.REJECTED:
            self._routings[routing.order.replaces].over.add(name)

    def _told(self, name: str, report: Report) -> Report:
        """Return a venue's report as the desk hears it."""
        routing = self._routings.get(report.order_id)
        alone = routing is None or len(routing.parts) == 1
        standing = report.standing if alone else Standing.WORKING
        return replace(report, report_id=f"{report.report_id}@{name}", standing=standing)

    def _say(self, report: Report) -> None:
        if self._hear is None:
            raise GatewayError(f"report {report.report_id} came before the gateway was started")
        self._hear(report)

    def _works_at(self, name: str) -> bool:
        return any(name in each.parts and name not in each.over for each in self._routings.values())


def _line(order: Order, parts: Mapping[str, float]) -> dict[str, Any]:
    return {"order": tuple(order), "parts": dict(parts)}


def _ending(routing: Routing) -> Report:
    """Return the router's own report that an order is over."""
    text = UNFILLED if routing.parts else NOWHERE
    order_id = routing.order.order_id
    return Report(f"{PAPER}routed-{order_id}", order_id, Standing.CANCELLED, time=routing.newest, text=text)
