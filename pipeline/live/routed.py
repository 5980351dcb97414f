"""The router: one gateway to two venues, each order where it costs least with everything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.domain.errors import GatewayError
from pipeline.domain.orders import PAPER, Order, Report, Standing, settled
from pipeline.live.gateway import OVERLAP, Hear, Resting
from pipeline.live.offers import Charges, Purse, Venued, divided, offered
from pipeline.live.opened import Opened
from pipeline.live.routing import Routing, Routings
from pipeline.live.venue import Book

NOWHERE: Final = "no venue had a sound book and an account that could give something"
UNFILLED: Final = "not filled at any venue"
log = logging.getLogger(__name__)


class Traded(NamedTuple):
    """A venue of the router: what is opened there, and what trading costs beside its book."""

    opened: Opened
    charges: Charges


class Routed:
    """A gateway to two venues of one instrument.

    An order without a limit goes to one of them or is shared, as `offers.divided` says of the books as they
    stand and of what accounts can give; one with a limit goes to one as a whole, what rests valued at its
    limit, and what replaces it follows it there. A venue that is down, or whose book is not sound, is sent
    nothing. Where an order goes is in a file before it is sent, so its id is bound for good: sent again,
    after a restart too, it goes the same way, and a venue takes an id once. What the death of the process
    kept from its venue is not sent later.

    Reports keep their ids with the venue's name behind, by which a journal tells what is held where. Those of
    a shared order say that it works until one of the router's own ends it, unless its fills do.

    Parameters
    ----------
    venues : by name; the first is preferred where both cost the same.
    sees : the book of each, as it stands now.
    place : the file, made if it is not there.
    lot : units of which parts are multiples; 0 is any.
    patience : seconds to wait before each further look, at the start, for an order that its venue does not
        know: a report may be on its way.

    Raises
    ------
    GatewayError
        The file is no router's, is damaged or cannot be written, or another process has it.
    """

    def __init__(
        self,
        venues: Mapping[str, Traded],
        sees: Callable[[], Sequence[Book]],
        place: Path,
        lot: float = 0.0,
        patience: Sequence[float] = (),
    ) -> None:
        self._traded, self._sees, self._lot, self._patience = dict(venues), sees, lot, patience
        self._venues = {name: traded.opened.gateway for name, traded in venues.items()}
        self._hear: Hear | None = None
        self._untold: list[Routing] = []
        self._purses: dict[str, Purse] = {}
        self._strangers: dict[str, str] = {}
        self._down = set[str]()
        self._routings = Routings(place)

    @property
    def broken(self) -> str:
        """Why the desk cannot go on: no venue is left, or one is down where something of it is open."""
        down = {name: venue.broken for name, venue in self._venues.items() if venue.broken}
        for name, why in down.items():
            if len(down) == len(self._venues) or self._routings.working[name]:
                return f"{name}: {why}"
        return ""

    async def start(self, hear: Hear) -> None:
        """Connect to both; parts that their venue does not hold, and that it has not ended, are over."""
        self._hear = hear
        for name, venue in self._venues.items():
            await venue.start(partial(self._heard, name))
        missing = await self._missing()
        for seconds in self._patience if missing else ():
            await asyncio.sleep(seconds)
            missing = await self._missing()
        for order_id, names in missing.items():
            self._routings.lose(order_id, names)
        for name, (opened, _) in self._traded.items():
            if opened.purse is not None:
                self._purses[name] = await self._told_purse(opened.purse)

    async def stop(self) -> None:
        """Disconnect from both."""
        async with AsyncExitStack() as ending:
            for venue in self._venues.values():
                ending.push_async_callback(venue.stop)

    def close(self) -> None:
        """Let go of the file."""
        self._routings.close()

    def submit(self, order: Order) -> None:
        """Send an order where it costs least; an id that went somewhere goes there again."""
        if order.order_id not in self._routings.by_order:
            self._bind(order, self._chosen(order))
        for name, part in self._parts(order):
            self._venues[name].submit(part)

    def replace(self, order: Order) -> None:
        """Send an order to where the one is whose place it takes."""
        if order.order_id not in self._routings.by_order:
            old = self._routings.by_order.get(order.replaces)
            self._bind(order, {} if old is None else old.parts)
        for name, part in self._parts(order):
            self._venues[name].replace(part)

    def cancel(self, order: Order, at: int) -> None:
        """Ask to cancel an order wherever it is; a fault of one venue leaves out no other.

        A venue that is down is not asked where it has said that the order is over.
        """
        routing, faults = self._routings.by_order.get(order.order_id), list[GatewayError]()
        for name, units in () if routing is None else routing.parts.items():
            if self._venues[name].broken and routing is not None and name in routing.over:
                continue
            try:
                self._venues[name].cancel(order.changed(quantity=units), at)
            except GatewayError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    async def open_orders(self) -> Sequence[Resting]:
        """Return the orders that a venue holds open, each as a whole."""
        found: dict[str, Resting] = {}
        for name, venue in self._venues.items():
            for resting in await venue.open_orders():
                routing = self._routings.by_order.get(resting.order_id)
                if routing is None:
                    self._strangers[resting.order_id] = name
                else:
                    filled = resting.filled if routing.alone else sum(routing.filled.values())
                    resting = replace(resting, quantity=routing.order.quantity, filled=filled)
                found[resting.order_id] = resting
        return list(found.values())

    async def positions(self) -> Mapping[str, float]:
        """Return what both together say the desk holds, signed units by instrument."""
        held: dict[str, float] = {}
        for there in (await self.positions_at()).values():
            for instrument, units in there.items():
                held[instrument] = settled(held.get(instrument, 0.0) + units, units)
        return held

    async def positions_at(self) -> Mapping[str, Mapping[str, float]]:
        """Return what each says the desk holds, by venue and then by instrument."""
        return {name: await venue.positions() for name, venue in self._venues.items()}

    def where(self, order_id: str) -> str:
        """Return the venues that an order went to, or the one that holds a stranger's."""
        routing = self._routings.by_order.get(order_id)
        return self._strangers.get(order_id, "") if routing is None else " and ".join(routing.parts)

    async def fills(self, since: int) -> Sequence[Report]:
        """Return the reports of both from a time on, ns, by their time, and all of the router's own."""
        told = [
            self._told(name, self._taken(name, report))
            for name, venue in self._venues.items()
            for report in await venue.fills(since)
        ]
        told += [_ending(each) for each in self._routings.by_order.values() if each.ended]
        return sorted(told, key=lambda report: report.time)

    @property
    def due(self) -> float:
        """When the next thing arrives at a venue, ns; infinite for nothing."""
        untold = (float(each.order.decided) for each in self._untold)
        return min(*(traded.opened.played.due for traded in self._traded.values()), *untold)

    def hasten(self, at: int) -> None:
        """Let what is on its way arrive at `at`, ns, at the latest."""
        for traded in self._traded.values():
            traded.opened.played.hasten(at)

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        """Let everything happen that arrives before `at`, each venue in its own book."""
        while self._untold:
            self._say(_ending(self._untold.pop()))
        for traded, book in zip(self._traded.values(), self._sees(), strict=True):
            traded.opened.played.advance(at, dict.fromkeys(books, book))

    async def _missing(self) -> dict[str, list[str]]:
        """Return by id the venues where an order may still trade, and that do not hold it."""
        await self._catch_up()
        missing: dict[str, list[str]] = {}
        for name, venue in self._venues.items():
            resting = {each.order_id for each in await venue.open_orders()}
            for order_id in self._routings.working[name]:
                if order_id not in resting:
                    missing.setdefault(order_id, []).append(name)
        return missing

    async def _told_purse(self, ask: Callable[[], Awaitable[Purse]]) -> Purse:
        """Return what an account has; asked again if it may or may not count what was heard meanwhile."""
        while True:
            known = self._routings.heard
            purse = await ask()
            await self._catch_up()
            if self._routings.heard == known:
                return purse

    async def _catch_up(self) -> None:
        """Take in what both have said since the newest report that is known."""
        await self.fills(max(self._routings.newest - OVERLAP, 0))

    def _chosen(self, order: Order) -> dict[str, float]:
        """Return the units for each venue that can be traded at now."""
        venues = {
            name: Venued(
                offered(order, book, charges, opened.taken(order)), self._left(name, order.limit or book.mid)
            )
            for (name, (opened, charges)), book in zip(self._traded.items(), self._sees(), strict=True)
            if self._stands(name) and not book.fault
        }
        return divided(order, venues, self._lot)

    def _stands(self, name: str) -> bool:
        """Tell whether a venue can be sent something; the first time that it cannot is said."""
        why = self._venues[name].broken
        if why and name not in self._down:
            self._down.add(name)
            log.warning("%s: %s: no order goes there until the desk is started again", name, why)
        return not why

    def _left(self, name: str, price: float) -> Purse | None:
        """Return what an account has left beside what works there; without a limit that buys at a price."""
        purse = self._purses.get(name)
        if purse is None:
            return None
        units, money = purse
        for each in self._routings.working[name].values():
            left = each.left(name)
            units += min(left, 0.0)
            money -= max(left, 0.0) * (each.order.limit or price)
        return Purse(units, money)

    def _bind(self, order: Order, parts: Mapping[str, float]) -> None:
        """Write down where an order goes; one that goes nowhere is told of when time goes on."""
        routing = self._routings.bind(order, parts)
        if not parts:
            self._untold.append(routing)

    def _parts(self, order: Order) -> Iterator[tuple[str, Order]]:
        """Yield what each venue is sent of an order that is bound."""
        routing = self._routings.by_order[order.order_id]
        for name, units in routing.parts.items():
            if name not in routing.over:
                yield name, order.changed(quantity=units)

    def _taken(self, name: str, report: Report) -> Report:
        """Take in a venue's report, and what it moves in the account there."""
        report, new = self._routings.hear(name, report)
        if new and name in self._purses:
            units, money = self._purses[name]
            paid = report.filled * report.price + report.fee
            self._purses[name] = Purse(units + report.filled, money - paid)
        return report

    def _heard(self, name: str, report: Report) -> None:
        report = self._taken(name, report)
        routing = self._routings.by_order.get(report.order_id)
        if routing is None or routing.alone or not report.gives_up:
            self._say(self._told(name, report))
        if routing is not None and routing.ended:
            self._say(_ending(routing))

    def _told(self, name: str, report: Report) -> Report:
        """Return a venue's report as the desk hears it.

        One that fills all that its venue was sent ends an order that is larger.
        """
        routing, standing = self._routings.by_order.get(report.order_id), report.standing
        if routing is not None and not routing.alone:
            standing = Standing.WORKING
        elif routing is not None and standing is Standing.FILLED:
            less = settled(routing.order.quantity - sum(routing.parts.values()), routing.order.quantity)
            standing = Standing.CANCELLED if less else standing
        return replace(report, standing=standing).of_venue(name)

    def _say(self, report: Report) -> None:
        if self._hear is None:
            raise GatewayError(f"report {report.report_id} came before the gateway was started")
        self._hear(report)


def _ending(routing: Routing) -> Report:
    """Return the router's own report that an order is over."""
    text = UNFILLED if routing.parts else NOWHERE
    order_id = routing.order.order_id
    return Report(f"{PAPER}routed-{order_id}", order_id, Standing.CANCELLED, time=routing.newest, text=text)
