"""The price of regime information in one known market: what a tuned blind rule gets, what a filter adds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.band import Band
from pipeline.domain.desk import RiskSettings
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.domain.risk_measures import measure
from pipeline.ingest.dataset import Output
from pipeline.optimum.bands import bands_of
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.paths import beliefs, simulate
from pipeline.optimum.programme import Grid, Programme
from pipeline.policies import exposure
from pipeline.policies.whalley_wilmott import half_width
from pipeline.simulate.markov_chain import IntArray, stationary_distribution

SPOT, INTERVAL = 100.0, 1 / 252
CALL = Liability.of("call", "short")
GRID = Grid(points=1.25, positions=81)
CHUNK = 5_000
VOLATILITIES = tuple(np.round(np.geomspace(0.6, 2.4, 12), 3).tolist())
"""Tried by the blind rule, in units of the long-run volatility."""
SCALES = (0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25)
"""Tried by the blind rule, in units of Whalley and Wilmott's half-width."""


@dataclass(frozen=True)
class Cell:
    """One market of the map: a short at-the-money call on 100 in two regimes, hedged every day.

    Attributes
    ----------
    axis : what is varied, `label` its value.
    aversion : per unit of money.
    calm_bps, turbulent_bps : one-way cost in each regime, in basis points.
    leave_calm, leave_turbulent : chance a day of a switch.
    contrast : volatility of the turbulent regime over that of the calm one.
    jump : in logs, at a switch to the turbulent regime.
    volatility : long-run, annual.
    """

    axis: str
    label: str
    aversion: float = 1.0
    calm_bps: float = 10.0
    turbulent_bps: float = 10.0
    leave_calm: float = 0.02
    leave_turbulent: float = 0.05
    contrast: float = 35 / 12
    jump: float = 0.0
    volatility: float = 0.2128
    steps: int = 60

    @property
    def dynamics(self) -> Dynamics:
        """The market."""
        moves = np.array(
            [[1 - self.leave_calm, self.leave_calm], [self.leave_turbulent, 1 - self.leave_turbulent]]
        )
        calm, turbulent = stationary_distribution(moves)
        low = self.volatility / np.sqrt(calm + turbulent * self.contrast**2)
        return Dynamics.switching(
            np.array([low, low * self.contrast]),
            moves,
            cost=1e-4 * np.array([self.calm_bps, self.turbulent_bps]),
            interval=INTERVAL,
            jumps=np.array([[0.0, self.jump], [0.0, 0.0]]),
        )


@dataclass(frozen=True)
class Paths:
    """Simulated episodes: prices [N, T+1], regimes [N, T], the state at an average cost, the market."""

    price: FloatArray
    regime: IntArray
    state: MarketState
    market: Market


@dataclass(frozen=True)
class Blind:
    """Blind rules as they were tuned: `volatility` and `optimum_volatility` in units of the long-run one.

    `rival` is the one with less risk on the paths of the tuning.
    """

    volatility: float
    scale: float
    optimum_volatility: float
    rival: Literal["blind", "blind_optimum"]

    def told(self) -> dict[str, float | str]:
        """Return the rules as columns of the map."""
        return {
            "blind_volatility": self.volatility,
            "blind_scale": self.scale,
            "blind_optimum_volatility": self.optimum_volatility,
            "rival": self.rival,
        }


def information_price(cell: Cell, paths: int, seed: int) -> Output:
    """Hedge one market with five rules on the same fresh paths; the table `cell` has one row.

    - naive: Whalley and Wilmott's band at the long-run volatility.
    - blind: the same with volatility and width tuned on other paths of the market, a quarter as many.
    - blind_optimum: the optimum of a market of one volatility, which is tuned on these paths too.
    - filter: the optimum of who sees prices only. Where the cost differs by regime it counts with the
      cost that it expects, and is then close to the optimum, not exact.
    - known: the optimum of who knows the regime.

    Risks are entropic, in money on a spot of 100; differences are paired, with standard errors. What the
    filter and the knowledge add is over `rival`: the blind rule with less risk on the paths of the tuning.
    """
    blind = _tuned(cell, paths // 4, seed + 1)
    losses: dict[str, list[FloatArray]] = {}
    for number, start in enumerate(range(0, paths, CHUNK)):
        drawn = _drawn(cell, min(CHUNK, paths - start), np.random.default_rng([seed, number]))
        for name, band in _rules(cell, drawn, blind):
            pnl = book(drawn.market, band).pnl
            losses.setdefault(name, []).append(np.exp(-cell.aversion * pnl))
    loss = {name: np.concatenate(parts) for name, parts in losses.items()}
    row: dict[str, Any] = {"axis": cell.axis, "label": cell.label, **blind.told()}
    row |= {name: float(np.log(each.mean())) / cell.aversion for name, each in loss.items()}
    for name, (worse, better) in {
        "tuning_gains": ("naive", blind.rival),
        "filter_adds": (blind.rival, "filter"),
        "hidden": ("filter", "known"),
        "knowing_adds": (blind.rival, "known"),
    }.items():
        row[name], row[f"{name}_error"] = _paired(loss[worse], loss[better], cell.aversion)
    return {"cell": pd.DataFrame([row])}


def _paired(worse: FloatArray, better: FloatArray, aversion: float) -> tuple[float, float]:
    """Return how much lower the second entropic risk is on the same paths, and its standard error."""
    errors = worse / worse.mean() - better / better.mean()
    gain = np.log(worse.mean() / better.mean()) / aversion
    return float(gain), float(errors.std() / np.sqrt(len(errors)) / aversion)


def _drawn(cell: Cell, paths: int, rng: np.random.Generator) -> Paths:
    dynamics = cell.dynamics
    price, regime = simulate(dynamics, spot=SPOT, steps=cell.steps, paths=paths, rng=rng)
    costs = np.array(dynamics.cost)
    average = float(stationary_distribution(np.array(dynamics.moves)) @ costs)
    state, market = simulated_episodes(
        price,
        cell.volatility,
        CALL,
        strike=SPOT,
        interval=INTERVAL,
        cost=average,
        risk_aversion=cell.aversion,
    )
    charged = costs[np.column_stack([regime, regime[:, -1]])][..., None]
    return Paths(price, regime, state, replace(market, cost=charged))


def _blind_band(cell: Cell, drawn: Paths, volatility: float, scale: float) -> Band:
    vol = np.broadcast_to(volatility * cell.volatility, drawn.state.shape)
    middle, gamma = exposure.target_and_curvature(drawn.state, vol)
    width = half_width(drawn.state, gamma=gamma, cost=drawn.state.desk_cost, aversion=cell.aversion)
    return Band.around(middle, scale * width)


def _tuned(cell: Cell, paths: int, seed: int) -> Blind:
    """Return the blind rules with the least risk: Whalley and Wilmott's by coordinate search to its end."""
    drawn = _drawn(cell, paths, np.random.default_rng(seed))
    risk = RiskSettings(measure="entropic", aversion=cell.aversion)

    def judged(band: Band) -> float:
        return float(measure(book(drawn.market, band).pnl, risk))

    @cache
    def score(rule: tuple[float, float]) -> float:
        return judged(_blind_band(cell, drawn, *rule))

    best, start = (VOLATILITIES[len(VOLATILITIES) // 2], 0.5), None
    while best != start:
        start = best
        best = min(((vol, best[1]) for vol in VOLATILITIES), key=score)
        best = min(((best[0], scale) for scale in SCALES), key=score)
    optima = {vol: judged(_blind_optimum(cell, drawn, vol)) for vol in VOLATILITIES}
    at = min(optima, key=optima.__getitem__)
    return Blind(*best, at, "blind" if score(best) <= optima[at] else "blind_optimum")


def _rules(cell: Cell, drawn: Paths, blind: Blind) -> Iterator[tuple[str, Band]]:
    yield "naive", _blind_band(cell, drawn, 1.0, 1.0)
    yield "blind", _blind_band(cell, drawn, blind.volatility, blind.scale)
    yield "blind_optimum", _blind_optimum(cell, drawn, blind.optimum_volatility)
    known = np.eye(2)[drawn.regime]
    yield "filter", _optimal(cell, drawn, "prices", beliefs(cell.dynamics, drawn.price))
    yield "known", _optimal(cell, drawn, "regime", known)


def _optimal(cell: Cell, drawn: Paths, seen: Literal["prices", "regime"], prob: FloatArray) -> Band:
    programme = Programme(cell.dynamics, SPOT * cell.aversion, cell.steps, seen, grid=GRID)
    return _looked_up(programme, drawn, prob.reshape(-1, 2))


def _blind_optimum(cell: Cell, drawn: Paths, volatility: float) -> Band:
    market = Dynamics.black_scholes(
        volatility * cell.volatility, cost=drawn.state.desk_cost, interval=INTERVAL
    )
    return _looked_up(Programme(market, SPOT * cell.aversion, cell.steps, grid=GRID), drawn)


def _looked_up(programme: Programme, drawn: Paths, prob: FloatArray | None = None) -> Band:
    shape = drawn.state.shape
    left = np.broadcast_to(np.arange(shape[1], 0, -1), shape).ravel()
    edges = bands_of(programme).edges(np.log(drawn.price[:, :-1] / SPOT).ravel(), left, prob)
    lower, upper = (edge.reshape(shape) for edge in edges)
    return Band.between(lower, upper)
