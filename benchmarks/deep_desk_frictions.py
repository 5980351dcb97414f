"""What a network of a desk gains by learning under its impact and delay, at calm and wild volatility.

`spx-daily` with an impact of 1 at two shares of a session's volume and orders that are a session late.
`network_band` as `hedge train` teaches it (`--policy network_band`), once at the constant cost, its band then
gone to at the trading rule's pace, and once under the frictions, with two bounds on the risk that is trained:
`MOST_RISK`, and that over √(1 + 2 delay), for a hedge that is late by d steps is exposed to the moves of
1 + 2d. All are booked by the ledger with all frictions on the same fresh paths, at 12, 20 and 40 %, λ = 1;
printed is the entropic risk, and what it is less that of the others, paired.

`python -m benchmarks.run deep_desk_frictions`; a quarter of an hour of one core.
`python -m benchmarks.deep_desk_frictions --steps 4 --paths 4096 --tested 20000` shows what it does.
"""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.learned import TEST_SEED, entropic, excess, trained
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import book
from pipeline.deep.desk_task import task_of
from pipeline.deep.frictions import NONE
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.task import Condition, HedgingTask
from pipeline.domain.desk import load_desk
from pipeline.domain.instruments import FloatArray
from pipeline.learning.learners import NETWORK_RATE
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.zakamouline import Zakamouline

PLAN = TrainingPlan(steps=400, paths=65_536, groups=8, learning_rate=NETWORK_RATE, seed=7)
LEARNED, JUDGED = (0.08, 0.8), (0.12, 0.2, 0.4)
"""Volatilities."""
SHARES, TESTED, CHUNK = (0.001, 0.01), 200_000, 20_000
AT_CONSTANT_COST = "constant cost"


def measure(plan: TrainingPlan = PLAN, tested: int = TESTED) -> Iterator[Measurement]:
    """Train and judge; yield what learning under frictions adds to the risk, by share and volatility."""
    with threadpool_limits(limits=1):
        plain, seconds = trained(replace(task(SHARES[0]), frictions=NONE), plan)
        print(f"at constant cost: {seconds['processor_seconds']:.0f} s of processor", flush=True)
        for share in SHARES:
            yield from judged(share, plain.policy(), plan, tested)


def task(share: float) -> HedgingTask:
    """Return what is learned for the desk that is so large a share of a session's volume."""
    desk = load_desk("spx-daily")
    execution = desk.execution.model_copy(update={"impact": 1.0, "notional_share": share})
    hedge = desk.hedge.model_copy(update={"delay_sessions": 1})
    return task_of(desk.model_copy(update={"execution": execution, "hedge": hedge}), LEARNED)


def judged(share: float, plain: Policy, plan: TrainingPlan, tested: int) -> Iterator[Measurement]:
    """Train under the frictions of a share with both bounds, and judge at every volatility."""
    desk = task(share)
    late = desk.most_risk / sqrt(1.0 + 2.0 * desk.frictions.delay)
    policies: dict[str, Policy] = {}
    for most_risk in (desk.most_risk, late):
        network, seconds = trained(replace(desk, most_risk=most_risk), plan)
        policies[f"up to {most_risk:.2f}"] = network.policy()
        print(f"share {share}, up to {most_risk:.2f}: {seconds['processor_seconds']:.0f} s", flush=True)
    rivals = {AT_CONSTANT_COST: plain, "zakamouline": Zakamouline(), "delta": DeltaImplied()}
    for volatility in JUDGED:
        found = {who: booked(desk, policy, volatility, tested) for who, policy in (policies | rivals).items()}
        for who in policies:
            risk, _ = entropic(found[who], 1.0)
            less = {rival: excess(found[who], found[rival], 1.0) for rival in rivals}
            told = ", ".join(f"less {rival} {off:+.4f} ± {error:.4f}" for rival, (off, error) in less.items())
            print(f"share {share}, {volatility:.0%}, {who}: {risk:.4f}, {told}", flush=True)
            off, error = less[AT_CONSTANT_COST]
            name = f"deep_desk_frictions.{who.replace(' ', '_')}_{share:g}_{volatility:.0%}".rstrip("%")
            yield Measurement(name, "money", off, detail={"risk": risk, "error": error})


def booked(desk: HedgingTask, policy: Policy, volatility: float, tested: int) -> FloatArray:
    """Return the P&L [N] of a policy on fresh paths of a volatility, by the ledger with all frictions."""
    cost, aversion = (sqrt(low * high) for low, high in (desk.cost, desk.aversion))
    condition, parts = Condition(cost, aversion, volatility), []
    for first in range(0, tested, CHUNK):
        spot = desk.paths(min(CHUNK, tested), condition, seed=TEST_SEED, first=first)
        state, market = desk.state_on(spot, condition)
        parts.append(book(market, policy.band(state), desk.frictions.delay).pnl)
    return np.concatenate(parts)


if __name__ == "__main__":
    asked = ArgumentParser()
    for name, value in (("steps", PLAN.steps), ("paths", PLAN.paths), ("tested", TESTED)):
        asked.add_argument(f"--{name}", type=int, default=value)
    told = asked.parse_args()
    for _ in measure(replace(PLAN, steps=told.steps, paths=told.paths), told.tested):
        pass
