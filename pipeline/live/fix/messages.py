"""Orders, reports, open orders and positions in the words of FIX 4.4."""

import math
from collections.abc import Mapping
from typing import Final

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.fix.wire import Message, nanoseconds, timestamp
from pipeline.live.gateway import Resting

NEW_ORDER, CANCEL, REPLACE, STATUS, POSITIONS = "D", "F", "G", "AF", "AN"
EXECUTION, CANCEL_REFUSED, REJECTED, BUSINESS_REJECTED, POSITION = "8", "9", "3", "j", "AP"
STANDINGS: Final[Mapping[str, Standing]] = {
    **dict.fromkeys("016AE59", Standing.WORKING),
    "2": Standing.FILLED,
    **dict.fromkeys("34BC7", Standing.CANCELLED),
    "8": Standing.REJECTED,
}
"""Of 39 OrdStatus: new, partially filled, pending …; filled; done for day, cancelled, expired …; rejected."""
FILLS: Final = "F12"
"""Of 150 ExecType: a trade; 1 and 2 are its words before FIX 4.3."""
CORRECTED, BUSTED, ORDER_STATUS, CALCULATED, OF_ANOTHER_ID = "G", "H", "I", "B", "46E"
PER_UNIT, PERCENT, ABSOLUTE = "1", "2", "3"
"""Of 13 CommType: money a unit; a share of what was traded, .05 for 5 %; money."""
UNREADABLE: Final = "unreadable"

Fields = list[tuple[int, str]]


def number(value: float) -> str:
    """Return a quantity or price as FIX writes it: digits and a point.

    Examples
    --------
    >>> number(0.1 + 0.2), number(1e-9), number(250.0)
    ('0.3', '0.000000001', '250')
    """
    return f"{value:.12f}".rstrip("0").rstrip(".")


def new_order(order: Order, account: str) -> Fields:
    """Return the body of a NewOrderSingle: a limit for the day, or at market what is shown and no more."""
    priced = (
        [(40, "1"), (59, "3")] if order.limit is None else [(40, "2"), (44, number(order.limit)), (59, "0")]
    )
    held = [(1, account)] if account else []
    return [(11, order.order_id), *held, (21, "1"), *_traded(order, order.decided), *priced]


def replacement(order: Order, account: str) -> Fields:
    """Return the body of an OrderCancelReplaceRequest: the order whole, what was filled included."""
    return [(41, order.replaces), *new_order(order, account)]


def cancellation(order: Order, at: int) -> Fields:
    """Return the body of an OrderCancelRequest; its id says when it was asked."""
    return [(41, order.order_id), (11, f"{order.order_id}-x{at}"), *_traded(order, at)]


def _traded(order: Order, at: int) -> Fields:
    """Return what is traded, by which side, when that was asked, and how much."""
    side, units = "1" if order.quantity > 0.0 else "2", number(abs(order.quantity))
    return [(55, order.instrument), (54, side), (60, timestamp(at)), (38, units)]


def status_request(request: str) -> Fields:
    """Return the body of an OrderMassStatusRequest for all orders."""
    return [(584, request), (585, "7")]


def positions_request(request: str, account: str, now: int) -> Fields:
    """Return the body of a RequestForPositions."""
    told = timestamp(now)
    return [(710, request), (724, "0"), (1, account or "all"), (581, "1"), (715, told[:8]), (60, told)]


def report_of(message: Message, fee_so_far: bool = False) -> Report:
    """Return what an ExecutionReport says.

    Commission (12) is that of the fill which the report tells, and of one with 150 = B (calculated) that of
    all fills of its order (FIX 4.4, volume 4, ExecutionReport). Some brokers tell that with every fill:
    `fee_so_far`. It is money, money a unit or a share of what was traded (13); another kind is not read.

    One that cannot be read is a report of an order that nobody knows, which halts: it may have been a fill. A
    fill that is taken back (150 = H) is one of the other sign, which nothing explains either, and one that is
    corrected (150 = G) says what it was and not by how much it was wrong, so it is not read. Its id has the
    order's in front: brokers begin ExecIDs (17) anew each day.
    """
    kind = message.get(150, "")
    try:
        if kind == CORRECTED:
            raise ValueError(f"a fill of {message.get(11)} was corrected")
        order_id = message[41] if kind in OF_ANOTHER_ID and 41 in message else message[11]
        filled = 0.0
        if kind in FILLS or kind == BUSTED:
            filled = _signed(_positive(message, 32), message[54]) * (-1.0 if kind == BUSTED else 1.0)
        calculated = kind == CALCULATED
        paid = (filled or calculated) and 12 in message
        whole = calculated or fee_so_far
        fee = _commission(message, (14, 6) if whole else (32, 31)) if paid else 0.0
        price = _positive(message, 31) if filled else 0.0
        time = nanoseconds(message[60]) if 60 in message else nanoseconds(message[52])
        text = message.get(58, "")
        report_id = f"{order_id}/{_told(message, 17)}"
        standing, so_far = STANDINGS[message[39]], bool(paid) and whole
        return Report(report_id, order_id, standing, filled, price, fee, time, text, so_far)
    except (KeyError, ValueError, OverflowError, OrderError) as error:
        said = f"{type(error).__name__}: {error}"
        report_id = f"{UNREADABLE}-{message.get(34)}-{message.get(52)}"
        return Report(report_id, UNREADABLE, Standing.WORKING, text=said)


def resting_of(message: Message) -> Resting:
    """Return the open order that an ExecutionReport answering a status request tells.

    Raises
    ------
    KeyError, ValueError
        It cannot be read.
    """
    whole, done = float(message[38]), float(message[14])
    return Resting(message[11], message[55], _signed(whole, message[54]), _signed(done, message[54]))


def position_of(message: Message) -> tuple[str, float]:
    """Return instrument and signed units of a PositionReport with one position.

    Raises
    ------
    KeyError, ValueError
        It cannot be read.
    """
    if message.get(702, "1") not in ("0", "1"):
        raise ValueError(f"{message[702]} quantities of {message[55]} in one report, where one is expected")
    return message[55], float(message.get(704, "0")) - float(message.get(705, "0"))


def _commission(message: Message, traded: tuple[int, int]) -> float:
    """Return the money that a commission is; `traded` are the tags of units and price that it is of."""
    told, kind = float(message[12]), message.get(13)
    units, price = traded
    if kind == ABSOLUTE or told == 0.0:
        return told
    if kind == PER_UNIT:
        return told * _positive(message, units)
    if kind == PERCENT and abs(told) < 1.0:
        return told * _positive(message, units) * _positive(message, price)
    if kind == PERCENT:
        raise ValueError(f"commission (12) is {message[12]} of what was traded (13 = 2): 5 % is told as 0.05")
    raise ValueError(f"commission (12) is of the kind 13 = {kind}, which is no money: 1, 2 and 3 are booked")


def _told(message: Message, tag: int) -> str:
    if not message[tag]:
        raise ValueError(f"{tag} is empty")
    return message[tag]


def _positive(message: Message, tag: int) -> float:
    value = float(message[tag])
    if not 0.0 < value < math.inf:
        raise ValueError(f"{tag} is {message[tag]}")
    return value


def _signed(units: float, side: str) -> float:
    if side not in "1256" or len(side) != 1:
        raise ValueError(f"side {side}")
    return units if side == "1" else -units
