"""What can be held beside the spot in a simulated market, priced by the market's own law.

Each price is the conditional expectation of what the instrument pays, under the process that moves the
paths. So none of them can be arbitraged within the simulation: a hedger who is paid nothing finds nothing.
"""

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray, Right
from pipeline.pricing import black, heston
from pipeline.pricing.jumps import numbers_of_jumps
from pipeline.simulate.bates import Bates
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import Heston
from pipeline.simulate.merton import Merton
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process


def option_prices(process: Process, paths: Paths, right: Right, strike: float, expiry: int) -> FloatArray:
    """Return the price of a European option on every path until step `expiry`, [N, expiry + 1].

    Column t is the undiscounted E[payoff | S_t, v_t] at drift 0; the last column is the payoff.

    Parameters
    ----------
    process : Black–Scholes, Merton, Heston or Bates, the one that made the paths, without drift.
    paths : from `process.simulate`; `expiry` may be later than their last step: then all their columns.
    strike : money.
    expiry : step at which it pays.

    Raises
    ------
    SettingsError
        The process has no price in closed form, or a drift.

    References
    ----------
    Hirano, Imajo, Minami, Shimada (2023): what a learner does where hedges are priced by another law.

    Examples
    --------
    >>> market = BlackScholes(volatility=0.2)
    >>> paths = market.simulate(paths=2, steps=3, dt=1 / 365, seed=7)
    >>> option_prices(market, paths, "call", 100.0, expiry=30)[:, 0].round(5)
    array([2.28715, 2.28715])
    """
    _check(process, expiry)
    columns = min(expiry, paths.spot.shape[1] - 1) + 1
    out = np.empty((len(paths.spot), columns))
    for t in range(columns):
        time = paths.interval * (expiry - t)
        spot, variance = paths.spot[:, t], paths.variance[:, t]
        if isinstance(process, Heston) and process.vol_of_vol > 0.0:
            out[:, t] = heston.price(right, law_of(process), spot, variance, strike, time)
        elif isinstance(process, Merton):
            out[:, t] = _with_jumps(process, right, spot, strike, time)
        elif type(process) is BlackScholes:
            out[:, t] = black.price(right, spot, strike, time, process.volatility)
        else:
            raise SettingsError(
                f"{process.name}: no option price in closed form, use a nested simulation or "
                "Heston, Bates, Merton or Black–Scholes"
            )
    return out


def _with_jumps(process: Merton, right: Right, spot: FloatArray, strike: float, time: float) -> FloatArray:
    """Return Merton's series; with no time left it is the payoff."""
    if time <= 0.0:
        return black.price(right, spot, strike, 0.0, process.volatility)
    law, value = process.jumps, np.zeros(len(spot))
    for chance, factor, added in numbers_of_jumps(law.intensity, law.mean, law.deviation, time):
        vol = float(np.sqrt(process.volatility**2 + added / time))
        value += chance * black.price(right, spot * factor, strike, time, vol)
    return value


def law_of(process: Heston) -> heston.HestonLaw:
    """Return the parameters of Heston's or Bates' market that prices depend on.

    Examples
    --------
    >>> law_of(Heston(reversion=3.0)).reversion
    3.0
    """
    law = process.mean, process.reversion, process.vol_of_vol, process.correlation
    if isinstance(process, Bates):
        return heston.HestonLaw(*law, process.jumps.intensity, process.jumps.mean, process.jumps.deviation)
    return heston.HestonLaw(*law)


def variance_swap_prices(process: Process, paths: Paths, expiry: int) -> FloatArray:
    r"""Return the value of the floating leg of an idealised variance swap on every path, [N, expiry + 1].

    .. math:: V_t = \sum_{j<t} \tfrac12 (v_j + v_{j+1}) Δt + \mathrm{E}\Big[ \sum_{j=t}^{T-1}
        \tfrac12 (v_j + v_{j+1}) Δt \,\Big|\, v_t \Big],
        \quad \mathrm{E}[v_{t+j} | v_t] = θ + (v_t − θ) e^{−κjΔt}

    It pays the integrated variance of the diffusion (the trapezoid of the steps), undiscounted, for one unit
    of variance; its expectation is exact in the simulated steps, so that V is a martingale in them.

    Parameters
    ----------
    process : Black–Scholes, Heston or Bates, without drift.
    paths : from `process.simulate`. expiry : T, a step of the paths.

    Raises
    ------
    SettingsError
        The expectation is not known in closed form, the paths end before `expiry`, or there is a drift.

    References
    ----------
    Buehler, Gonon, Teichmann, Wood (2019), Deep hedging, section 5.1.

    Examples
    --------
    >>> market = Heston()
    >>> paths = market.simulate(paths=2, steps=3, dt=1 / 365, seed=7)
    >>> bool(np.allclose(variance_swap_prices(market, paths, 3)[:, 0], 0.04 * 3 / 365))
    True
    """
    _check(process, expiry)
    if expiry >= paths.spot.shape[1]:
        raise SettingsError(f"a variance swap until step {expiry}: the paths end before, simulate more steps")
    left = np.arange(expiry, -1, -1)
    v = paths.variance[:, : expiry + 1]
    accrued = np.zeros_like(v)
    np.cumsum(0.5 * (v[:, 1:] + v[:, :-1]), axis=1, out=accrued[:, 1:])
    if isinstance(process, Heston):
        decay = np.exp(-process.reversion * paths.interval * np.arange(expiry + 1))
        weight = np.concatenate([[0.0], np.cumsum(0.5 * (decay[1:] + decay[:-1]))])[left]
        ahead = process.mean * left + (v - process.mean) * weight
    elif isinstance(process, BlackScholes):
        ahead = v * left
    else:
        raise SettingsError(
            f"{process.name}: no variance swap in closed form, use Heston, Bates or Black–Scholes"
        )
    return np.asarray(paths.interval * (accrued + ahead))


def _check(process: Process, expiry: int) -> None:
    if process.drift != 0.0:
        raise SettingsError(
            f"{process.name}: drift {process.drift}: hedges are priced where the spot has none"
        )
    if expiry < 1:
        raise SettingsError(f"expiry {expiry}: give a step of 1 or later")
