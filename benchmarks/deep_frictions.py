"""Impact that lasts and orders that come late: learned bands beside every analytic one, tuned as well.

Black–Scholes, σ = 20 %, S = 100, 30 days, two decisions a day, short at-the-money call, λ = 1, c = 10 bp,
unwind charged. Trading one unit at once moves the price by 20 bp, Q units √Q times as far; half of the
pressure is gone after a day. An order is filled half a day after it was decided.

Each analytic band is taken as it is, where it answers impact at the pace of the trading rule, and with
three scalars that are chosen for this market by coordinate search on paths of their own: the volatility that
it is told, the share of its width, and how much of the way to its edge is gone in one step. The optimum
without frictions is one of them. The network is a paced band, starts from Zakamouline's, and sees time and
price. PPO and SAC correct Zakamouline's band and the rule's pace by trial (`agents`). All are booked by the
ledger of the backtest on the same test paths, which chose nothing; printed is the risk over that of the best
rival, paired. A network that answers with a position from the one held is beside them.

`python -m benchmarks.run deep_frictions`; a quarter of an hour on two cores.
"""

from collections.abc import Iterator
from dataclasses import asdict
from time import perf_counter, process_time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.frictional import (
    COST,
    DT,
    FRICTIONS,
    MARKET,
    RULES,
    STEPS,
    Tuned,
    booked,
    drawn,
    markets,
    task,
    tuned,
)
from benchmarks.learned import CHUNK, DEVICE, TEST_SEED, earned, entropic, excess, tested, trained
from benchmarks.measurement import Measurement
from pipeline.agents.plan import AgentPlan, PpoPlan, SacPlan
from pipeline.agents.trainer import AgentTrainer
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.deep.training import train
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.policies.network_band import NetworkBand
from pipeline.simulate.paths import Paths
from pipeline.simulate.payoffs import European

PLAN = TrainingPlan(steps=250, paths=4096, learning_rate=0.01, hidden=(24, 24), seed=7, device=DEVICE)
AGENTS: dict[str, AgentPlan] = {
    "ppo": PpoPlan(
        steps=30, markets=2048, batch=4096, learning_rate=6e-3, trace=0.9, spread=-0.7, of="utility", seed=7
    ),
    "sac": SacPlan(
        steps=12, markets=512, temperature=1e-4, pace_of_actor=0.1, learning_rate=5e-4, of="utility", seed=7
    ),
}
TEST_PATHS = 200_000
Seconds = dict[str, float | str]


def path_task(shape: Shape) -> MarketTask:
    """Return what the networks learn; a band starts from Zakamouline's."""
    return MarketTask(
        process=MARKET,
        owed=European("call", 100.0),
        steps=STEPS,
        interval=DT,
        cost=(COST,),
        sees=("left", "level", "standing"),
        shape=shape,
        prior=task() if shape.answer == "band" else None,
        frictions=FRICTIONS,
    )


def by_ledger(learned: MarketTask, network: SequenceNetwork, paths: Paths) -> FloatArray:
    """Return the P&L [N] of a band network on the test paths, by the ledger."""
    found = []
    for first in range(0, TEST_PATHS, CHUNK):
        episodes = learned.episodes(CHUNK, seed=TEST_SEED, first=first, device=DEVICE)
        with torch.no_grad():
            edges = network.to(DEVICE).band(episodes.seen, episodes.center, episodes.half_width)
        lower, upper, speed = (each.cpu().numpy() for each in edges if each is not None)
        band = Band(lower, upper, lower, upper, speed)
        found.append(booked(band, paths.episodes(slice(first, first + CHUNK))))
    return np.concatenate(found)


def agent(name: str) -> tuple[NetworkBand, Seconds]:
    """Train an agent; return its policy with what it took."""
    plan, begun, wall = AGENTS[name], process_time(), perf_counter()

    def report(step: int, risk: float) -> None:
        print(f"  {name}: {step} lives, {risk:.4f} on validation paths", flush=True)

    policy = train(AgentTrainer(task(), plan), report=report).learned
    took = {"processor_seconds": process_time() - begun, "wall_seconds": perf_counter() - wall}
    return policy, {"steps": plan.steps * plan.markets * STEPS, **took}


def measure() -> Iterator[Measurement]:
    """Tune, train and judge; yield the risk of each learned band over that of the best analytic one."""
    with threadpool_limits(limits=1):
        best = {rule: tuned(rule) for rule in RULES}
        print(*best.values(), sep="\n", flush=True)
        paths = drawn(TEST_PATHS, TEST_SEED)
        found = {rule: booked(Tuned(rule).band(paths), paths) for rule in RULES}
        found |= {f"{rule}, tuned": booked(scaled.band(paths), paths) for rule, scaled in best.items()}
        risks = {who: entropic(pnl, 1.0)[0] for who, pnl in found.items()}
        rival = min(risks, key=risks.__getitem__)
        learned, spent = _learned(paths)
    found |= learned
    print(f"\nfrictions: the best analytic band is {rival}")
    for who, pnl in found.items():
        more, error = excess(pnl, found[rival], 1.0)
        about = asdict(best[who.removesuffix(", tuned")]) if who.endswith(", tuned") else spent.get(who, "")
        print(f"  {who:33} {entropic(pnl, 1.0)[0]:.4f}, more than it {more:+.4f} +- {error:.4f} {about}")
    for who, seconds in spent.items():
        off, error = excess(found[who], found[rival], 1.0)
        detail = {**risks, "ours": entropic(found[who], 1.0)[0], "rival": rival, "error": error, **seconds}
        name = f"deep_frictions.{'' if who == 'network' else f'{who}_'}over_best_rival"
        yield Measurement(name, "money", off, detail=detail)
        yield Measurement(f"{name}_upper", "money", off + 1.96 * error)


def _learned(paths: Paths) -> tuple[dict[str, FloatArray], dict[str, Seconds]]:
    """Return the P&L of who learned, and of those selves that did not, and what each training took."""
    band, plain = path_task(Shape("band", paced=True)), path_task(Shape("from_held"))
    network, seconds = trained(band, PLAN)
    spent, other = {"network": seconds}, trained(plain, PLAN)[0]
    found = {
        "network": by_ledger(band, network, paths),
        "network, untrained": by_ledger(band, band.learner(PLAN), paths),
        "plain network": tested(plain, TEST_PATHS, earned(plain, other))[0],
        "agents, untrained": booked(NetworkBand().band(markets(paths)[0]), paths),
    }
    for name in AGENTS:
        policy, spent[name] = agent(name)
        found[name] = booked(policy.band(markets(paths)[0]), paths)
    return found, spent


if __name__ == "__main__":
    for _ in measure():
        pass
