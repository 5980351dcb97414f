"""The orders that a venue was given, by the desk's ids, by those it was told, and by its own."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.errors import GatewayError
from pipeline.live.line_file import LineFile


@dataclass(slots=True)
class Placed:
    """An order as the venue knows it; `venue_id` is empty until it has said so."""

    order_id: str
    client_id: str
    venue_id: str = ""


class PlacedOrders:
    """Kept in a file through the death of the process: an id is written down before it is given.

    Parameters
    ----------
    place : the file.
    market : whose orders they are; a file of another is refused.
    now : ms since 1970 UTC, when a new file is made.

    Attributes
    ----------
    made : when the file was made, ms: what the account did before is not the desk's.
    by_order, by_client, by_venue : orders by each of their ids.
    alive : those that are not known to be over, by the client's id.

    Raises
    ------
    GatewayError
        The file is of another market, damaged, or another process has it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         orders = PlacedOrders(Path(folder) / "orders", "binance BTC/USDT", now=5)
    ...         print(orders.made, list(orders.by_order), len(orders.alive))
    ...         placed = orders.place("a")
    ...         orders.known(placed, "17")
    ...         orders.over(placed)
    ...         orders.close()
    5 [] 0
    5 ['a'] 0
    """

    def __init__(self, place: Path, market: str, now: int) -> None:
        self.by_order: dict[str, Placed] = {}
        self.by_client: dict[str, Placed] = {}
        self.by_venue: dict[str, Placed] = {}
        self.alive: dict[str, Placed] = {}
        self._file = LineFile(place, f"orders at {market}")
        try:
            self.made = self._replayed(now)
        except BaseException:
            self._file.close()
            raise

    def place(self, order_id: str) -> Placed:
        """Return a new order, written down."""
        placed = Placed(order_id, client_id(order_id))
        self._file.append(["order", placed.client_id, order_id])
        return self._taken_up(placed)

    def known(self, placed: Placed, venue_id: str) -> None:
        """Remember the venue's id of an order; it can be asked for again."""
        placed.venue_id = venue_id
        self.by_venue[venue_id] = placed

    def over(self, placed: Placed) -> None:
        """Write down that an order is over, as has been reported."""
        if placed.client_id in self.alive:
            self._file.append(["over", placed.client_id])
            del self.alive[placed.client_id]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _replayed(self, now: int) -> int:
        lines, made = self._file.lines(), now
        if not lines:
            self._file.append(["made", now])
        for number, line in enumerate(lines, start=2):
            match line:
                case ["made", int(made)] if number == 2:
                    pass
                case ["order", str(client), str(order_id)]:
                    self._taken_up(Placed(order_id, client))
                case ["over", str(client)] if client in self.alive:
                    del self.alive[client]
                case _:
                    raise self._file.damaged(number, GatewayError("not a line of orders"))
        return made

    def _taken_up(self, placed: Placed) -> Placed:
        self.by_order[placed.order_id] = self.by_client[placed.client_id] = placed
        self.alive[placed.client_id] = placed
        return placed


def client_id(order_id: str) -> str:
    """Return the id that a venue is given of an order: 32 letters and digits, which the strictest take.

    Examples
    --------
    >>> client_id("btc-intraday-1583420430000000000-0-x")
    'h7c3334a9fa0348969221e0c23bff9c0'
    """
    return f"h{hashlib.blake2b(order_id.encode(), digest_size=15).hexdigest()}0"
