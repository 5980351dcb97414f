"""What a learner must not find, and what it must: no liability, tomorrow's price, options at wrong prices.

Black–Scholes, S = 100, σ = 20 %, 30 days, drift and rate zero. Who owes nothing has nothing to hedge: the
mean size of the position after training, in units of the spot, for a band that starts at random, a plain and
a recurrent network. Who is told tomorrow's return (positions bounded by one unit, c = 1 bp) finds the
arbitrage: the share of what perfect foresight earns.

Nested prices (Hirano, Imajo, Minami, Shimada 2023): Market B, the regime seen, nothing owed, the spot and a
60-day at-the-money call to trade for 30 days. Priced at Black's formula with the long-run volatility the call
can be arbitraged, and the hedger finds money; priced by nested expectation it does not. λ = 1, positions
bounded by three units; printed is minus the entropic risk, the money found.

`python -m benchmarks.run deep_traps`; a minute with a GPU, some ten on two cores.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.deep_regimes import MARKET, long_run_volatility
from benchmarks.learned import DEVICE, TEST_SEED, earned, entropic, tested, trained
from benchmarks.measurement import Measurement
from pipeline.deep.hedging import Decide, hedge, inside
from pipeline.deep.market_task import NOTHING, Episodes, MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Entropic
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.domain.instruments import FloatArray
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.traded import ListedOption, Spot

LEARNERS = {
    "band": Shape("band"),
    "plain": Shape("from_held"),
    "recurrent": Shape("from_held", recurrent=8),
}
PLAN = TrainingPlan(steps=200, paths=1024, learning_rate=0.005, hidden=(16, 16), seed=7, device=DEVICE)
TEST_PATHS, FEW = 100_000, 10_000
PRICED = {"naive": long_run_volatility(MARKET), "nested": "nested"}


def idle_task(shape: Shape) -> MarketTask:
    """Return the task of who owes nothing."""
    return MarketTask(
        process=BlackScholes(volatility=0.2),
        owed=NOTHING,
        steps=30,
        interval=1 / 365,
        cost=(1e-4,),
        sees=("left", "level", "return"),
        shape=shape,
    )


def told_task(shape: Shape) -> MarketTask:
    """Return the task of who is told tomorrow's return."""
    task = replace(idle_task(replace(shape, most=1.0)), risk=Entropic(0.1))
    return replace(task, sees=(*task.sees, "tomorrow"))


def option_task(priced: str | float) -> MarketTask:
    """Return the task of who owes nothing and may trade the spot and an option."""
    return MarketTask(
        process=MARKET,
        owed=NOTHING,
        steps=30,
        interval=1 / 252,
        hedges=(Spot(), ListedOption("call", 100.0, 60, priced)),
        cost=(1e-4, 1e-4),
        sees=("left", "level", "standing", "regime"),
        shape=Shape("position", most=3.0),
    )


def measure() -> Iterator[Measurement]:
    """Set every trap."""
    with threadpool_limits(limits=1):
        for name, shape in LEARNERS.items():
            yield nothing_owed(name, shape)
        for name, shape in LEARNERS.items():
            yield told_tomorrow(name, shape)
        for name, priced in PRICED.items():
            yield options(name, priced)


def nothing_owed(name: str, shape: Shape) -> Measurement:
    """Print and return the mean size of the position."""
    task = idle_task(shape)
    untrained = held(task, task.learner(PLAN))
    size = held(task, trained(task, PLAN)[0])
    print(
        f"nothing owed, {name:10} mean size of the position {size:.5f}, untrained {untrained:.5f}", flush=True
    )
    return Measurement(f"deep_traps.nothing_owed_{name}", "units", size, detail={"untrained": untrained})


def held(task: MarketTask, network: SequenceNetwork) -> float:
    """Return the mean over paths and times of the size of the position."""
    episodes = task.episodes(FEW, seed=TEST_SEED, first=0, device=DEVICE)
    with torch.no_grad():
        decide = rule(task, network.to(DEVICE), episodes)
        _, positions = hedge(decide, episodes.price, torch.zeros((), device=DEVICE))
    return float(positions.abs().mean())


def rule(task: MarketTask, network: SequenceNetwork, episodes: Episodes) -> Decide:
    """Return the network as a rule of `deep.hedging`."""
    if task.shape.answer != "band":
        return network.decide(episodes.seen)
    lower, upper, _ = network.band(episodes.seen, episodes.center, episodes.half_width)
    return lambda t, held: inside(held, lower[:, t], upper[:, t])


def told_tomorrow(name: str, shape: Shape) -> Measurement:
    """Print and return the share of perfect foresight, in per cent."""
    task = told_task(shape)
    network, _ = trained(task, PLAN)
    ours, best = tested(task, TEST_PATHS, earned(task, network), foresight)
    share = 100.0 * ours.mean() / best.mean()
    print(f"told tomorrow, {name:10} earns {ours.mean():.3f} of {best.mean():.3f}", flush=True)
    return Measurement(f"deep_traps.tomorrow_{name}", "%", share, detail={"earned": ours.mean()})


def foresight(episodes: Episodes) -> FloatArray:
    """Return what one unit on the side of tomorrow's move earns, before costs."""
    return np.asarray(episodes.price.diff(dim=1).abs().sum(dim=(1, 2)).cpu().numpy())


def options(name: str, priced: str | float) -> Measurement:
    """Print and return the money that is found with an option so priced."""
    task = option_task(priced)
    network, _ = trained(task, PLAN)
    (pnl,) = tested(task, TEST_PATHS, earned(task, network))
    risk, error = entropic(pnl, 1.0)
    print(f"option priced {name:7} finds {-risk:+.5f} +- {error:.5f}", flush=True)
    detail = {"error": error, "mean": pnl.mean()}
    return Measurement(f"deep_traps.options_{name}", "money", -risk, detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
