"""What an agent must not find, and what it must: no liability, tomorrow's price, markets that it never saw.

Black–Scholes, S = 100, σ = 20 %, 30 days, drift and rate zero. In the first two traps nothing is owed, a
trade costs 1 bp, and an action is a position between minus and plus one unit. Who starts with half a unit has
nothing to hedge (λ = 1): printed is the mean size of its position after training. Who is told tomorrow's
return (λ = .1) finds the arbitrage: the share of what perfect foresight earns.

In the third an agent learns to correct a band in Market A at 100 bp and hedges in markets of other
volatilities and costs, which it is told: the share of the gap from delta to that market's exact optimum that
it closes.

Test paths, seed 99, chose nothing. `python -m benchmarks.run agent_traps`; ten minutes on one core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from threadpoolctl import threadpool_limits
from torch import Tensor

from benchmarks.deep_hedging import earned, market_a, over_best, programme_of
from benchmarks.learned import TEST_SEED, ProgrammeBand
from benchmarks.measurement import Measurement
from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import Deal, SimulatedMarkets
from pipeline.agents.plan import AgentPlan, PpoPlan, SacPlan
from pipeline.agents.reward import Reward
from pipeline.agents.trainer import AgentTrainer
from pipeline.deep.risk import Entropic
from pipeline.deep.task import HedgingTask
from pipeline.deep.training import train
from pipeline.domain.instruments import FloatArray
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.network import Network
from pipeline.policies.network_band import NetworkBand

PLANS: Mapping[str, AgentPlan] = {
    "ppo": PpoPlan(steps=60, markets=1024, batch=2048, trace=0.7, save_every=4, seed=7),
    "sac": SacPlan(steps=20, markets=512, save_every=2, seed=7),
}
CORRECTED: Mapping[str, AgentPlan] = {
    "ppo": PpoPlan(steps=40, seed=7),
    "sac": SacPlan(steps=20, pace_of_actor=0.1, seed=7),
}
START = 0.5
"""Units that an agent of an open market holds untrained."""
TEST_PATHS, UNSEEN_PATHS = 20_000, 200_000
UNSEEN = {
    "volatility_15": market_a(1e-2, 0.15),
    "volatility_25": market_a(1e-2, 0.25),
    "volatility_30": market_a(1e-2, 0.30),
    "cost_50bp": market_a(5e-3),
    "cost_200bp": market_a(2e-2),
}


@dataclass(frozen=True)
class OpenMarkets:
    """Simulated markets in which nothing is owed and up to one unit may be held, on either side.

    Where `told`, the coming return is seen.
    """

    simulated: SimulatedMarkets
    told: bool

    @property
    def features(self) -> tuple[str, ...]:
        return ("tomorrow",) if self.told else ()

    @property
    def cycle(self) -> int:
        return self.simulated.cycle

    def deal(self, number: int, seed: int) -> Deal:
        deal = self.simulated.deal(number, seed)
        nothing, one = np.zeros(deal.shape), np.ones(deal.shape)
        seen = deal.seen
        if self.told:
            seen = np.concatenate([seen, np.diff(np.log(prices(deal)))[..., None]], axis=2)
        return replace(
            deal,
            market=replace(deal.market, payoff=np.zeros_like(deal.market.payoff)),
            seen=seen, center=nothing, half_width=nothing, low=-one, high=one,
            value=np.zeros_like(deal.value),
        )  # fmt: skip


def prices(deal: Deal) -> FloatArray:
    """Return the prices [N, T+1] of what is held."""
    return deal.market.price.reshape(deal.shape[0], -1)


@dataclass
class OpenTrainer(AgentTrainer):
    """An agent that answers with a position in open markets, and starts with half a unit of it."""

    told: bool = False
    test_paths: ClassVar[int] = TEST_PATHS

    def prepare(self) -> None:
        super().prepare()
        self.weights()[-1].data.fill_(float(np.arctanh(START)))

    def open_markets(self, paths: int) -> OpenMarkets:
        return OpenMarkets(SimulatedMarkets(self.task, paths), self.told)

    def environment(self, reward: Reward) -> HedgingMarkets:
        dealer = self.open_markets(self.plan.markets)
        return HedgingMarkets(dealer, answer="target", reward=reward, seed=self.plan.seed)

    def with_weights(self, weights: list[Tensor]) -> Network:
        return self.network(weights)

    def judged(self) -> tuple[FloatArray, FloatArray]:
        markets, actor = self.open_markets(self.test_paths), self.network(self.average)
        return lived(markets, actor, seed=self.plan.seed + 1)[0][None], np.zeros(1)


def lived(dealer: OpenMarkets, network: Network, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return P&L [N] and positions [T, N] of an actor in one deal."""
    markets = HedgingMarkets(dealer, answer="target", seed=seed)
    seen, held = markets.reset(seed=seed)[0], []
    width = network.sizes[0]
    while True:
        target = np.tanh(network(seen[:, :width].astype(np.float64)))
        held.append(target[:, 0])
        seen, _, ended, _, info = markets.step(target)
        if ended.all():
            return info["pnl"], np.array(held)


def open_task(aversion: float) -> HedgingTask:
    """Return the market of the first two traps."""
    task = market_a(1e-4)
    return replace(task, aversion=(aversion, aversion), risk=Entropic(aversion))


def measure() -> Iterator[Measurement]:
    """Set every trap for every agent."""
    with threadpool_limits(limits=1):
        for name, plan in PLANS.items():
            yield nothing_owed(name, plan)
        for name, plan in PLANS.items():
            yield told_tomorrow(name, plan)
        for name, plan in CORRECTED.items():
            yield from unseen(name, plan)


def nothing_owed(name: str, plan: AgentPlan) -> Measurement:
    """Print and return the mean size of the position."""
    trainer = OpenTrainer(open_task(1.0), plan)
    network = train(trainer).learned
    _, positions = lived(trainer.open_markets(TEST_PATHS), network, TEST_SEED)
    size = float(np.abs(positions).mean())
    print(f"nothing owed, {name}: mean size of the position {size:.4f}, untrained {START:g}", flush=True)
    return Measurement(f"agent_traps.nothing_owed_{name}", "units", size, detail={"untrained": START})


def told_tomorrow(name: str, plan: AgentPlan) -> Measurement:
    """Print and return the share of perfect foresight, in per cent."""
    trainer = OpenTrainer(open_task(0.1), plan, told=True)
    network = train(trainer).learned
    dealer = trainer.open_markets(TEST_PATHS)
    pnl, _ = lived(dealer, network, TEST_SEED)
    best = np.abs(np.diff(prices(dealer.deal(0, TEST_SEED)))).sum(axis=1)
    share = 100.0 * pnl.mean() / best.mean()
    print(f"told tomorrow, {name}: earns {pnl.mean():.3f} of {best.mean():.3f}", flush=True)
    return Measurement(f"agent_traps.tomorrow_{name}", "%", share, detail={"earned": pnl.mean()})


def unseen(name: str, plan: AgentPlan) -> Iterator[Measurement]:
    """Print and yield the share of the gap closed in the market of the training and in others."""
    agent = train(AgentTrainer(market_a(1e-2), plan)).learned
    for case, task in {"trained": market_a(1e-2), **UNSEEN}.items():
        policies = {
            "agent": agent, "untrained": NetworkBand(), "delta": DeltaImplied(),
            "programme": ProgrammeBand(programme_of(task)),
        }  # fmt: skip
        over = over_best(task, earned(task, policies, TEST_SEED, UNSEEN_PATHS))
        gap = over["delta"][0]
        shares = {who: 100.0 * (1.0 - value / gap) for who, (value, _) in over.items()}
        error = 100.0 * over["agent"][1] / gap
        print(
            f"{name} in {case:15} closes {shares['agent']:.2f} % +- {error:.2f} %, "
            f"untrained {shares['untrained']:.2f} %",
            flush=True,
        )
        detail = {"error": error, "untrained_share": shares["untrained"], "gap": gap}
        measured = f"agent_traps.unseen_{name}_{case}" if case in UNSEEN else f"agent_traps.{name}_trained"
        yield Measurement(measured, "%", shares["agent"], detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
