"""Between a decision's order and the path to the market: children of it, until the next decision."""

import math
from collections import deque
from typing import Final, NamedTuple

from pipeline.domain.order_settings import OrderSettings
from pipeline.domain.orders import Order, Standing, settled
from pipeline.execution.schedule import handed_out, in_lots
from pipeline.features.decision_times import SECOND
from pipeline.live.grounds import Grounds
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath

NEVER: Final = math.inf
LOOK: Final = SECOND // 10
"""How often what rests is looked after, ns."""
FOLLOWS: Final = "follow"
"""What the audit calls a passive child's new limit."""
SLICE: Final = "slice"
"""What the audit calls a child; beside it stand the best prices with which it was sent."""


class Slice(NamedTuple):
    """A child to come: when, its number, and the units of the parent that are handed out with it."""

    at: int
    number: int
    target: float


class Parents:
    """Works one parent order at a time: slices and places it until the next decision replaces it.

    A desk that sends its orders at once has none. A child's id is its parent's with the number of the slice,
    and an x for what crosses in its place: sent again it is the same order. What a child leaves unfilled goes
    with the next one, and so does a slice that is due in a market that is not sound; after the last they are
    left to the next decision. A parent ends when the risk state turns, and is not remembered over a restart:
    what rests of it is cancelled at the next decision.

    Parameters
    ----------
    settings : of the desk.
    path : to the market.
    step : seconds from a decision to the next; 0 where there is nothing to work.
    lot : smallest order, units; 0 is any.
    """

    def __init__(self, settings: OrderSettings, path: OrderPath, step: float, lot: float) -> None:
        self._settings, self._path, self._lot = settings, path, lot
        self._over = int(settings.over * step * SECOND)
        self._shares = handed_out(settings.slices, settings.pace)
        self._children: list[str] = []
        self._coming: deque[Slice] = deque()
        self._resting: dict[str, int] = {}
        self._crossing: list[str] = []
        self._followed: dict[str, list[str]] = {}
        self._look: float = NEVER
        self._state, self._end = path.latch.state, 0
        self._bid = self._ask = math.nan

    @property
    def due(self) -> float:
        """When there is something to do next, ns; infinite for nothing, and 0 for at once."""
        if self._crossing and any(self._path.account.orders[child].standing.over for child in self._crossing):
            return 0.0
        return min(self._look, self._coming[0].at if self._coming else NEVER)

    def replace(self) -> None:
        """End the parent: no child follows; what rests of it, or of one before a restart, is cancelled."""
        self._children.clear()
        self._coming.clear()
        self._resting.clear()
        self._crossing.clear()
        self._followed.clear()
        self._look = NEVER
        for order_id, progress in list(self._path.account.working.items()):
            if progress.order.parent and progress.order.limit is not None:
                self._path.cancel(order_id)

    def begin(self, order: Order, why: Grounds | None, bid: float, ask: float) -> None:
        """Send the first slice of a decision's order; see `OrderPath.send` for errors.

        Parameters
        ----------
        order : replaces the parent before, whose end was `replace`.
        why : the grounds of the decision, for the audit.
        bid, ask : best prices; NaN where there is no sound market.
        """
        if why is not None:
            self._path.note(why)
        self._parent, self._state, start = order, self._path.latch.state, order.decided
        self._end = start + self._over
        targets = in_lots(order.quantity, self._shares, self._lot)
        self._coming.extend(
            Slice(start + self._over * number // len(targets), number, float(target))
            for number, target in enumerate(targets)
        )
        self.go(start, bid, ask)

    def go(self, at: int, bid: float, ask: float) -> None:
        """Do what is due at a time, ns, in a market with these best prices; NaN where it is not sound."""
        if self._path.latch.state is not self._state:
            self.replace()
            return
        self._bid, self._ask = bid, ask
        self._end_rests(at)
        sound = bid < ask
        self._cross(at, sound)
        if sound and self._settings.follow:
            self._follow(at, bid, ask)
        self._slice(at, bid, ask, sound)
        self._look = min(at + LOOK, *self._resting.values()) if self._resting else NEVER

    def _end_rests(self, at: int) -> None:
        """Cancel what has rested for long enough."""
        account, passive = self._path.account, self._settings.placement == "passive"
        for child, until in list(self._resting.items()):
            over = account.orders[child].standing.over
            if not over and until > at:
                continue
            del self._resting[child]
            if not over:
                self._path.cancel(child)
            if passive:
                self._crossing.append(child)

    def _follow(self, at: int, bid: float, ask: float) -> None:
        """Replace passive children from which the best price of their own side has moved away.

        One whose last replacement the market has not answered, or has refused, is left as it is.
        """
        for child in self._resting:
            progress, names = self._path.account.orders[child], self._followed.setdefault(child, [child])
            order = progress.order
            best = bid if order.quantity > 0.0 else ask
            away = order.limit is not None and (best - order.limit) * order.quantity > 0.0
            if away and progress.standing is Standing.WORKING and names[-1] == order.order_id:
                names.append(f"{child}-p{len(names)}")
                self._hand_over(
                    order.changed(order_id=names[-1], limit=best, decided=at, replaces=order.order_id),
                    FOLLOWS,
                )

    def _cross(self, at: int, sound: bool) -> None:
        """Send at market what passive children left, each once the market has said that it is over."""
        account = self._path.account
        for child in [each for each in self._crossing if account.orders[each].standing.over]:
            self._crossing.remove(child)
            left = account.orders[child].left
            if left and sound:
                self._send(f"{child}-x", left, None, at)

    def _slice(self, at: int, bid: float, ask: float, sound: bool) -> None:
        """Send the slice that is due, with what those before it have left."""
        newest = None
        while self._coming and self._coming[0].at <= at:
            newest = self._coming.popleft()
        if newest is None or not sound:
            return
        whole, placement = self._parent.quantity, self._settings.placement
        units = settled(newest.target - self._committed(), whole)
        if units * whole <= 0.0:
            return
        child = f"{self._parent.order_id}-{newest.number}"
        if placement == "market":
            self._send(child, units, None, at)
            return
        passive = placement == "passive"
        self._resting[child] = self._end
        if passive:
            self._resting[child] = min(self._end, at + int(self._settings.cross_after_seconds * SECOND))
        self._send(child, units, bid if passive == (units > 0.0) else ask, at)

    def _committed(self) -> float:
        """Return the signed units of the parent that are filled or may still be."""
        orders = (self._path.account.orders[child] for child in self._children)
        return sum(each.filled if each.standing.over else each.order.quantity for each in orders)

    def _send(self, child: str, units: float, limit: float | None, at: int) -> None:
        parent = self._parent
        self._hand_over(Order(child, parent.instrument, units, limit, at, parent.order_id), SLICE)
        self._children.append(child)

    def _hand_over(self, order: Order, what: str) -> None:
        seen = {"order": order.order_id, "bid": self._bid, "ask": self._ask}
        self._path.send(order, Entry(order.decided, "parents", what, order.parent, seen))
