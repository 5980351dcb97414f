"""The forward and the discount factor that a chain of calls and puts implies."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.instruments import FloatArray

FEWEST_PAIRS = 4
"""Pairs of quotes below which the discount factor cannot be told from their noise."""


@dataclass(frozen=True)
class ParityForward:
    """What C − P = D(F − K) says of one expiry.

    Attributes
    ----------
    forward, discount : F and D; NaN where the chain cannot tell.
    error : standard error of the forward, in money, from the residuals of the pairs.
    pairs : strikes that were used.
    violated : share of these strikes where no forward fits between the executable prices,
        C_bid − P_ask ≤ D(F − K) ≤ C_ask − P_bid.
    """

    forward: float
    discount: float
    error: float
    pairs: int
    violated: float


def parity_forward(
    strike: FloatArray,
    call_bid: FloatArray,
    call_ask: FloatArray,
    put_bid: FloatArray,
    put_ask: FloatArray,
    discount: float | None = None,
) -> ParityForward:
    """Return the forward of one expiry by least squares on put-call parity, D(F − K) = C − P at the mids.

    A pair weighs one over the square of its two half-spreads, which is what its mid may be off by. Strikes
    without a bid on either side are left out: their mid is no price. With fewer than `FEWEST_PAIRS` the
    discount factor has to be given; with none the answer is NaN.

    Parameters
    ----------
    strike : [M] strikes with a call and a put.
    call_bid, call_ask, put_bid, put_ask : [M] quotes in money; NaN or zero where there are none.
    discount : D where it is known from elsewhere; None estimates it as well.

    References
    ----------
    Stoll (1969); for the regression over strikes Shimko (1993).

    Examples
    --------
    >>> strike = np.array([90.0, 95.0, 100.0, 105.0, 110.0])
    >>> gap = 0.99 * (101.0 - strike)
    >>> found = parity_forward(strike, 20 + gap, 20.2 + gap, np.full(5, 20.0), np.full(5, 20.2))
    >>> round(found.forward, 6), round(found.discount, 6), found.pairs
    (101.0, 0.99, 5)
    """
    quoted = (call_bid > 0.0) & (put_bid > 0.0) & (call_ask >= call_bid) & (put_ask >= put_bid)
    k, cb, ca, pb, pa = (
        np.asarray(each, dtype=np.float64)[quoted] for each in (strike, call_bid, call_ask, put_bid, put_ask)
    )
    if len(k) == 0 or (discount is None and len(np.unique(k)) < FEWEST_PAIRS):
        return ParityForward(np.nan, np.nan if discount is None else discount, np.nan, len(k), np.nan)
    gap, width = 0.5 * (cb + ca - pb - pa), 0.5 * (ca - cb + pa - pb)
    weight = 1.0 / np.maximum(width, 0.1 * np.median(width) + 1e-12 * k.mean()) ** 2
    centre = np.average(k, weights=weight)
    if discount is None:
        away = k - centre
        discount = -float(np.sum(weight * away * gap) / np.sum(weight * away * away))
        fitted = 2
    else:
        fitted = 1
    middle = float(np.average(gap, weights=weight))
    forward = float(centre + middle / discount) if discount > 0.0 else np.nan
    off = gap - discount * (forward - k)
    free = max(len(k) - fitted, 1)
    error = float(np.sqrt(np.sum(weight * off * off) / free / np.sum(weight)) / discount)
    violated = float(np.mean(np.abs(off) > width + 1e-9 * forward))
    return ParityForward(forward, discount, error, len(k), violated)
