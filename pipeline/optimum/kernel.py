"""The inner loops of the dynamic programme: one step back in time, on plain arrays.

Exponential costs of a step are sums of products: what is exponentiated is J − δS less a number of its own for
each position, once a node, and a step of the market is a weighted sum of neighbours. Each kernel does a part
of its columns and no column looks at another's result, so that threads may share them.
"""

import math

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.markov_chain import IntArray

DOWN, TO_LOWER, TO_UPPER = range(3)
CAP = 690.0
"""Exponents beyond are cut: the numbers end at exp(709)."""
TINY = 1e-300
LEAST, MOST = 1e-100, 1e100
"""Sums outside may hold a cut exponent: they are done again in logarithms."""


@kept(nogil=True)
def last_step(
    start: int,
    stop: int,
    log_spot: FloatArray,
    positions: FloatArray,
    call: float,
    put: float,
    aversion: float,
    mean: FloatArray,
    deviation: FloatArray,
    unwind: FloatArray,
    node: FloatArray,
    node_weight: FloatArray,
    most: float,
    found: FloatArray,
) -> None:
    """Fill columns start … stop − 1 of `found` [C, D, X] with the logarithm of what the last step costs.

    That is log E exp(λ (Z(S') + c S' |δ| − δ (S' − S))).

    The integral over ±`most` deviations is split at the strike, where the payoff bends, and both parts are
    done by Gauss and Legendre's rule with nodes and weights on [−1, 1].
    """
    for i in range(start, stop):
        spot = math.exp(log_spot[i])
        after = np.empty(2 * len(node))
        owed = np.empty(2 * len(node))
        weight = np.empty(2 * len(node))
        for c in range(len(mean)):
            bend = min(max((-log_spot[i] - mean[c]) / deviation[c], -most), most)
            for part in range(2):
                low, high = (-most, bend) if part == 0 else (bend, most)
                for q in range(len(node)):
                    k = part * len(node) + q
                    normal = 0.5 * (low + high) + 0.5 * (high - low) * node[q]
                    share = max(0.5 * (high - low) * node_weight[q], TINY)
                    weight[k] = math.log(share / math.sqrt(2.0 * math.pi)) - 0.5 * normal * normal
                    after[k] = math.exp(log_spot[i] + mean[c] + deviation[c] * normal)
                    owed[k] = call * max(after[k] - 1.0, 0.0) + put * max(1.0 - after[k], 0.0)
            for j in range(len(positions)):
                held, closing = positions[j], unwind[c] * abs(positions[j])
                peak = -np.inf
                for k in range(len(after)):
                    loss = owed[k] + closing * after[k] - held * (after[k] - spot)
                    peak = max(peak, weight[k] + aversion * loss)
                total = 0.0
                for k in range(len(after)):
                    loss = owed[k] + closing * after[k] - held * (after[k] - spot)
                    total += math.exp(weight[k] + aversion * loss - peak)
                found[c, j, i] = peak + math.log(total)


@kept(nogil=True)
def exponentiate(
    start: int,
    stop: int,
    value: FloatArray,
    spot: FloatArray,
    positions: FloatArray,
    level: FloatArray,
    aversion: float,
    pad: int,
    power: FloatArray,
    out: FloatArray,
) -> None:
    """Fill rows start … stop − 1 of `power` [M · D, X + 2 pad] with λ (J − δ S − level_j), `out` with exp.

    Beyond the grid J goes on as a line in S.
    """
    _, count, points = value.shape
    for job in range(start, stop):
        m, j = job // count, job % count
        row = value[m, j]
        low = (row[1] - row[0]) / (spot[pad + 1] - spot[pad])
        last = pad + points - 1
        high = (row[points - 1] - row[points - 2]) / (spot[last] - spot[last - 1])
        for i in range(points + 2 * pad):
            if i < pad:
                cost = row[0] + low * (spot[i] - spot[pad])
            elif i > last:
                cost = row[points - 1] + high * (spot[i] - spot[last])
            else:
                cost = row[i - pad]
            power[m, j, i] = aversion * (cost - positions[j] * spot[i] - level[j])
            out[m, j, i] = math.exp(min(max(power[m, j, i], -CAP), CAP))


@kept(fastmath={"reassoc", "contract"}, inline="always")
def _expected(weight: FloatArray, exponential: FloatArray, m: int, i: int, j: int) -> float:
    """Return Σ_n Σ_l weight[m, n, l] exponential[n, j, i + l]."""
    total = 0.0
    for n in range(weight.shape[1]):
        for step in range(weight.shape[2]):
            total += weight[m, n, step] * exponential[n, j, i + step]
    return total


@kept()
def _log_expected(weight: FloatArray, power: FloatArray, m: int, i: int, j: int) -> float:
    """Return log Σ_n Σ_l weight[m, n, l] exp(power[n, j, i + l]), however great; NaN below zero."""
    peak = -np.inf
    for n in range(weight.shape[1]):
        for step in range(weight.shape[2]):
            if weight[m, n, step] > 0.0:
                peak = max(peak, power[n, j, i + step] + math.log(weight[m, n, step]))
    total = 0.0
    for n in range(weight.shape[1]):
        for step in range(weight.shape[2]):
            share = weight[m, n, step]
            if share != 0.0:
                total += math.copysign(math.exp(power[n, j, i + step] + math.log(abs(share)) - peak), share)
    return peak + math.log(total) if total > 0.0 else np.nan


@kept(inline="always")
def _of_last_step(ways: FloatArray, last: FloatArray, m: int, i: int, j: int) -> float:
    """Return log Σ_c ways[m, c] exp(last[c, j, i])."""
    peak = -np.inf
    for c in range(ways.shape[1]):
        if ways[m, c] > 0.0:
            peak = max(peak, last[c, j, i])
    total = 0.0
    for c in range(ways.shape[1]):
        if ways[m, c] > 0.0:
            total += ways[m, c] * math.exp(last[c, j, i] - peak)
    return peak + math.log(total)


@kept(inline="always")
def _vertex(ahead: FloatArray, paid: FloatArray, j: int) -> float:
    """Return where the parabola through three values of G ± cSδ around node j is least, in steps from j."""
    if j == 0 or j == len(ahead) - 1:
        return 0.0
    before, after = ahead[j - 1] + paid[j - 1], ahead[j + 1] + paid[j + 1]
    bend = before - 2.0 * (ahead[j] + paid[j]) + after
    return min(max(0.5 * (before - after) / bend, -0.5), 0.5) if bend > 0.0 else 0.0


@kept(nogil=True)
def step_back(
    start: int,
    stop: int,
    at_end: bool,
    weight: FloatArray,
    power: FloatArray,
    exponential: FloatArray,
    ways: FloatArray,
    last: FloatArray,
    level: FloatArray,
    spot: FloatArray,
    positions: FloatArray,
    cost: FloatArray,
    aversion: float,
    guess: IntArray,
    value: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> bool:
    """Fill columns start … stop − 1 of J [M, D, X] and the band [M, X]; return whether a sum failed.

    G is convex in the position, so the band is found by walking: down or up from `guess` [M, X], the node of
    the lower edge one time later, to where another unit is not worth its cost, and on to where it is worth
    selling. Only these nodes are computed. J is that of a hedger who holds a node's position at any time; the
    edges are put where a parabola through the three nodes around the best one has them.

    Parameters
    ----------
    at_end : the step is the last one: `last` and `ways` say what it costs; else `exponential` and `weight`.
    spot : [X], the strike is 1.
    """
    states, count = len(cost), len(positions)
    gap = positions[1] - positions[0]
    ahead, cut = np.empty(count), False
    for i in range(start, stop):
        for m in range(states):
            toll = cost[m] * spot[i] * gap
            ahead[:] = np.nan
            bottom, top, walking = 0, 0, DOWN
            j = guess[m, i]
            while True:
                for node in (j, j + 1):
                    if node < count and np.isnan(ahead[node]):
                        if at_end:
                            logarithm = _of_last_step(ways, last, m, i, node)
                            ahead[node] = logarithm / aversion
                        else:
                            total = _expected(weight, exponential, m, i, node)
                            if LEAST < total < MOST:
                                logarithm = math.log(total)
                            else:
                                logarithm = _log_expected(weight, power, m, i, node)
                                cut |= np.isnan(logarithm)
                            ahead[node] = logarithm / aversion + level[node] + positions[node] * spot[i]
                slope = ahead[j + 1] - ahead[j] if j + 1 < count else np.inf
                if walking == DOWN:
                    if slope >= -toll and j > 0:
                        j -= 1
                        continue
                    walking = TO_LOWER
                if walking == TO_LOWER:
                    if slope < -toll:
                        j += 1
                        continue
                    bottom, walking = j, TO_UPPER
                if slope < toll:
                    j += 1
                    continue
                top = j
                break
            paid = cost[m] * spot[i] * positions
            lower[m, i] = positions[bottom] + gap * _vertex(ahead, paid, bottom)
            upper[m, i] = max(positions[top] + gap * _vertex(ahead, -paid, top), lower[m, i])
            guess[m, i] = bottom
            for j in range(count):
                nearest = min(max(j, bottom), top)
                value[m, j, i] = ahead[nearest] + abs(paid[nearest] - paid[j])
    return cut
