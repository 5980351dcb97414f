"""Orders, fills and their fees in ccxt's words."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.domain.orders import Report, Standing
from pipeline.live.gateway import Resting

MS: Final = 1_000_000
"""Nanoseconds."""
ENDED: Final[Mapping[str, Standing]] = {
    "closed": Standing.FILLED,
    "canceled": Standing.CANCELLED,
    "expired": Standing.CANCELLED,
    "rejected": Standing.REJECTED,
}
"""Of ccxt's words for an order that trades no more."""
Told = Mapping[str, Any]
"""An order or a trade as ccxt tells it."""


class Market(NamedTuple):
    """A spot market: the desk's name of it, and what is traded for what."""

    instrument: str
    base: str
    quote: str


def fill_of(trade: Told, order_id: str, market: Market) -> Report:
    """Return what a trade says; a fee that was not taken in money stands in its text alone.

    Examples
    --------
    >>> trade = {"id": "9", "order": "17", "side": "sell", "amount": 0.5, "price": 100.5, "timestamp": 3,
    ...          "fee": {"cost": 0.05, "currency": "USDT"}}
    >>> fill_of(trade, "a", Market("BTC", "BTC", "USDT"))  # doctest: +ELLIPSIS
    Report(report_id='17/9', order_id='a', ... filled=-0.5, price=100.5, fee=0.05, time=3000000, ...)
    """
    units = float(trade["amount"])
    cost, currency = fee_of(trade)
    in_money = not cost or currency == market.quote
    return Report(
        report_id=f"{trade['order']}/{trade['id']}",
        order_id=order_id,
        standing=Standing.WORKING,
        filled=units if trade["side"] == "buy" else -units,
        price=float(trade["price"]),
        fee=cost if in_money else 0.0,
        time=int(trade["timestamp"]) * MS,
        text="" if in_money else f"and a fee of {cost:g} {currency}",
    )


def fee_of(trade: Told) -> tuple[float, str]:
    """Return the fee of a trade and its currency."""
    fee = trade.get("fee") or {}
    return float(fee.get("cost") or 0.0), str(fee.get("currency") or "")


def end_of(order: Told, order_id: str) -> Report | None:
    """Return that an order has ended, and how; None where it may still trade."""
    standing = ENDED.get(order["status"])
    if standing is None:
        return None
    return Report(f"{order_id}/{order['status']}", order_id, standing, text=str(order["status"]))


def resting_of(order: Told, order_id: str, market: Market) -> Resting:
    """Return an open order."""
    sign = 1.0 if order["side"] == "buy" else -1.0
    whole, done = float(order["amount"]), float(order["filled"] or 0.0)
    return Resting(order_id, market.instrument, sign * whole, sign * done)
