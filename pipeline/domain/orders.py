"""Orders, and what a market says of them: the words of gateways, journal and account."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, isfinite
from typing import Any, Final, NamedTuple, Self

from pipeline.domain.errors import OrderError

LEAST: Final = 1e-12
"""Units, of a trade or of what is held, that are nothing but the rounding of sums of lots."""

PAPER: Final = "paper-"
"""With which the ids of reports begin that no market says: the paper venue's, and fills of a rehearsal."""

OWN, OTHER = "own", "other"
"""The two venues of a router: that of the desk's own market, and the second."""

NEVER_ARRIVED: Final = "never arrived"
GONE: Final = "held no more"
"""With which the ids of reports begin by which a desk gives up an order that its market does not know."""


def settled(units: float, traded: float) -> float:
    """Return signed units after a trade; what only the rounding of its sum leaves of them is nothing.

    Examples
    --------
    >>> settled(20_000.1 - 20_000.0 - 0.1, 20_000.1), settled(0.1, 20_000.1)
    (0.0, 0.1)
    """
    return units if abs(units) > LEAST * max(abs(traded), 1.0) else 0.0


class Standing(StrEnum):
    """Where an order is: written down, with the market, or over."""

    INTENDED = "intended"
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    @property
    def over(self) -> bool:
        """Tell whether the order trades no more, as far as the market has said."""
        return self not in (Standing.INTENDED, Standing.WORKING)


class _Fields(NamedTuple):
    order_id: str
    instrument: str
    quantity: float
    limit: float | None = None
    decided: int = 0
    parent: str = ""
    replaces: str = ""


class Order(_Fields):
    """What is asked of a market.

    Attributes
    ----------
    order_id : the desk's own and the key of idempotency: a market takes an id once, however often it is sent.
    instrument : as the gateway names it.
    quantity : signed, units of the hedge; negative sells.
    limit : worst price, money; None takes what is shown on arrival and rests for nothing.
    decided : when it was decided, nanoseconds since 1970 UTC.
    parent : id of the order that it is a slice of; empty for none.
    replaces : id of the order whose place it takes, of the same instrument and quantity: what that one has
        filled counts, and only the limit is another. Empty for none.

    Raises
    ------
    OrderError
        An id or the instrument is empty, the quantity is none, or a number is not finite.

    Examples
    --------
    >>> Order("a-1", "BTC", -0.5, decided=1_700_000_000_000_000_000).quantity
    -0.5
    >>> Order("a-2", "BTC", 0.0)
    Traceback (most recent call last):
    pipeline.domain.errors.OrderError: order a-2: a quantity of 0.0 is no order
    """

    __slots__ = ()

    def __new__(
        cls,
        order_id: str,
        instrument: str,
        quantity: float,
        limit: float | None = None,
        decided: int = 0,
        parent: str = "",
        replaces: str = "",
    ) -> Self:
        """Make an order that can be one."""
        if not order_id or not instrument:
            raise OrderError(f"order {order_id!r} of {instrument!r}: give an id and an instrument")
        if not LEAST < abs(quantity) < inf:
            raise OrderError(f"order {order_id}: a quantity of {quantity} is no order")
        if limit is not None and not isfinite(limit):
            raise OrderError(f"order {order_id}: a limit of {limit} is no price")
        return tuple.__new__(cls, (order_id, instrument, quantity, limit, decided, parent, replaces))

    def changed(self, **changes: Any) -> "Order":
        """Return another order, which differs in some of its fields; errors as of a new one."""
        return Order(**{**self._asdict(), **changes})


@dataclass(frozen=True, slots=True)
class Report:
    """What a market says of one order: an execution report.

    Attributes
    ----------
    report_id : the market's own; a report that comes twice has one id.
    order_id : the desk's.
    standing : of the order after this.
    filled : signed units that this report fills, 0 for none.
    price : what a unit was filled at on average, money; 0 where nothing was.
    fee : money paid for the fill, negative for a rebate.
    time : of the market, nanoseconds since 1970 UTC.
    text : the market's reason.
    fee_so_far : whether the fee is that of all fills of the order until now. What is journalled and booked is
        what of it is new.

    Raises
    ------
    OrderError
        An id is empty, or a number is not finite.
    """

    report_id: str
    order_id: str
    standing: Standing
    filled: float = 0.0
    price: float = 0.0
    fee: float = 0.0
    time: int = 0
    text: str = ""
    fee_so_far: bool = False

    def __post_init__(self) -> None:
        if not self.report_id or not self.order_id:
            raise OrderError(f"report {self.report_id!r} of order {self.order_id!r}: both need an id")
        if not isfinite(self.filled + self.price + self.fee):
            raise OrderError(
                f"report {self.report_id}: {self.filled} filled at {self.price}, fee {self.fee}: not numbers"
            )

    @property
    def simulated(self) -> bool:
        """Tell whether no market says it: the paper venue, or one whose fills are play."""
        return self.report_id.startswith(PAPER)

    @property
    def venue(self) -> str:
        """Return which of several venues says it: what stands behind the last @ of its id, if any."""
        return self.report_id.rpartition("@")[2] if "@" in self.report_id else ""

    def of_venue(self, name: str) -> "Report":
        """Return it as one that a venue says.

        Examples
        --------
        >>> Report("m1", "a", Standing.WORKING).of_venue("other").venue
        'other'
        """
        return replace(self, report_id=f"{self.report_id}@{name}")

    @property
    def gives_up(self) -> bool:
        """Tell whether the desk itself says it, of an order that its market does not know."""
        return self.report_id.startswith((f"{NEVER_ARRIVED}-", f"{GONE}-"))

    def rehearsed(self) -> "Report":
        """Return it as one whose fill is play.

        Examples
        --------
        >>> told = Report("m1", "a", Standing.FILLED, filled=1.0, price=100.0)
        >>> told.simulated, told.rehearsed().simulated
        (False, True)
        """
        return replace(self, report_id=f"{PAPER}{self.report_id}")
