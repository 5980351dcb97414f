"""PPO and SAC agents in the market of Cao, Chen, Hull and Poulos (2020), beside their agent and other bands.

Short at-the-money call on 100, σ = 20 %, μ = 5 %, r = 0, one-way cost 1 %, unwind charged, 21 and 63 days,
rebalanced daily. Judged is the gain in Y = mean + 1.5 SD of what hedging costs, in % of the option's price,
over Black–Scholes delta. No programme solves this objective, so no optimum is printed; the band network,
which is trained on Y itself through the derivative of its P&L, is the yardstick.

An agent's actions are corrections of Zakamouline's band (`policies.network_band`). The band's risk aversion,
the same for both agents and the band network, and the width of the best constant band are chosen on paths of
their own. κ of the reward is chosen on validation paths while training, where it is 1.5/(2 SD). The untrained
agent is Zakamouline's band itself.

Test paths, seed 99, chose nothing. Gains are paired with delta on them; their standard errors are those of
the ratio, by the delta method.

`python -m benchmarks.run reinforcement`, or `python -m benchmarks.reinforcement`; a quarter of an hour alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.measurement import Measurement
from pipeline.agents.plan import AgentPlan, PpoPlan, SacPlan
from pipeline.agents.trainer import AgentTrainer
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import options_value
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import MeanSd
from pipeline.deep.task import HedgingTask
from pipeline.deep.training import train
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.risk_measures import SD_MULTIPLE, mean_sd_cost
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.fixed_band import FixedBand
from pipeline.policies.network_band import NetworkBand
from pipeline.simulate.black_scholes import BlackScholes

TEST_SEED, TEST_PATHS, CHUNK = 99, 100_000, 25_000
TUNING_SEED, TUNING_PATHS = 11, 50_000
AVERSIONS, WIDTHS = (0.3, 0.6, 1.2, 2.3), (0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)


@dataclass(frozen=True)
class Case:
    """One maturity: its days, the plans, and the published gains of the agent and of the constant band."""

    days: int
    plans: Mapping[str, AgentPlan]
    published: float
    constant: float


SEED = 7
CASES = {
    "1_month": Case(
        21, {"ppo": PpoPlan(seed=SEED), "sac": SacPlan(seed=SEED)}, published=16.6, constant=22.2
    ),
    "3_months": Case(
        63,
        {
            "ppo": PpoPlan(steps=30, markets=1024, seed=SEED),
            "sac": SacPlan(
                steps=60, markets=512, temperature=1e-4, pace_of_actor=0.1, learning_rate=5e-4, seed=SEED
            ),
        },
        published=29.0,
        constant=34.4,
    ),
}
DEEP = TrainingPlan(steps=60, paths=32_768, seed=SEED)


def market(days: int, aversion: float) -> HedgingTask:
    """Return the market of one maturity; the aversion is that of the band which is corrected."""
    return HedgingTask(
        process=BlackScholes(volatility=0.2, drift=0.05),
        volatility=(0.2, 0.2),
        liability=Liability.of("call", "short"),
        strike=100.0,
        steps=days,
        interval=1 / 252,
        cost=(0.01, 0.01),
        aversion=(aversion, aversion),
        risk=MeanSd(SD_MULTIPLE),
    )


def costs(task: HedgingTask, policies: Mapping[str, Policy], seed: int, paths: int) -> dict[str, FloatArray]:
    """Return what hedging cost, [N] in % of the option's price, of each hedger on the same paths."""
    found: dict[str, list[FloatArray]] = {name: [] for name in policies}
    for first in range(0, paths, CHUNK):
        spot = task.paths(min(CHUNK, paths), task.middle, seed=seed, first=first)
        state, books = task.state_on(spot, task.middle)
        price = -options_value(state.episodes(slice(0, 1)))[0, 0]
        for name, policy in policies.items():
            found[name].append(-100.0 * (book(books, policy.band(state)).pnl + price) / price)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def gain(cost: FloatArray, of_delta: FloatArray) -> tuple[float, float]:
    """Return 1 − Y/Y_delta in %, and its standard error from the influence of each path."""
    share, influence = _share(cost, of_delta)
    return 100.0 * (1.0 - share), float(100.0 * influence.std() / np.sqrt(len(cost)))


def gain_over(cost: FloatArray, rival: FloatArray, of_delta: FloatArray) -> tuple[float, float]:
    """Return the gain over delta less a rival's, in points, and its standard error, paired."""
    (ours, own), (theirs, their) = _share(cost, of_delta), _share(rival, of_delta)
    return 100.0 * (theirs - ours), float(100.0 * (own - their).std() / np.sqrt(len(cost)))


def _share(cost: FloatArray, of_delta: FloatArray) -> tuple[float, FloatArray]:
    """Return Y/Y_delta and the influence of each path on it."""
    ours, theirs = (float(mean_sd_cost(-each)) for each in (cost, of_delta))
    return ours / theirs, _influence(cost) / theirs - ours * _influence(of_delta) / theirs**2


def _influence(cost: FloatArray) -> FloatArray:
    off, deviation = cost - cost.mean(), cost.std()
    return off + SD_MULTIPLE * (off**2 - deviation**2) / (2.0 * deviation)


def chosen(days: int) -> tuple[float, FixedBand]:
    """Return the risk aversion of the best of Zakamouline's bands, and the best constant band."""
    over = {aversion: market(days, aversion) for aversion in AVERSIONS}
    scores = {
        aversion: mean_sd_cost(-costs(task, {"": NetworkBand()}, TUNING_SEED, TUNING_PATHS)[""])
        for aversion, task in over.items()
    }
    widths = {str(width): FixedBand(width) for width in WIDTHS}
    found = costs(over[AVERSIONS[0]], widths, TUNING_SEED, TUNING_PATHS)
    best = min(found, key=lambda width: float(mean_sd_cost(-found[width])))
    return min(scores, key=lambda aversion: float(scores[aversion])), widths[best]


def measure() -> Iterator[Measurement]:
    """Train and judge every agent at both maturities."""
    with threadpool_limits(limits=1):
        for name, case in CASES.items():
            yield from judged(name, case)


def judged(name: str, case: Case) -> Iterator[Measurement]:
    """Print every hedger of a maturity and yield the gains of those that learn."""
    aversion, constant = chosen(case.days)
    task = market(case.days, aversion)
    policies: dict[str, Policy] = {"delta": DeltaImplied(), "constant": constant, "untrained": NetworkBand()}
    detail: dict[str, dict[str, float]] = {}
    for who, plan in case.plans.items():
        begun, wall = process_time(), perf_counter()
        policies[who] = train(AgentTrainer(task, plan), report=_told(name, who)).learned
        detail[who] = {
            "steps": plan.steps * plan.markets * case.days,
            "processor_seconds": process_time() - begun,
            "wall_seconds": perf_counter() - wall,
        }
    begun = process_time()
    policies["deep"] = train(NetworkTrainer(task, DEEP)).learned.policy()
    detail["deep"] = {
        "steps": DEEP.steps * DEEP.paths * case.days, "processor_seconds": process_time() - begun,
    }  # fmt: skip
    found = costs(task, policies, TEST_SEED, TEST_PATHS)
    gains = {who: gain(cost, found["delta"]) for who, cost in found.items()}
    print(f"\nCao et al., {name}, daily: aversion {aversion:g}, constant band {constant.half_width:g}")
    print(f"  published: agent {case.published} %, best constant band {case.constant} %")
    for who, cost in found.items():
        more = ", ".join(f"{key} {value:,.0f}" for key, value in detail.get(who, {}).items())
        print(
            f"  {who:10} mean {cost.mean():6.2f}  SD {cost.std():5.2f}  Y {mean_sd_cost(-cost):6.2f}  "
            f"gain {gains[who][0]:6.2f} % +- {gains[who][1]:.2f}  {more}"
        )
    for who, more in detail.items():
        own = more | {
            "error": gains[who][1], "mean": float(found[who].mean()), "sd": float(found[who].std()),
            "untrained": gains["untrained"][0], "constant": gains["constant"][0],
            "published": case.published, "paths": TEST_PATHS,
        }  # fmt: skip
        yield Measurement(f"reinforcement.{who}_{name}", "%", gains[who][0], detail=own)
    for measured, who, rival in (
        ("ppo_over_constant", "ppo", "constant"),
        ("deep_over_ppo", "deep", "ppo"),
    ):
        over, error = gain_over(found[who], found[rival], found["delta"])
        print(f"  {who} over {rival}: {over:.2f} points +- {error:.2f}, paired")
        yield Measurement(f"reinforcement.{measured}_{name}", "points", over, detail={"error": error})


def _told(name: str, who: str):
    def report(step: int, risk: float) -> None:
        print(f"  {name} {who}: {step} lives, {risk:.4f} on validation paths", flush=True)

    return report


if __name__ == "__main__":
    for _ in measure():
        pass
