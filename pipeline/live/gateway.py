"""What a live desk asks of a market: one small protocol for paper, FIX and websocket venues."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from pipeline.domain.orders import Order, Report

Hear = Callable[[Report], None]
"""Takes a report as it comes; it may come twice, late, or for an order that nobody knows."""

OVERLAP: Final = 86_400_000_000_000
"""How far before the newest known report a market is asked again, ns: clocks and sequences differ."""


@dataclass(frozen=True, slots=True)
class Resting:
    """An order that a market holds open: signed units in all, and filled so far."""

    order_id: str
    instrument: str
    quantity: float
    filled: float


class Gateway(Protocol):
    """One market, or one broker, in one event loop.

    `submit`, `replace` and `cancel` hand over and return at once: they neither wait nor answer. What comes of
    an order comes as reports to `hear`, in the loop's own thread. The three questions are asked when a desk
    starts, and may take their time. All raise `GatewayError` where the market cannot be reached.
    """

    @property
    def broken(self) -> str:
        """Why the line is down; empty while it stands. The loop looks at it: nothing else says so."""
        ...

    async def start(self, hear: Hear) -> None:
        """Connect; from now on reports are heard, those first that were missed, if the market sends them."""
        ...

    async def stop(self) -> None:
        """Disconnect; orders stay as they are with the market."""
        ...

    def submit(self, order: Order) -> None:
        """Hand an order over; an id that the market has had is no new order."""
        ...

    def replace(self, order: Order) -> None:
        """Ask to let an order take the place of the one that it names, whose fills count on.

        A report of it says that it was taken; one that rejects or cancels it leaves the other as it was.
        """
        ...

    def cancel(self, order: Order, at: int) -> None:
        """Ask at a time (ns since 1970 UTC) to cancel an order; for one over or unknown it is void.

        The order whole: a market may know one that this process has not handed over.
        """
        ...

    async def open_orders(self) -> Sequence[Resting]:
        """Return the desk's orders that the market holds open or has on their way."""
        ...

    async def positions(self) -> Mapping[str, float]:
        """Return what the market says the desk holds, signed units by instrument."""
        ...

    async def fills(self, since: int) -> Sequence[Report]:
        """Return the reports from a time on (ns since 1970 UTC) that the market can tell again, in order."""
        ...


@runtime_checkable
class Several(Protocol):
    """A gateway to more than one venue, which knows what is where; reports have the venue behind their id."""

    async def positions_at(self) -> Mapping[str, Mapping[str, float]]:
        """Return what each says the desk holds, signed units by venue and then by instrument."""
        ...

    def where(self, order_id: str) -> str:
        """Return the venues of an order, or the one that last told of it; empty for an unknown one."""
        ...
