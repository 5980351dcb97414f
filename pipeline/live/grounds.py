"""On what a decision was made: bytes of which its order and its line of the audit are made later."""

import math
from struct import Struct
from typing import Any, Final

import orjson

from pipeline.domain.orders import Order

Grounds = bytes
"""Nine numbers of a decision and its words, see `grounds`."""
DECIDES: Final = "decide"
"""Of a line of the audit about a decision."""
NAMES: Final = ("asked", "sent", "position", "bid", "ask", "delta")
"""Of numbers among the inputs of that line."""
SENT: Final = 4
"""The place of what was sent among the numbers."""
_NUMBERS: Final = Struct("<q8d")
_pack = _NUMBERS.pack


def in_words(desk: str, instrument: str, who: str, why: str, model: str) -> bytes:
    """Return the words of decisions: whose, in what, by which policy, why, and with which model."""
    return orjson.dumps((desk, instrument, who, why, model))


def grounds(
    words: bytes,
    at: int,
    lower: float,
    upper: float,
    asked: float,
    sent: float,
    position: float,
    bid: float,
    ask: float,
    delta: float,
) -> Grounds:
    """Return the grounds of a decision, in units of the hedge.

    Parameters
    ----------
    words : of `in_words`.
    at : ns since 1970 UTC.
    lower, upper : the band.
    asked, sent : the order of the band, and what was left of it.
    position, bid, ask, delta : what was held, the best prices, and what would offset the option's delta.

    Examples
    --------
    >>> words = in_words("desk", "BTC", "delta", "band", "model 1")
    >>> found = grounds(words, 5, 0.1, 0.2, 0.4, 0.3, 0.0, 99.0, math.nan, 0.15)
    >>> order_of(found)
    Order(order_id='desk-5', instrument='BTC', quantity=0.3, limit=None, decided=5, parent='', replaces='')
    >>> line_of(found)[:4], line_of(found)[4]["band"], line_of(found)[4]["ask"]
    ((5, 'delta', 'decide', 'band'), [0.1, 0.2], None)
    """
    return _pack(at, lower, upper, asked, sent, position, bid, ask, delta) + words


def order_of(given: Grounds) -> Order:
    """Return the order that a decision sends."""
    at, _, _, _, sent, *_ = _NUMBERS.unpack_from(given)
    desk, instrument, *_ = orjson.loads(given[_NUMBERS.size :])
    return Order(f"{desk}-{at}", instrument, sent, None, at)


def line_of(given: Grounds) -> tuple[int, str, str, str, dict[str, Any], str]:
    """Return the fields of a decision's line of the audit; a number that is none is None."""
    at, *numbers = _NUMBERS.unpack_from(given)
    _, _, who, why, model = orjson.loads(given[_NUMBERS.size :])
    lower, upper, *rest = [each if math.isfinite(each) else None for each in numbers]
    return at, who, DECIDES, why, {"band": [lower, upper], **dict(zip(NAMES, rest, strict=True))}, model
