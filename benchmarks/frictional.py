"""The market of `deep_frictions`, with impact that lasts and late orders, and analytic bands tuned for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from benchmarks.learned import ProgrammeBand, entropic, prior_of
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.frictions import Frictions, steady
from pipeline.deep.task import HedgingTask
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Programme
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.leland import Leland
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.paths import Paths

VOLATILITY, STEPS, DT, COST = 0.2, 60, 1 / 730, 1e-3
FRICTIONS = Frictions(impact=2e-3, memory=0.5**0.5, delay=1)
CALL = Liability.of("call", "short")
MARKET = BlackScholes(volatility=VOLATILITY)
TUNING_SEED, TUNING_PATHS = 11, 20_000
SCALARS: Mapping[str, tuple[float | None, ...]] = {
    "volatility": (0.16, 0.18, 0.2, 0.22, 0.24, 0.27, 0.3, 0.34),
    "width": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5),
    "speed": (None, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
}


@dataclass(frozen=True)
class Tuned:
    """An analytic band that is told a volatility, takes a share of its width, and goes a part of the way.

    `speed` None is the rule's own: where it answers impact, `policies.trading_rule`'s.
    """

    rule: str
    volatility: float = VOLATILITY
    width: float = 1.0
    speed: float | None = None

    def band(self, paths: Paths) -> Band:
        """Return its band along paths."""
        band = RULES[self.rule](self.volatility).band(markets(paths, self.volatility)[0])
        middle, half = 0.5 * (band.lower + band.upper), 0.5 * self.width * (band.upper - band.lower)
        lower, upper = middle - half, middle + half
        speed = band.speed if self.speed is None else np.full_like(lower, self.speed)
        return Band(lower, upper, lower, upper, speed)


@cache
def programme_band(volatility: float) -> ProgrammeBand:
    """Return the optimum of a market without frictions."""
    dynamics = Dynamics.black_scholes(volatility, cost=COST, interval=DT)
    return ProgrammeBand(Programme(dynamics, 100.0, STEPS))


RULES: Mapping[str, Callable[[float], Policy]] = {
    "delta": lambda _: DeltaImplied(),
    "leland": lambda _: Leland(),
    "whalley_wilmott": lambda _: WhalleyWilmott(),
    "zakamouline": lambda _: Zakamouline(),
    "optimum without frictions": programme_band,
}


def task() -> HedgingTask:
    """Return what an agent learns here."""
    plain = prior_of(CALL, VOLATILITY, steps=STEPS, interval=DT, cost=COST, aversion=1.0)
    return replace(plain, frictions=FRICTIONS)


def drawn(paths: int, seed: int) -> Paths:
    """Return paths of the market."""
    return MARKET.simulate(paths=paths, steps=STEPS, dt=DT, seed=seed)


def markets(paths: Paths, volatility: float = VOLATILITY) -> tuple[MarketState, Market]:
    """Return what a hedger who is told a volatility sees along paths, and the market with its frictions."""
    plain = simulated_episodes(
        paths.spot, volatility, CALL, strike=100.0, interval=DT, cost=COST, risk_aversion=1.0
    )
    return FRICTIONS.charged(*plain, steady(paths.spot.shape))


def booked(band: Band, paths: Paths) -> FloatArray:
    """Return the P&L [N] of a band by the ledger, its orders late."""
    return np.asarray(book(markets(paths)[1], band, FRICTIONS.delay).pnl)


def tuned(rule: str) -> Tuned:
    """Return a rule with the scalars of least risk on tuning paths: coordinate search to its end.

    It is begun at the rule's own pace and at the full one, for it ends in another place from each.
    """
    paths = drawn(TUNING_PATHS, TUNING_SEED)
    risks: dict[Tuned, float] = {}

    def risk(candidate: Tuned) -> float:
        if candidate not in risks:
            risks[candidate] = entropic(booked(candidate.band(paths), paths), 1.0)[0]
        return risks[candidate]

    def searched(best: Tuned) -> Tuned:
        start = None
        while best != start:
            start = best
            for name, grid in SCALARS.items():
                best = min((replace(best, **{name: value}) for value in grid), key=risk)
        return best

    return min((searched(Tuned(rule, speed=speed)) for speed in (None, 1.0)), key=risk)
