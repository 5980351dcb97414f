"""Starting and recovering are one path: the journal's account is held against what the gateway says."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

from pipeline.domain.orders import GONE, LEAST, NEVER_ARRIVED, Order, Report, Standing
from pipeline.live.account import Account, Progress
from pipeline.live.gateway import OVERLAP, Resting, Several
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.risk.state import RiskState

PATIENCE: Final = (0.5, 2.0)
"""Seconds to wait before asking again where the two differ: a report may be on its way."""
AFTER_ALL: Final = "held after all"
POSITION: Final = "position"
RECONCILES: Final = "reconcile"


@dataclass(frozen=True, slots=True)
class Difference:
    """What nothing explains: of a position in units, or of one order, and at which of several venues."""

    what: str
    instrument: str
    journal: float
    gateway: float
    venue: str = ""

    def __str__(self) -> str:
        """Return it as a line of the report."""
        off, at = self.gateway - self.journal, f" at {self.venue}" if self.venue else ""
        return (
            f"{self.what} {self.instrument}{at}: journal {self.journal:g}, gateway {self.gateway:g}, {off:+g}"
        )


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found: reports that had been missed, orders that never arrived, and what is not explained."""

    missed: int
    never_arrived: tuple[str, ...]
    differences: tuple[Difference, ...]


class _Compared(NamedTuple):
    """What differs, the orders that never arrived, and those that the gateway had taken and holds no more."""

    differences: list[Difference]
    never: list[Order]
    gone: list[str]


async def recover(path: OrderPath, now: int, patience: Sequence[float] = PATIENCE) -> Recovery:
    """Bring a path, begun from its journal, in line with its gateway, or halt.

    Reports that were missed are taken in. An order that was written down and that the gateway does not know
    never arrived: it is closed as such, and cancelled should it still be on its way. Whatever then differs, a
    position of either side or an order, halts; an order that the gateway had taken and holds no more is then
    closed, for it will not be filled. One that was closed so, and that the gateway holds after all, is
    cancelled. A path that has halted has its working orders cancelled again.

    Parameters
    ----------
    path : its gateway is not started yet.
    now : ns since 1970 UTC.
    patience : seconds to wait before each further look at a difference.

    Raises
    ------
    GatewayError
        The gateway cannot be reached.
    JournalError
        What is found cannot be written down.
    """
    known = len(path.account.seen)
    await path.gateway.start(path.hear)
    differences, never, gone = await _compared(path, now)
    for seconds in patience if differences or never else ():
        await asyncio.sleep(seconds)
        differences, never, gone = await _compared(path, now)
    missed = len(path.account.seen) - known
    for order in never:
        path.gateway.cancel(order, now)
        path.hear(_closed(order.order_id, NEVER_ARRIVED, now))
    found = Recovery(missed, tuple(order.order_id for order in never), tuple(differences))
    inputs = {
        "missed": missed,
        "never_arrived": found.never_arrived,
        "differences": [astuple(each) for each in differences],
        "unexplained": [[each.report.report_id, each.why] for each in path.account.unexplained],
    }
    why = "; ".join(map(str, differences)) or "journal and gateway agree"
    path.journal.audit(Entry(now, "recovery", RECONCILES, why, inputs))
    if path.latch.state is RiskState.HALTED:
        path.cancel_all()
    elif differences:
        path.turn(RiskState.HALTED, "recovery", why)
    for order_id in gone:
        path.hear(_closed(order_id, GONE, now))
    return found


def _closed(order_id: str, why: str, now: int) -> Report:
    return Report(f"{why}-{order_id}-{now}", order_id, Standing.CANCELLED, text=why)


async def _compared(path: OrderPath, now: int) -> _Compared:
    """Take in what was missed, and compare."""
    gateway = path.gateway
    for report in await gateway.fills(max(path.newest - OVERLAP, 0)):
        path.hear(report)
    resting = {each.order_id: each for each in await gateway.open_orders()}
    where = gateway.where if isinstance(gateway, Several) else _nowhere
    account, differences, never, gone = path.account, [], [], []
    for order_id in filter(account.given_up, resting):
        path.hear(Report(f"{AFTER_ALL}-{order_id}-{now}", order_id, Standing.WORKING, text=AFTER_ALL))
    for order_id, progress in account.working.items():
        lost = [order for order in progress.sent if order.order_id not in resting]
        if len(lost) < len(progress.sent):
            never += [order for order in lost if order in progress.asked]
        elif progress.standing is Standing.INTENDED and not progress.filled:
            never.append(progress.order)
        else:
            gone.append(order_id)
            what, instrument = f"open order {order_id}", progress.order.instrument
            differences.append(Difference(what, instrument, progress.left, 0.0, where(order_id)))
    differences += _of_orders(account.orders, resting, where)
    if isinstance(gateway, Several):
        positions = await gateway.positions_at()
        booked = _booked_at(path, positions)
    else:
        positions, booked = {"": await gateway.positions()}, {"": account.positions}
    for venue, theirs in positions.items():
        differences += _of_positions(account, booked[venue], theirs, venue)
    return _Compared(differences, never, gone)


def _nowhere(order_id: str) -> str:
    return ""


def _booked_at(path: OrderPath, venues: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the positions that the journal's reports make at each venue; what names none is at the first."""
    found: dict[str, dict[str, float]] = {name: {} for name in venues}
    unexplained = {each.report.report_id for each in path.account.unexplained}
    for report in path.journal.reports():
        if report.filled and report.report_id not in unexplained:
            instrument = path.account.orders[report.order_id].order.instrument
            held = found.get(report.venue, next(iter(found.values())))
            held[instrument] = held.get(instrument, 0.0) + report.filled
    return found


def _of_positions(
    account: Account, booked: Mapping[str, float], told: Mapping[str, float], venue: str
) -> Iterator[Difference]:
    for instrument in sorted({*booked, *told}):
        ours, theirs = booked.get(instrument, 0.0), told.get(instrument, 0.0)
        if not abs(ours - theirs) <= LEAST * max(_traded(account, instrument), 1.0):
            yield Difference(POSITION, instrument, ours, theirs, venue)


def _traded(account: Account, instrument: str) -> float:
    """Return the units that went through a position: what its sum rounds is in proportion."""
    return sum(abs(each.filled) for each in account.orders.values() if each.order.instrument == instrument)


def _of_orders(
    orders: Mapping[str, Progress], resting: Mapping[str, Resting], where: Callable[[str], str]
) -> Iterator[Difference]:
    for order_id, theirs in resting.items():
        ours = orders.get(order_id)
        left = theirs.quantity - theirs.filled
        if ours is None or ours.standing.over:
            yield Difference(f"open order {order_id}", theirs.instrument, 0.0, left, where(order_id))
        elif not abs(ours.left - left) <= LEAST:
            yield Difference(f"open order {order_id}", theirs.instrument, ours.left, left, where(order_id))
