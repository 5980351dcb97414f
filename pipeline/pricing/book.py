"""Value and Greeks of calls and puts that share strike and expiry: Black's formula, summed over legs.

A leg's quantity broadcasts with the other inputs, so the options of a net book are valued in one call.
"""

from collections.abc import Iterable

import numpy as np

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.pricing import black
from pipeline.pricing.black import Numbers


def value(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's value to its holder, Σ quantity × price, in money.

    Examples
    --------
    >>> round(float(value(Liability.of("straddle", "short"), 100.0, 100.0, 30 / 365, 0.2)), 4)
    -4.5743
    """
    return _sum(leg.quantity * black.price(leg.right, forward, strike, time, vol, rate) for leg in book.legs)


def delta(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂value/∂forward; the hedge that offsets it is its negative."""
    return _sum(leg.quantity * black.delta(leg.right, forward, strike, time, vol, rate) for leg in book.legs)


def gamma(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂²value/∂forward²: negative for a book sold."""
    return sum(leg.quantity for leg in book.legs) * black.gamma(forward, strike, time, vol, rate)


def vega(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂value/∂σ, per unit of volatility, when all volatilities move alike."""
    return sum(leg.quantity for leg in book.legs) * black.vega(forward, strike, time, vol, rate)


def theta(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂value/∂t at the same forward, per year."""
    return _sum(leg.quantity * black.theta(leg.right, forward, strike, time, vol, rate) for leg in book.legs)


def vanna(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂²value/∂forward∂σ."""
    return sum(leg.quantity for leg in book.legs) * black.vanna(forward, strike, time, vol, rate)


def volga(
    book: Liability,
    forward: Numbers,
    strike: Numbers,
    time: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> FloatArray:
    """Return the book's ∂²value/∂σ²."""
    return sum(leg.quantity for leg in book.legs) * black.volga(forward, strike, time, vol, rate)


def _sum(terms: Iterable[FloatArray]) -> FloatArray:
    total: FloatArray = np.zeros(())
    for term in terms:
        total = total + term
    return total
