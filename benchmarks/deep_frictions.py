"""Impact that lasts and orders that come late: a learned band beside every analytic one, tuned as well.

Black–Scholes, σ = 20 %, S = 100, 30 days, two decisions a day, short at-the-money call, λ = 1, c = 10 bp,
unwind charged. Trading one unit at once moves the price by 20 bp, Q units √Q times as far; half of the
pressure is gone after a day. An order is filled half a day after it was decided.

The analytic bands know neither: each is taken as it is, and with three scalars that are chosen for this
market by coordinate search on paths of their own: the volatility that it is told, the share of its width, and
how much of the way to its edge is gone in one step. The optimum without frictions is one of them. The network
is a paced band, starts from Zakamouline's, and sees time and price. All are booked by the ledger of the
backtest on the same test paths, which chose nothing; printed is the risk over that of the best rival, paired.
A network that answers with a position from the one held is beside them.

`python -m benchmarks.run deep_frictions`; some minutes on two cores.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.learned import (
    CHUNK,
    DEVICE,
    TEST_SEED,
    ProgrammeBand,
    earned,
    entropic,
    excess,
    prior_of,
    tested,
    trained,
)
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.frictions import Frictions
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.execution.terms import Terms
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Programme
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.leland import Leland
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.payoffs import European

VOLATILITY, STEPS, DT, COST = 0.2, 60, 1 / 730, 1e-3
FRICTIONS = Frictions(impact=2e-3, memory=0.5**0.5, delay=1)
CALL = Liability.of("call", "short")
MARKET = BlackScholes(volatility=VOLATILITY)
PLAN = TrainingPlan(steps=250, paths=4096, learning_rate=0.01, hidden=(24, 24), seed=7, device=DEVICE)
TEST_PATHS = 200_000
TUNING_SEED, TUNING_PATHS = 11, 20_000
SCALARS: Mapping[str, tuple[float, ...]] = {
    "volatility": (0.16, 0.18, 0.2, 0.22, 0.24, 0.27, 0.3, 0.34),
    "width": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5),
    "speed": (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
}


@dataclass(frozen=True)
class Tuned:
    """An analytic band that is told a volatility, takes a share of its width, and goes a part of the way."""

    rule: str
    volatility: float = VOLATILITY
    width: float = 1.0
    speed: float = 1.0

    def band(self, spot: FloatArray) -> Band:
        """Return its band along prices [N, T+1]."""
        band = RULES[self.rule](self.volatility).band(markets(spot, self.volatility)[0])
        middle, half = 0.5 * (band.lower + band.upper), 0.5 * self.width * (band.upper - band.lower)
        lower, upper = middle - half, middle + half
        return Band(lower, upper, lower, upper, np.full_like(lower, self.speed))


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


def markets(spot: FloatArray, volatility: float = VOLATILITY) -> tuple[MarketState, Market]:
    """Return what a hedger is told along prices [N, T+1], and the market with its frictions."""
    state, market = simulated_episodes(
        spot, volatility, CALL, strike=100.0, interval=DT, cost=COST, risk_aversion=1.0
    )
    impact = np.broadcast_to(FRICTIONS.impact, market.cost.shape)
    return state, replace(market, impact=impact, terms=Terms(memory=FRICTIONS.memory))


def booked(band: Band, spot: FloatArray) -> FloatArray:
    """Return the P&L [N] of a band by the ledger, its orders late."""
    return np.asarray(book(markets(spot)[1], band, FRICTIONS.delay).pnl)


def tuned(rule: str) -> Tuned:
    """Return a rule with the scalars of least risk on tuning paths: coordinate search to its end."""
    spot = MARKET.simulate(paths=TUNING_PATHS, steps=STEPS, dt=DT, seed=TUNING_SEED).spot
    risks: dict[Tuned, float] = {}

    def risk(candidate: Tuned) -> float:
        if candidate not in risks:
            risks[candidate] = entropic(booked(candidate.band(spot), spot), 1.0)[0]
        return risks[candidate]

    best = Tuned(rule)
    while True:
        start = best
        for name, grid in SCALARS.items():
            best = min((replace(best, **{name: value}) for value in grid), key=risk)
        if best == start:
            return best


def task_of(shape: Shape) -> MarketTask:
    """Return what the networks learn; a band starts from Zakamouline's."""
    prior = prior_of(CALL, VOLATILITY, steps=STEPS, interval=DT, cost=COST, aversion=1.0)
    return MarketTask(
        process=MARKET,
        owed=European("call", 100.0),
        steps=STEPS,
        interval=DT,
        cost=(COST,),
        sees=("left", "level", "standing"),
        shape=shape,
        prior=prior if shape.answer == "band" else None,
        frictions=FRICTIONS,
    )


def by_ledger(task: MarketTask, network: SequenceNetwork) -> FloatArray:
    """Return the P&L [N] of a band network on the test paths, by the ledger."""
    found = []
    for first in range(0, TEST_PATHS, CHUNK):
        episodes = task.episodes(CHUNK, seed=TEST_SEED, first=first, device=DEVICE)
        with torch.no_grad():
            edges = network.to(DEVICE).band(episodes.seen, episodes.center, episodes.half_width)
        lower, upper, speed = (each.cpu().numpy() for each in edges if each is not None)
        spot = episodes.price[..., 0].cpu().numpy()
        found.append(booked(Band(lower, upper, lower, upper, speed), spot))
    return np.concatenate(found)


def measure() -> Iterator[Measurement]:
    """Tune, train and judge; yield the risk of the learned band over that of the best analytic one."""
    with threadpool_limits(limits=1):
        best = {rule: tuned(rule) for rule in RULES}
        print(*best.values(), sep="\n", flush=True)
        task, plain = task_of(Shape("band", paced=True)), task_of(Shape("from_held"))
        (network, seconds), (other, _) = trained(task, PLAN), trained(plain, PLAN)
        spot = MARKET.simulate(paths=TEST_PATHS, steps=STEPS, dt=DT, seed=TEST_SEED).spot
        found = {rule: booked(Tuned(rule).band(spot), spot) for rule in RULES}
        found |= {f"{rule}, tuned": booked(rule_.band(spot), spot) for rule, rule_ in best.items()}
        found["untrained"] = by_ledger(task, task.learner(PLAN))
        found["plain network"] = tested(plain, TEST_PATHS, earned(plain, other))[0]
        ours = by_ledger(task, network)
    risks = {who: entropic(pnl, 1.0)[0] for who, pnl in found.items()}
    rival = min((who for who in risks if who.removesuffix(", tuned") in RULES), key=risks.__getitem__)
    print(f"\nfrictions: learned band {entropic(ours, 1.0)[0]:.4f}, {seconds}")
    for who, pnl in found.items():
        more, error = excess(pnl, ours, 1.0)
        scalars = best[who.removesuffix(", tuned")] if who.endswith(", tuned") else ""
        print(f"  {who:33} {risks[who]:.4f}, more than the learned {more:+.4f} +- {error:.4f} {scalars}")
    off, error = excess(ours, found[rival], 1.0)
    detail = risks | {"ours": entropic(ours, 1.0)[0], "rival": rival, "error": error}
    yield Measurement("deep_frictions.over_best_rival", "money", off, detail=detail | dict(seconds))
    yield Measurement("deep_frictions.over_best_rival_upper", "money", off + 1.96 * error)


if __name__ == "__main__":
    for _ in measure():
        pass
