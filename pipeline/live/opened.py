"""A gateway that is opened, and what else its market says."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pipeline.domain.orders import Order
from pipeline.execution.walk import Taken
from pipeline.live.gateway import Gateway
from pipeline.live.offers import Purse
from pipeline.live.played import Played


def untouched(order: Order) -> Taken:
    """Return that nothing of what is shown to an order is taken: the book of a market says itself what is."""
    return {}


class Opened(NamedTuple):
    """A gateway that is not started yet, and the market behind it.

    Attributes
    ----------
    played : the market as far as the desk's book moves it.
    taken : what the desk has taken of the side of the book that an order takes, and the book shows on.
    purse : asks what the account has, once the gateway is started; None for one that may go short.
    """

    gateway: Gateway
    played: Played
    taken: Callable[[Order], Taken] = untouched
    purse: Callable[[], Awaitable[Purse]] | None = None
