"""From a half-width that is right for proportional cost to a band that answers fixed fees and impact too."""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure

LEAST_COST = 1e-9
"""Proportional cost at which a width is looked at where there is a fixed fee only."""
LEAST_RISK = 1e-30
LEAST_MOVE = 1e-12
NEWTON_STEPS = 10
NORMAL_MOMENT = 0.8600399873245196
"""E|N|^1.5 of a standard normal N."""

Numbers = FloatArray | float


def charged(state: MarketState, cost: Numbers) -> Numbers:
    """Return the cost for which a policy computes its width: `cost`, never quite zero with a fixed fee.

    A width that goes to zero with the cost still tells, by how fast, what risk the policy minds.
    """
    return np.maximum(cost, LEAST_COST) if np.any(state.fixed_fee) else cost


def traded(
    state: MarketState,
    center: FloatArray,
    half_width: Numbers,
    cost: Numbers,
    vol: FloatArray,
) -> Band:
    """Return the band around `center` that proportional cost, fixed fee and impact ask for together.

    With proportional cost only it is `center` ± `half_width`, traded to the edge. A fixed fee moves the edges
    out and the targets in (`fixed_fee_edges`), and is paid only where the risk that a trade takes away until
    expiry is worth it: the edge is at least √(2F/(γσ²S²τ)) away from the target, the exact rule where gamma
    is zero. With impact the position goes part of the way (`part_of_the_way`): what there is to trade is the
    target's own move over a step, when the hedge opens all of it; a band's edge is `half_width` further away
    from the centre, and so weighs more.

    Parameters
    ----------
    state : its `fixed_fee` F and `impact` are what is answered.
    center, half_width : [N, T] hedge units, right for the proportional cost `cost` (see `charged`).
    vol : at which the options' gamma counts.
    """
    if not np.any(state.fixed_fee) and not np.any(state.impact):
        return Band.around(center, half_width)
    price, sigma = state.price[..., 0], exposure.typical(state, vol)
    risk = state.risk_aversion * (sigma * price) ** 2
    band = Band.around(center, half_width)
    if np.any(state.fixed_fee):
        life = risk * exposure.typical(state, state.time_to_expiry)
        inner, outer = around_fee(half_width, state.fixed_fee, cost * price, life)
        band = Band.around(center, outer).to(center - inner, center + inner)
    return band.slowed(pace(state, center, half_width, vol)) if np.any(state.impact) else band


def pace(state: MarketState, center: FloatArray, half_width: Numbers, vol: FloatArray) -> FloatArray:
    """Return how much of the way to its band a position goes in one step, [N, T]: 1 without impact.

    See `traded`; the sizes of what there is to trade are those of the options, at `vol`.
    """
    if not np.any(state.impact):
        return np.broadcast_to(1.0, center.shape)
    price, sigma = state.price[..., 0], exposure.typical(state, vol)
    move = exposure.curvature(state, vol) * sigma * price * np.sqrt(state.interval)
    opening = np.where(state.step == 0, np.abs(center), 0.0)
    risk = state.risk_aversion * (sigma * price) ** 2
    part: FloatArray = slowed(move, opening, half_width, risk * state.interval, state.impact * price)
    return part


@register_jitable  # type: ignore[untyped-decorator]
def slowed(move: Numbers, opening: Numbers, half_width: Numbers, risk: Numbers, impact: Numbers) -> Any:
    """Return how much of the way is gone in a step in which the target moves, or the whole hedge opens.

    Parameters
    ----------
    move, opening : deviation of the target's move, and the hedge if it is opened; units.
    risk : what a step costs at a distance of one, money.
    impact : κ of `part_of_the_way`, money.
    """
    size = np.maximum(np.hypot(move, opening), LEAST_MOVE)
    return part_of_the_way(risk * (size + half_width) / np.sqrt(size), impact)


@register_jitable  # type: ignore[untyped-decorator]
def around_fee(half_width: Numbers, fee: Numbers, cost: Numbers, life: Numbers) -> tuple[Any, Any]:
    """Return `fixed_fee_edges`, the outer one as far out as a trade is worth its fee, see `traded`.

    Parameters
    ----------
    half_width, fee : h and F.
    cost : of a unit, money.
    life : risk of a distance of one until expiry, γσ²S²τ.
    """
    inner, outer = fixed_fee_edges(half_width, fee / cost)
    worth = np.maximum(outer, inner + np.sqrt(2.0 * fee / life))
    return inner, np.where(outer > 0.0, worth, 0.0)[()]


@register_jitable  # type: ignore[untyped-decorator]
def fixed_fee_edges(half_width: Numbers, trade: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return how far from the centre to trade to, and how far it may drift, with a fixed fee on every trade.

    A position that diffuses with variance rate a and costs b y² a unit of time away from the centre, c per
    unit traded and F per trade is best left alone inside ± U and traded to ± u (smooth fit at both):

        u U (u + U) = 3 a c/(2b),   (U − u)³ (U + u) = 6 a F/b.

    With a = (ΓσS)² and b = γσ²S²/2 these are the bands of Whalley and Wilmott (1999) and Korn (1998). Without
    fee both are the half-width of proportional cost h, h³ = 3ac/(4b): so h tells a/b, whichever policy it
    comes from, and (U − u)³ (U + u) = 8 (F/c) h³. Without proportional cost the trade goes to the centre,
    u = 0 and U⁴ = 6aF/b.

    Parameters
    ----------
    half_width : h, right for proportional cost.
    trade : F/c, the trade (units) whose proportional cost is the fixed fee.

    Examples
    --------
    >>> inner, outer = fixed_fee_edges(0.1, 0.5)
    >>> print(f"{inner * outer * (inner + outer):.6f} {(outer - inner) ** 3 * (outer + inner):.6f}")
    0.002000 0.004000
    """
    cube = half_width**3
    closed = cube == 0.0
    cube = np.where(closed, 1.0, cube)[()]  # in compiled code a number again
    # With m = (U + u)/2 and d = (U − u)/2: m (m² − d²) = h³ and 2 m d³ = F h³/c.
    spread = 0.5 * trade * cube
    mean = np.cbrt(cube) + spread**0.25
    for _ in range(NEWTON_STEPS):
        third = spread ** (2.0 / 3.0) * np.cbrt(mean)
        error = mean**3 - third - cube
        mean = mean - error / (3.0 * mean**2 - third / (3.0 * mean))
    half = np.minimum(np.cbrt(spread / mean), mean)
    return np.where(closed, 0.0, mean - half)[()], np.where(closed, 0.0, mean + half)[()]


@register_jitable  # type: ignore[untyped-decorator]
def part_of_the_way(risk: Numbers, impact: Numbers) -> Any:
    """Return which part of the way to its target a position should go in one step under square-root impact.

    The target moves by normal steps of standard deviation m, a step at distance y costs g y²/2, a trade of q
    ⅔ κ |q|^1.5. Going a constant part s of the way, the distances and the trades are normal with variances
    m² (1 − z)²/(4z) and m² z, z = s/(2 − s), so the cost of a step is

        g m² (1 − z)²/(8z) + ⅔ κ m^1.5 E|N|^1.5 z^0.75,

    least where w (1 − z²) = 4 E|N|^1.5 z^1.75, w = g √m/κ. With quadratic impact λ q²/2 in its place the same
    steps give z = (1 + 4λ/g)^(−½), the rate of Gârleanu and Pedersen (2013).

    Parameters
    ----------
    risk : g √m.
    impact : κ, money.

    Examples
    --------
    >>> part_of_the_way(np.array([1e-3, 1.0, 1e6]), 1.0).round(3)
    array([0.019, 0.608, 1.   ])
    """
    risk, push = np.maximum(risk, LEAST_RISK), 4.0 * NORMAL_MOMENT * impact
    z = (risk / (risk + push)) ** (4.0 / 7.0)
    for _ in range(NEWTON_STEPS):
        error = risk * (1.0 - z**2) - push * z**1.75
        z = z + error / (2.0 * risk * z + 1.75 * push * z**0.75)
    return np.minimum(2.0 * z / (1.0 + z), 1.0)
