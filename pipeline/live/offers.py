"""What venues offer to an order, what an account can give for it, and how it is divided between them."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.domain.orders import LEAST, Order
from pipeline.execution.all_in import Offer, all_in_cost, shared
from pipeline.execution.walk import Taken
from pipeline.live.venue import Book, shown


class Charges(NamedTuple):
    """What trading costs at a venue beside its book: see `all_in.Offer`."""

    fee: float = 0.0
    fixed_fee: float = 0.0
    crossing: float = 1.0


class Purse(NamedTuple):
    """What an account has that cannot go short: units of the hedge to sell, and money to buy them with."""

    units: float
    money: float


class Venued(NamedTuple):
    """What a venue offers, and what the account there can give; None for as much as one likes."""

    offer: Offer
    purse: Purse | None = None


def offered(order: Order, book: Book, charges: Charges, taken: Taken) -> Offer:
    """Return what a book shows to an order, less what the desk has taken of it, and the charges."""
    prices, sizes = shown(book, 1 if order.quantity > 0.0 else -1)
    left = [size - taken.get((price, size), 0.0) for price, size in zip(prices, sizes, strict=True)]
    return Offer(prices, left, book.mid, *charges)


def divided(order: Order, venues: Mapping[str, Venued], lot: float) -> dict[str, float]:
    """Return the signed units of an order that each of one or two venues is sent, by name; none is left out.

    One with a limit goes to one of them as a whole: to that which can take most of it, and of these to where
    it costs least. What no account can give is not sent.

    Parameters
    ----------
    lot : units of which parts are multiples; 0 is any.

    Examples
    --------
    >>> near, far = Offer([100.0], [2.0], mid=99.0), Offer([101.0], [9.0], mid=100.0)
    >>> buys = Order("a", "BTC", 5.0)
    >>> divided(buys, {"own": Venued(near), "other": Venued(far)}, lot=0.0)
    {'own': 2.0, 'other': 3.0}
    >>> divided(buys, {"own": Venued(near, Purse(0.0, money=100.0)), "other": Venued(far)}, lot=0.0)
    {'own': 1.0, 'other': 4.0}
    """
    most = {name: given(order, venue, lot) for name, venue in venues.items()}
    most = {name: units for name, units in most.items() if units}
    if len(most) < 2:
        return most
    offers = {name: _at_most(venues[name].offer, abs(units)) for name, units in most.items()}
    if order.limit is not None:
        cost = {name: all_in_cost(units, offers[name], order.limit).money for name, units in most.items()}
        best = min(most, key=lambda name: (-abs(most[name]), cost[name]))
        return {best: most[best]}
    one, two = offers.values()
    parts = zip(offers, shared(order.quantity, one, two, lot), strict=True)
    return {name: min(units, most[name], key=abs) for name, units in parts if units}


def given(order: Order, venue: Venued, lot: float) -> float:
    """Return the signed units of an order that an account can give, whole lots where it is not all.

    What is bought has to be paid at the worst price that it may meet, its limit or the last one shown, with
    the fee.
    """
    offer, purse, size = venue.offer, venue.purse, abs(order.quantity)
    if purse is None:
        return order.quantity
    if order.quantity < 0.0:
        most = purse.units
    else:
        worst = order.limit or max(price for price in offer.prices if not math.isnan(price))
        most = (purse.money - offer.fixed_fee) / (worst * (1.0 + offer.fee))
    if most >= size:
        return order.quantity
    if lot:
        most = math.floor(most / lot + LEAST) * lot
    return math.copysign(most, order.quantity) if most > LEAST else 0.0


def _at_most(offer: Offer, units: float) -> Offer:
    """Return an offer of which no more than so many units can be had."""
    left, sizes = units, []
    for size in offer.sizes:
        sizes.append(min(size, left))
        left -= sizes[-1]
    return offer._replace(sizes=sizes)
