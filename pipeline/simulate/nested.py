"""Options priced by nested simulation: the market's own expectation, by inner paths.

A hedge that is priced by another law than the one that moves it can be arbitraged, and a learner finds out.
Where no closed form is known its price is an expectation over inner paths from the state of every outer one.
In a market whose log-price moves alike from any level, and whose state is its regime, inner paths from each
regime serve all outer paths and times.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray, Right
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process
from pipeline.simulate.switching import MarkovSwitching

INNER, SEED = 50_000, 1 << 40


def option_prices(
    process: Process,
    paths: Paths,
    right: Right,
    strike: float,
    expiry: int,
    inner: int = INNER,
    seed: int = SEED,
) -> FloatArray:
    r"""Return the price of a European option on every path until its end or step `expiry`, [N, · + 1].

    .. math:: P(S, z, m) = \frac1M \sum_i \max(\pm(S R^i_m(z) - K), 0), \quad
        \frac1M \sum_i R^i_m(z) = 1

    with R^i_m(z) the growth over m steps of inner path i from regime z, over its mean: so the spot itself has
    its price, and put and call keep their parity. Inner paths are simulated once for all calls.

    Parameters
    ----------
    process : Black–Scholes, Merton or Markov switching, the one that made the paths, without drift.
    strike : money. expiry : step at which it pays. inner, seed : M, and the seed of the inner paths.

    Raises
    ------
    SettingsError
        The process has another state than its regime, or a drift.

    References
    ----------
    Hirano, Imajo, Minami and Shimada (2023), Efficient learning of nested deep hedging.

    Examples
    --------
    >>> market = BlackScholes(volatility=0.2)
    >>> paths = market.simulate(paths=1, steps=1, dt=1 / 365, seed=7)
    >>> bool(abs(option_prices(market, paths, "call", 100.0, expiry=30)[0, 0] - 2.28715) < 0.02)
    True
    """
    if not isinstance(process, BlackScholes | MarkovSwitching):
        raise SettingsError(f"{process.name}: nested prices need a market whose only state is its regime")
    if process.drift != 0.0:
        raise SettingsError(f"{process.name}: drift {process.drift}: priced is where the spot has none")
    columns = min(expiry, paths.spot.shape[1] - 1) + 1
    out = np.empty((len(paths.spot), columns))
    for regime, (growth, above) in enumerate(_growth(process, expiry, paths.interval, inner, seed)):
        for t in range(columns):
            own, left = paths.regime[:, t] == regime, expiry - t
            spot = paths.spot[own, t]
            first = np.searchsorted(growth[left], strike / spot)
            call = (spot * above[left, first] - strike * (inner - first)) / inner
            out[own, t] = call if right == "call" else call - spot + strike
    return out


@lru_cache(maxsize=2)
def _growth(
    process: Process, expiry: int, interval: float, inner: int, seed: int
) -> list[tuple[FloatArray, FloatArray]]:
    """Return growths over 0 … expiry steps from each regime, sorted, and their sums from each one on."""
    starts = [process]
    if isinstance(process, MarkovSwitching):
        states = range(len(process.volatility))
        starts = [replace(process, begin=tuple(float(z == k) for k in states)) for z in states]
    found = []
    for start in starts:
        spot = start.simulate(paths=inner, steps=expiry, dt=interval, seed=seed).spot
        growth = np.sort(spot.T / spot.mean(axis=0)[:, None], axis=1)
        sums = np.cumsum(growth[:, ::-1], axis=1)[:, ::-1]
        found.append((growth, np.concatenate([sums, np.zeros((expiry + 1, 1))], axis=1)))
    return found
