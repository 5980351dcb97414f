"""Which quotes of a chain take part in an arbitrage that could be traded against their neighbours."""

import numpy as np
from numpy.typing import NDArray

from pipeline.backtest.chain_panel import ChainPanel

CERTAINTY = 1e-9
"""Money by which a bound has to be passed, for floating point."""


def at_odds(panel: ChainPanel, day: int) -> NDArray[np.bool_]:
    """Return which contracts are quoted against a bound of no arbitrage on one day, [C].

    Options of one root, expiry and right are compared with the next strikes that are quoted, all bought at
    the ask and sold at the bid: for calls at K1 < K2 < K3, puts being their mirror image,

        bid(K2) ≤ ask(K1)                                    a higher strike is worth no more
        bid(K1) − ask(K2) ≤ D (K2 − K1)                      and less by no more than the strikes are apart
        bid(K2) ≤ w ask(K1) + (1 − w) ask(K3)                w = (K3 − K2)/(K3 − K1): no butterfly below zero

    Every quote of a violation is marked: prices alone do not tell which one is wrong. A missing ask leaves a
    strike out; a missing bid sells nothing, and a missing discount D tells nothing of the second line.

    Parameters
    ----------
    panel : the chain, its contracts in the order of root, expiry, right and strike.
    day : its column.

    References
    ----------
    Merton (1973), theorems 1 to 4; Carr and Madan (2005).
    """
    own = panel.contracts
    code = own.groupby(["root", "expiry", "right"], sort=False).ngroup().to_numpy()
    rows = np.flatnonzero(np.isfinite(panel.ask[:, day]))
    bid, ask, strike = panel.bid[:, day], panel.ask[:, day], panel.strike
    found = np.zeros(len(own), dtype=bool)
    beside = code[rows[1:]] == code[rows[:-1]]
    low, high = rows[:-1][beside], rows[1:][beside]
    call = panel.right[low] > 0
    dear, less = np.where(call, low, high), np.where(call, high, low)
    apart = panel.discount[low, day] * (strike[high] - strike[low])
    broken = (bid[less] > ask[dear] + CERTAINTY) | (bid[dear] - ask[less] > apart + CERTAINTY)
    found[low[broken]] = found[high[broken]] = True
    three = beside[1:] & beside[:-1]
    left, body, right = rows[:-2][three], rows[1:-1][three], rows[2:][three]
    weight = (strike[right] - strike[body]) / (strike[right] - strike[left])
    broken = bid[body] > weight * ask[left] + (1.0 - weight) * ask[right] + CERTAINTY
    found[left[broken]] = found[body[broken]] = found[right[broken]] = True
    return found
