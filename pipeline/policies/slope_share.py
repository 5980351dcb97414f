"""How much of the minimum-variance adjustment to take: the least-variance share, shrunk towards a prior."""

from typing import NamedTuple

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.pricing import black

PRIOR_ERROR = 0.27
"""Standard error of the prior share of one half, from days before 2004 (docs/research.md)."""
LIVES_PER_BLOCK = 3
"""Start days of one block, in lives of an option: blocks so long are nearly independent."""
FEWEST_BLOCKS = 4


class Estimate(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float


def learned_share(state: MarketState, position: FloatArray, adjustment: FloatArray, prior: Estimate) -> float:
    """Return the share of an adjustment to take, learned on finished episodes: a posterior mean.

    Parameters
    ----------
    state : finished episodes in the order of their starts.
    position : [N, T] hedge without adjustment, hedge units.
    adjustment : [N, T] what the whole adjustment adds to it.
    prior : what is held before these episodes.
    """
    unadjusted, added = marked_pnl(state, position, adjustment)
    blocks = len(unadjusted) // (LIVES_PER_BLOCK * state.shape[1] * state.starts_together)
    return shrunk(least_variance_share(unadjusted, added, blocks), prior)


def marked_pnl(
    state: MarketState, position: FloatArray, adjustment: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the P&L of the options hedged without adjustment, and what the whole adjustment adds, [N] each.

    From the first to the last decision time, options at Black's price at their implied volatility, costs
    aside. The mean return of the hedge instrument is taken out of what the book *as a whole* is exposed to,
    position less delta at the implied volatility. Taken out of the hedge's gains only, it would leave the
    options' drift in: a P&L that moves with the market without any lack of hedge, and that a smaller hedge
    would seem to lessen.
    """
    vol = exposure.known(state.implied_vol, "slope share", "implied_vol")
    forward, strike, left, own = (
        each[:, [0, -1]] for each in (state.forward, state.strike, state.time_to_expiry, vol)
    )
    value = np.zeros_like(forward)
    for leg in state.liability.legs:
        value += leg.quantity * black.price(leg.right, forward, strike, left, own, state.rate)
    price = state.price[..., 0]
    move = np.diff(price, axis=1)
    neutral = move - np.mean(move / price[:, :-1]) * price[:, :-1]
    delta = exposure.target(state, vol)[:, :-1]
    hedge = delta * move + (position[:, :-1] - delta) * neutral
    return value[:, 1] - value[:, 0] + hedge.sum(axis=1), (adjustment[:, :-1] * neutral).sum(axis=1)


def least_variance_share(unadjusted: FloatArray, added: FloatArray, blocks: int) -> Estimate:
    """Return the share s with the least variance of X + sD, s* = −cov(X, D)/var(D), and its standard error.

    The error is clustered by successive blocks of episodes, which overlap within a block (Liang, Zeger 1986):
    with the sums g_b of (D − D̄)(X − X̄ + s*(D − D̄)) over B blocks, and v that of (D − D̄)² over all, its square
    is B/(B − 3) · Σ g_b²/v². The factor is the variance of Student's t with B − 1 degrees of freedom times
    the usual B/(B − 1): few blocks tell their own scatter badly.
    Infinite with fewer than four blocks, or where D does not vary.

    Parameters
    ----------
    unadjusted, added : X and D, [N] money.

    Examples
    --------
    >>> least_variance_share(np.array([1.0, -1.0, 2.0, -2.0]), np.array([-2.0, 2.0, -4.0, 4.0]), 4)
    Estimate(value=0.5, error=0.0)
    """
    x, d = unadjusted - unadjusted.mean(), added - added.mean()
    squares = float(d @ d)
    if squares == 0.0:
        return Estimate(0.0, np.inf)
    share = -float(x @ d) / squares
    if blocks < FEWEST_BLOCKS:
        return Estimate(share, np.inf)
    scores = np.array([part.sum() for part in np.array_split(d * (x + share * d), blocks)])
    return Estimate(share, float(np.sqrt(blocks / (blocks - 3) * (scores @ scores)) / squares))


def shrunk(estimate: Estimate, prior: Estimate) -> float:
    """Return the posterior mean of a normal prior and a normal estimate: weighted by their precisions.

    Gelman et al. (2013), section 2.5. The prior's error has to be positive.

    Examples
    --------
    >>> shrunk(Estimate(1.0, 0.2), Estimate(0.5, 0.2))
    0.75
    """
    weight = 1.0 / (1.0 + (estimate.error / prior.error) ** 2)
    return float(prior.value + weight * (estimate.value - prior.value))
