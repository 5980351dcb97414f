"""Buehler, Gonon, Teichmann and Wood's Heston market: a call hedged in the spot and in a variance swap.

S = K = 100, v_0 = θ = .04, κ = 1, ξ = 2, ρ = −.7, 30 days, hedged daily, no drift; the Feller condition is
broken. Networks of two layers see time, price and variance. The price of a call at a risk measure is the
measure of what its hedger loses who was paid nothing; published are 1.94 at CVaR50 and 3.49 at CVaR99, and
1.69 is the risk-neutral price. At a cost of 1 % on both instruments a network that knows the position it
holds stands beside one that does not (published 5.51 and 6.74), and a band for each instrument beside both.

A price below the published one is a better hedge of the same option, if the markets are the same: ours is
simulated by Andersen's quadratic-exponential scheme in steps of a day.

Test paths, seed 99, chose nothing. `python -m benchmarks.run deep_heston`; minutes with a GPU, an hour on
two cores.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.learned import DEVICE, earned, tested, trained
from benchmarks.measurement import Measurement
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Cvar
from pipeline.deep.sequence_network import Answer, Shape
from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import cvar
from pipeline.pricing.heston import price
from pipeline.simulate.hedges import law_of
from pipeline.simulate.heston import FellerWarning, Heston
from pipeline.simulate.payoffs import European
from pipeline.simulate.traded import Spot, VarianceSwap

STEPS, DT, STRIKE = 30, 1 / 365, 100.0
LEVELS, PUBLISHED = {"50": 0.5, "99": 0.99}, {"50": 1.94, "99": 3.49}
WITH_COST, PUBLISHED_MEMORY = 0.01, {"from_held": 5.51, "position": 6.74}
PLAN = TrainingPlan(steps=1200, paths=512, learning_rate=0.01, hidden=(24, 24), seed=7, device=DEVICE)
TEST_PATHS, BLOCKS = 400_000, 50


def market() -> Heston:
    """Return their market; that it breaks Feller's condition is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FellerWarning)
        return Heston(spot=100.0, start=0.04, mean=0.04, reversion=1.0, vol_of_vol=2.0, correlation=-0.7)


def task_of(level: float, cost: float = 0.0, answer: Answer = "position") -> MarketTask:
    """Return the hedge of the call at one level of CVaR; 500 of the swap move about as much as the spot."""
    return MarketTask(
        process=market(),
        owed=European("call", STRIKE),
        steps=STEPS,
        interval=DT,
        hedges=(Spot(), VarianceSwap(500.0)),
        cost=(cost, cost),
        sees=("left", "level", "standing", "volatility"),
        shape=Shape(answer),
        risk=Cvar(level),
    )


def with_error(pnl: FloatArray, level: float, other: FloatArray | None = None) -> tuple[float, float]:
    """Return CVaR, less that of another P&L on the same paths, and its standard error from blocks of them."""
    parts = [pnl] if other is None else [pnl, other]
    sign = (1.0, -1.0)

    def risk(rows: slice) -> float:
        return sum(s * float(cvar(part[rows], level)) for s, part in zip(sign, parts, strict=False))

    size = len(pnl) // BLOCKS
    blocks = [risk(slice(k * size, (k + 1) * size)) for k in range(BLOCKS)]
    return risk(slice(None)), float(np.std(blocks, ddof=1) / np.sqrt(BLOCKS))


def measure() -> Iterator[Measurement]:
    """Price without cost at both levels, then with it, with and without memory."""
    with threadpool_limits(limits=1):
        yield from without_cost()
        yield from with_cost()


def without_cost() -> Iterator[Measurement]:
    """Print the published table and ours; yield prices and whether each strategy wins its own criterion."""
    tasks = {name: task_of(level) for name, level in LEVELS.items()}
    learned = {name: trained(task, PLAN) for name, task in tasks.items()}
    rules = {name: earned(tasks[name], network) for name, (network, _) in learned.items()}
    found = dict(zip(rules, tested(tasks["99"], TEST_PATHS, *rules.values()), strict=True))
    exact = float(price("call", law_of(market()), np.array([100.0]), np.array([0.04]), STRIKE, STEPS * DT)[0])
    print(f"\nHeston, risk-neutral price {exact:.4f} (published 1.69); trained in {learned['99'][1]}")
    for who, pnl in found.items():
        risks = ", ".join(
            "CVaR{} {:.4f} +- {:.4f}".format(at, *with_error(pnl, level)) for at, level in LEVELS.items()
        )
        print(f"  trained on {who:14} mean loss {-pnl.mean():.4f}, {risks}")
    for name, level in LEVELS.items():
        ours, error = with_error(found[name], level)
        off = 100.0 * (ours / PUBLISHED[name] - 1.0)
        detail = {"price": ours, "price_error": error, "published": PUBLISHED[name], "signed": off}
        detail |= {"error": 100.0 * error / PUBLISHED[name]}
        detail |= {"mean_loss": -found[name].mean(), "risk_neutral": exact} | learned[name][1]
        yield Measurement(f"deep_heston.price_{name}", "%", abs(off), detail=detail)
        rival = next(other for other in LEVELS if other != name)
        less, paired = with_error(found[name], level, found[rival])
        yield Measurement(f"deep_heston.own_criterion_{name}", "money", less, detail={"error": paired})


def with_cost() -> Iterator[Measurement]:
    """Print and yield what memory of the position held takes off the price at a cost of 1 %."""
    answers: tuple[Answer, ...] = ("position", "from_held", "band")
    tasks = {answer: task_of(0.99, WITH_COST, answer) for answer in answers}
    learned = {answer: trained(task, PLAN) for answer, task in tasks.items()}
    rules = [earned(task, learned[answer][0]) for answer, task in tasks.items()]
    found = dict(zip(answers, tested(tasks["band"], TEST_PATHS, *rules), strict=True))
    print(f"\nHeston, cost 1 %, CVaR99: published {PUBLISHED_MEMORY}")
    for answer, pnl in found.items():
        print(
            "  {:10} {:.4f} +- {:.4f}".format(answer, *with_error(pnl, 0.99)), learned[answer][1], flush=True
        )
    without, _ = with_error(found["position"], 0.99)
    for answer in ("from_held", "band"):
        less, error = with_error(found[answer], 0.99, found["position"])
        detail = {"with": without + less, "without": without, "error": 100.0 * error / without}
        label = "memory" if answer == "from_held" else "memory_of_band"
        yield Measurement(f"deep_heston.{label}", "%", -100.0 * less / without, detail=detail)


if __name__ == "__main__":
    for _ in measure():
        pass
