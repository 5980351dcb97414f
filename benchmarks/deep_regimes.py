"""A recurrent band network in Market B that sees nothing but prices, beside the belief-state optimum.

Market B: volatilities of 12 % and 35 %, P = [[.98, .02], [.05, .95]] a day, hidden; 60 days, short
at-the-money call on 100, λ = 1, unwind charged. The network is a GRU of 16 units that reads the returns,
and starts from Zakamouline's band at the tuned regime-blind volatility; nobody tells it of regimes, filter or
programme. Its rival is plain: the same GRU without a prior that answers with a position from the one held.

Judged against the belief-state programme's own bands on the same test paths (they chose nothing). Beside
them the tuned regime-blind rule: a constant volatility and a share of Whalley and Wilmott's band, as an
independent program tuned them on 200 000 paths. The score of who claims to see regimes is the share closed
of the gap from that rule to the belief-state optimum.

The network at 10 bp is then asked in markets of other regimes than it was trained in, beside those markets'
own belief-state optima: what it loses there is printed, in per cent of the risk.

`python -m benchmarks.run deep_regimes`; minutes with a GPU, some hours on two cores.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.learned import (
    DEVICE,
    Rule,
    ScaledWhalleyWilmott,
    earned,
    entropic,
    excess,
    prior_of,
    tested,
    trained,
)
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.market_task import Episodes, MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.optimum.bands import bands_of
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.paths import beliefs
from pipeline.optimum.programme import Grid, Programme
from pipeline.optimum.solution import solve
from pipeline.simulate.markov_chain import stationary_distribution
from pipeline.simulate.payoffs import European
from pipeline.simulate.switching import MarkovSwitching

STEPS, DT = 60, 1 / 252
MARKET = MarkovSwitching(volatility=(0.12, 0.35), moves=((0.98, 0.02), (0.05, 0.95)))
CALL = Liability.of("call", "short")
COSTS = {"10bp": 1e-3, "50bp": 5e-3}
PUBLISHED = {"10bp": 5.466, "50bp": 6.419}
BLIND = {"10bp": (0.34, 0.3), "50bp": (0.36, 0.5)}
"""The tuned regime-blind rule: its constant volatility and its share of the band, as published."""
UNSEEN = {
    "less contrast": replace(MARKET, volatility=(0.15, 0.30)),
    "more contrast": replace(MARKET, volatility=(0.10, 0.42)),
    "shorter regimes": replace(MARKET, moves=((0.96, 0.04), (0.10, 0.90))),
    "longer regimes": replace(MARKET, moves=((0.99, 0.01), (0.025, 0.975))),
    "one volatility": replace(MARKET, volatility=(0.2128, 0.2128)),
}
SEES = ("left", "level", "standing", "return", "size")
PLAN = TrainingPlan(steps=900, paths=32_768, learning_rate=0.005, hidden=(32, 32), seed=7, device=DEVICE)
UNITS = 16
TEST_PATHS, UNSEEN_PATHS = 200_000, 50_000


def long_run_volatility(market: MarkovSwitching) -> float:
    """Return the root of the mean variance."""
    chance = stationary_distribution(np.array(market.moves))
    return float(np.sqrt(chance @ np.array(market.volatility) ** 2))


def task_of(name: str, shape: Shape, market: MarkovSwitching = MARKET) -> MarketTask:
    """Return the task of Market B at one cost; a band starts from Zakamouline's at the blind volatility."""
    cost, volatility = COSTS[name], BLIND[name][0]
    prior = prior_of(CALL, volatility, steps=STEPS, interval=DT, cost=cost, aversion=1.0)
    return MarketTask(
        process=market,
        owed=European("call", 100.0),
        steps=STEPS,
        interval=DT,
        cost=(cost,),
        sees=SEES,
        shape=shape,
        prior=prior if shape.answer == "band" else None,
    )


class Optimum:
    """The belief-state programme of a market as a rule of `learned.tested`, and its exact risk."""

    def __init__(self, market: MarkovSwitching, cost: float) -> None:
        self.cost = cost
        self.dynamics = Dynamics.switching(
            np.array(market.volatility), np.array(market.moves), cost=cost, interval=DT
        )
        self.programme = Programme(self.dynamics, 100.0, STEPS, "prices", grid=Grid(points=1.25))

    @property
    def risk(self) -> float:
        """Exact, in money at a spot of 100."""
        chance = stationary_distribution(np.array(self.dynamics.moves))
        return 100.0 * solve(self.programme).risk(1.0, chance)

    def __call__(self, episodes: Episodes) -> FloatArray:
        """Return the P&L of the optimal bands."""
        price, owed = episodes.price.cpu().numpy(), episodes.owed.cpu().numpy()
        spot = price[..., 0]
        left = np.broadcast_to(np.arange(STEPS, 0, -1), spot[:, :-1].shape)
        known = beliefs(self.dynamics, spot)
        edges = bands_of(self.programme).edges(
            np.log(spot[:, :-1] / 100.0).ravel(), left.ravel(), known.reshape(-1, known.shape[-1])
        )
        lower, upper = (torch.from_numpy(edge.reshape(*left.shape, 1)) for edge in edges)
        return np.asarray(band_pnl(lower, upper, price, np.full((len(spot), 1), self.cost)).numpy() - owed)


def blind(volatility: float, width: float, cost: float, episodes: Episodes) -> FloatArray:
    """Return the P&L of a constant volatility and a share of Whalley and Wilmott's band."""
    spot = episodes.price[..., 0].cpu().numpy()
    state, market = simulated_episodes(
        spot, volatility, CALL, strike=100.0, interval=DT, cost=cost, risk_aversion=1.0
    )
    return np.asarray(book(market, ScaledWhalleyWilmott(volatility, width).band(state)).pnl)


def measure() -> Iterator[Measurement]:
    """Train and judge at both costs, then ask the network of the lower one in other markets."""
    with threadpool_limits(limits=1):
        for name in COSTS:
            yield from judged(name)
            yield from judged_plain(name)


def judged(name: str) -> Iterator[Measurement]:
    """Print the recurrent band at one cost and yield how far it is from the optimum."""
    task = task_of(name, Shape("band", recurrent=UNITS))
    network, seconds = trained(task, PLAN)
    rules = {"recurrent band": earned(task, network), "untrained": earned(task, task.learner(PLAN))}
    yield from compared(f"deep_regimes.market_b_{name}", name, task, rules, seconds)
    if name == "10bp":
        yield from unseen(task, network)


def judged_plain(name: str) -> Iterator[Measurement]:
    """Print the plain rival at one cost and yield how far it is from the optimum."""
    task = task_of(name, Shape("from_held", recurrent=UNITS))
    network, seconds = trained(task, PLAN)
    rules = {"plain recurrent": earned(task, network)}
    yield from compared(f"deep_regimes.plain_{name}", name, task, rules, seconds)


def compared(
    label: str, name: str, task: MarketTask, rules: Mapping[str, Rule], seconds: Mapping[str, float | str]
) -> Iterator[Measurement]:
    """Print rules beside the blind one and the optimum; yield how far the first is off, and its error."""
    cost = COSTS[name]
    optimum = Optimum(MARKET, cost)
    known = {"tuned regime-blind": partial(blind, *BLIND[name], cost), "optimum": optimum}
    every = {**rules, **known}
    found = dict(zip(every, tested(task, TEST_PATHS, *every.values()), strict=True))
    best, exact = found.pop("optimum"), optimum.risk
    over = {who: excess(pnl, best, 1.0) for who, pnl in found.items()}
    gap, here = over["tuned regime-blind"][0], entropic(best, 1.0)[0]
    print(f"\nMarket B, {name}: optimum {exact:.5f}, published {PUBLISHED[name]}, here {here:.5f}")
    for who, (difference, error) in over.items():
        share = f"closes {1.0 - difference / gap:+.1%} of blind to optimum"
        print(f"  {who:20} {difference:+.5f} +- {error:.5f}, {difference / exact:+.3%}; {share}")
    print(f"  trained in {seconds}", flush=True)
    off, error = next(iter(over.values()))
    detail = {f"{who}_off": 100.0 * value / exact for who, (value, _) in over.items()}
    detail |= {"exact": exact, "published": PUBLISHED[name], "here": here, "paths": TEST_PATHS, "gap": gap}
    detail |= {"share_of_gap": 100.0 * (1.0 - off / gap), "share_error": 100.0 * error / gap}
    yield Measurement(label, "%", 100.0 * off / exact, detail=detail | dict(seconds))
    yield Measurement(f"{label}_error", "%", 100.0 * error / exact)


def unseen(task: MarketTask, network: SequenceNetwork) -> Iterator[Measurement]:
    """Print and yield what a network loses to the optimum in markets that it was not trained in."""
    for other, market in UNSEEN.items():
        lost, detail = lost_in(task, network, other, market)
        yield Measurement(f"deep_regimes.unseen_{other.replace(' ', '_')}", "%", lost, detail=detail)


def lost_in(
    task: MarketTask, network: SequenceNetwork, name: str, market: MarkovSwitching
) -> tuple[float, dict[str, float]]:
    """Print and return what a network loses to a market's optimum, in per cent, and what is beside it."""
    tried, least = replace(task, process=market), Optimum(market, task.cost[0])
    rules = earned(tried, network), earned(tried, tried.learner(PLAN)), least
    ours, untrained, best = tested(tried, UNSEEN_PATHS, *rules)
    risk = least.risk
    (lost, error), (before, _) = (excess(pnl, best, 1.0) for pnl in (ours, untrained))
    print(
        f"  {name:16} optimum {risk:.4f}: loses {lost / risk:+.3%} +- {error / risk:.3%}, "
        f"untrained {before / risk:+.3%}",
        flush=True,
    )
    detail = {"error": 100.0 * error / risk, "untrained": 100.0 * before / risk, "exact": risk}
    return 100.0 * lost / risk, detail


if __name__ == "__main__":
    for _ in measure():
        pass
