"""Options priced by the market's own law where that is a mixture: over what happens to its hidden regime.

A hedge that is priced by another law than the one that moves it can be arbitraged, and a learner finds out.
Where the only state is a regime, the log-price is normal once the path of the regime is given. So the inner
expectation of nested pricing needs no inner prices: it is Black's formula, averaged over the inner paths of
the regime, and these are summed, not drawn. No strike is so far away that it costs nothing.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray, Right
from pipeline.pricing import black
from pipeline.pricing.jumps import numbers_of_jumps
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.merton import Merton
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process
from pipeline.simulate.switching import MarkovSwitching

MOST = 256
"""Components of a law, beyond which the nearest ones are taken together."""
FINEST = 1e-9
"""Deviations and logarithms of factors that differ by less are the same."""


class Law(NamedTuple):
    """The growth of a price is, with chance `chance`, `factor` times a log-normal of mean 1; [C] each.

    `variance` is that of its logarithm over the whole time.
    """

    chance: FloatArray
    factor: FloatArray
    variance: FloatArray


def option_prices(process: Process, paths: Paths, right: Right, strike: float, expiry: int) -> FloatArray:
    r"""Return the price of a European option on every path until its end or step `expiry`, [N, · + 1].

    .. math:: P(S, z, m) = \sum_c p_c \, \mathrm{Black}(S f_c, K, w_c), \quad \sum_c p_c f_c = 1

    over the components c of what m steps from regime z do: of all paths of the regime, those of the same
    variance w and jumps f are one. So the spot itself has its price, and put and call keep their parity. More
    than `MOST` components are grouped by √w and log f, each group with its own mean factor and variance.

    Parameters
    ----------
    process : Black–Scholes, Merton or Markov switching, the one that made the paths, without drift.
    strike : money. expiry : step at which it pays.

    Raises
    ------
    SettingsError
        The process has another state than its regime, or a drift.

    References
    ----------
    Hirano, Imajo, Minami and Shimada (2023), Efficient learning of nested deep hedging, for nested prices;
    Hull and White (1987), eq. 8, for the mean of Black's formula over the variance to come.

    Examples
    --------
    >>> market = BlackScholes(volatility=0.2)
    >>> paths = market.simulate(paths=1, steps=1, dt=1 / 365, seed=7)
    >>> round(float(option_prices(market, paths, "call", 100.0, expiry=30)[0, 0]), 5)
    2.28715
    """
    if not isinstance(process, BlackScholes | MarkovSwitching):
        raise SettingsError(f"{process.name}: nested prices need a market whose only state is its regime")
    if process.drift != 0.0:
        raise SettingsError(f"{process.name}: drift {process.drift}: priced is where the spot has none")
    columns, known = min(expiry, paths.spot.shape[1] - 1) + 1, laws(process, expiry, paths.interval)
    out = np.empty((len(paths.spot), columns))
    for t in range(columns):
        for regime, law in enumerate(known[expiry - t]):
            own = paths.regime[:, t] == regime
            out[own, t] = _price(law, right, paths.spot[own, t], strike)
    return out


@lru_cache(maxsize=8)
def laws(process: BlackScholes | MarkovSwitching, steps: int, interval: float) -> list[list[Law]]:
    """Return the law of the growth from each regime over 0, 1, … `steps` steps of `interval` years."""
    if isinstance(process, MarkovSwitching):
        found = [[Law(np.ones(1), np.ones(1), np.zeros(1)) for _ in process.volatility]]
        for _ in range(steps):
            found.append(_a_step_before(process, found[-1], interval))
        return found
    return [[_without_regimes(process, m * interval)] for m in range(steps + 1)]


def _without_regimes(process: BlackScholes, time: float) -> Law:
    own = process.volatility**2 * time
    if not isinstance(process, Merton):
        return Law(np.ones(1), np.ones(1), np.array([own]))
    jumps = process.jumps
    numbers = np.array(list(numbers_of_jumps(jumps.intensity, jumps.mean, jumps.deviation, time)))
    return Law(numbers[:, 0], numbers[:, 1], own + numbers[:, 2])


def _a_step_before(process: MarkovSwitching, then: list[Law], interval: float) -> list[Law]:
    """Return the laws from each regime of a step more than `then`."""
    moves, jumps, found = np.array(process.moves), np.exp(process.switch_jumps), []
    for z, vol in enumerate(process.volatility):
        mean = float(moves[z] @ jumps[z])
        parts = [
            Law(moves[z, j] * law.chance, jumps[z, j] / mean * law.factor, vol**2 * interval + law.variance)
            for j, law in enumerate(then)
            if moves[z, j] > 0.0
        ]
        found.append(_merged(Law(*map(np.concatenate, zip(*parts, strict=True)))))
    return found


def _merged(law: Law) -> Law:
    """Return the law with components of the same variance and factor, or the nearest, as one."""
    at, unit = np.stack([np.sqrt(law.variance), np.log(law.factor)]), FINEST
    while True:
        near = np.round(at / unit)
        _, group = np.unique(near[0] + 1j * near[1], return_inverse=True)
        if group.max() < MOST:
            break
        unit *= 2.0
    worth = law.chance * law.factor
    chance, mean, spread = (
        np.asarray(np.bincount(group, each), dtype=np.float64)
        for each in (law.chance, worth, worth * law.variance)
    )
    return Law(chance, mean / chance, spread / mean)


def _price(law: Law, right: Right, spot: FloatArray, strike: float) -> FloatArray:
    price = np.zeros_like(spot)
    for chance, factor, variance in zip(*law, strict=True):
        price += chance * black.price(right, spot * factor, strike, 1.0, np.sqrt(variance))
    return price
