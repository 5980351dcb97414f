"""One option at one decision, in compiled code: what trained networks see of it, and what they start from."""

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.policies.trading_rule import LEAST_COST
from pipeline.policies.zakamouline import adjustment, width
from pipeline.pricing.one_option import d1, density, normal

OPTION: Final = 5
"""How many columns `describe` writes."""


class Option(NamedTuple):
    """An option and its hedge at a decision, see `MarketState`: `vol` is that at which it is marked."""

    forward: float
    strike: float
    time: float
    vol: float
    price: float
    slope: float
    impact: float


class Terms(NamedTuple):
    """What a desk pays and minds, see `MarketState`; `interval` is in years."""

    cost: float
    aversion: float
    interval: float
    rate: float
    fixed_fee: float


class Owed(NamedTuple):
    """A liability: the range of its position, undiscounted, [2], and sign and quantity of its legs [L, 2]."""

    ends: FloatArray
    legs: FloatArray


class Prior(NamedTuple):
    """The band that a network corrects and the cost that it is for, see `network_band.prior`.

    `gamma` is |∂²value/∂price²|.
    """

    center: float
    half_width: float
    gamma: float
    cost: float


def owed(liability: Liability) -> Owed:
    """Return what compiled code takes of a liability."""
    legs = [(1.0 if leg.right == "call" else -1.0, leg.quantity) for leg in liability.legs]
    return Owed(np.array(liability.position_range, dtype=np.float64), np.array(legs, dtype=np.float64))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def describe(option: Option, terms: Terms, seen: FloatArray) -> None:
    """Write `network_band.option_columns`."""
    deviation = option.vol * math.sqrt(option.time)
    seen[0] = math.log(option.forward / option.strike) / deviation
    seen[1] = math.log(deviation)
    seen[2] = math.log(option.time / terms.interval)
    seen[3] = math.log(max(terms.cost, 1e-9))
    seen[4] = math.log(max(terms.aversion * option.strike, 1e-300))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def a_unit(option: Option, terms: Terms) -> float:
    """Return the hedge of an option whose undiscounted forward delta is one."""
    unit: float = option.slope * math.exp(-terms.rate * option.time)
    return unit


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def prior(option: Option, terms: Terms, owed: Owed) -> Prior:
    """Return Zakamouline's band of one option; the centre is NaN where there is none.

    See `zakamouline.unclipped` and `trading_rule.charged`.
    """
    cost = max(terms.cost, LEAST_COST) if terms.fixed_fee != 0.0 else terms.cost
    vol, time, price, unit = option.vol, option.time, option.price, a_unit(option, terms)
    bell = density(d1(option.forward, option.strike, time, vol)) / (option.forward * vol * math.sqrt(time))
    gamma = abs(owed.legs[:, 1].sum() * bell * unit * option.slope)
    half = width(cost, terms.aversion, price, vol, time, terms.rate, gamma)
    shift = adjustment(cost, terms.aversion, price, vol, time, terms.rate, gamma)
    center = 0.0
    for k in range(len(owed.legs)):
        sign, quantity = owed.legs[k, 0], owed.legs[k, 1]
        variance = vol**2 * (1.0 + np.sign(quantity) * shift)
        own = math.sqrt(variance) if variance > 0.0 else math.nan
        center -= quantity * sign * unit * normal(sign * d1(option.forward, option.strike, time, own))
    return Prior(center, min(half, (owed.ends[1] - owed.ends[0]) * unit), gamma, cost)
