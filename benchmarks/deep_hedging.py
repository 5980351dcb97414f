"""The band network in two known markets, beside the exact optimum, analytic bands and published networks.

Market A: Black–Scholes, σ = 20 %, 30 days, short at-the-money call on 100, λ = 1, unwind charged. The score
is the share of the gap from Black–Scholes delta to the exact optimum that a hedger closes: risks are
compared on the same test paths with those of the programme's own bands, and the gap is that of these paths.
Whalley and Wilmott's band has two tuned scalars, on its width and on the volatility of its Greeks, chosen
on paths of their own. The network has no input from the programme.

Imaki et al. (2021): S = K = 1, c = 10 bp, λ = 1, no unwind. Their program simulates 28 steps of a day and
takes σ²/2 of 30 days out of the logarithm, so that the price drifts by −σ²/28 a year; so does ours, or the
premiums could not be compared. Premiums are the exact optimum of that market + the difference to the
programme's bands on common paths, so that their standard error is that of the difference.

The cost exponent is the log–log slope of what costs of 2⁻⁶ … 2⁻¹⁰ add to the risk in Market A: of one network
for all of them, less the programme's. In markets that it was not trained in the network of 10 bp is told the
volatility and the cost, and nothing else.

Test paths, seed 99, chose nothing. Seconds are processor time of the training, compilation not counted.

`python -m benchmarks.run deep_hedging`, or `python -m benchmarks.deep_hedging`; some ten minutes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.learned import (
    CHUNK,
    TEST_SEED,
    ProgrammeBand,
    ScaledWhalleyWilmott,
    entropic,
    excess,
    trained,
)
from benchmarks.measurement import Measurement
from pipeline.backtest.ledger import book
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.task import HedgingTask
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Programme
from pipeline.optimum.solution import solve
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.black_scholes import BlackScholes

VOLATILITY, DAY = 0.2, 1 / 365
COSTS = {"10bp": 1e-3, "100bp": 1e-2}
PLAN = TrainingPlan(steps=300, paths=32_768, seed=7)
FRONTIER_PLAN = TrainingPlan(steps=400, paths=65_536, groups=8, learning_rate=0.005, seed=7)
EXPONENT_PLAN = TrainingPlan(steps=200, paths=20_480, groups=5, learning_rate=0.01, seed=7)
FRONTIER_PATHS, EXPONENT_PATHS = 200_000, 100_000
TEST_PATHS = 1_000_000
TUNING_SEED, TUNING_PATHS = 11, 20_000
WIDTHS, VOLATILITIES = np.linspace(0.2, 1.2, 11), np.linspace(0.18, 0.4, 12)
IMAKI_STEPS = 28
IMAKI_PUBLISHED = {"exact": 0.0225388, "theirs": 0.0225441, "plain": 0.0227712}
EXPONENT_COSTS = tuple(2.0**-power for power in range(6, 11))


def market_a(cost: float, volatility: float = VOLATILITY) -> HedgingTask:
    """Return Market A at one cost, or a market like it of another volatility."""
    return HedgingTask(
        process=BlackScholes(volatility=volatility),
        volatility=(volatility, volatility),
        liability=Liability.of("call", "short"),
        strike=100.0,
        steps=30,
        interval=DAY,
        cost=(cost, cost),
        aversion=(1.0, 1.0),
    )


def imaki() -> HedgingTask:
    """Return the European case of Imaki et al. as their program simulates it, see above."""
    process = BlackScholes(spot=1.0, volatility=VOLATILITY, drift=-(VOLATILITY**2) / IMAKI_STEPS)
    return replace(market_a(1e-3), process=process, strike=1.0, steps=IMAKI_STEPS, unwind=False)


def programme_of(task: HedgingTask) -> Programme:
    """Return the dynamic programme of a task."""
    market = Dynamics.black_scholes(
        task.middle.volatility, cost=task.cost[0], interval=task.interval, drift=task.process.drift
    )
    return Programme(market, task.aversion[0] * task.strike, task.steps, unwind=task.unwind)


def earned(task: HedgingTask, policies: Mapping[str, Policy], seed: int, paths: int) -> dict[str, FloatArray]:
    """Return the P&L [N] of each hedger on the same paths, by the books of a backtest."""
    found: dict[str, list[FloatArray]] = {name: [] for name in policies}
    for first in range(0, paths, CHUNK):
        spot = task.paths(min(CHUNK, paths), task.middle, seed=seed, first=first)
        state, market = task.state_on(spot, task.middle)
        for name, policy in policies.items():
            found[name].append(book(market, policy.band(state)).pnl)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def over_best(task: HedgingTask, found: Mapping[str, FloatArray]) -> dict[str, tuple[float, float]]:
    """Return every hedger's risk less that of the programme's bands, and its standard error."""
    best = found["programme"]
    return {who: excess(pnl, best, task.aversion[0]) for who, pnl in found.items() if who != "programme"}


def tuned_whalley_wilmott(task: HedgingTask) -> ScaledWhalleyWilmott:
    """Return the best of a grid of both scalars on tuning paths."""
    rules = [ScaledWhalleyWilmott(float(vol), float(width)) for vol in VOLATILITIES for width in WIDTHS]
    found = earned(task, {str(k): rule for k, rule in enumerate(rules)}, TUNING_SEED, TUNING_PATHS)
    return rules[int(np.argmin([entropic(pnl, task.aversion[0])[0] for pnl in found.values()]))]


def optimum(task: HedgingTask) -> float:
    """Return the exact least risk, money."""
    return task.strike * solve(programme_of(task)).risk(1.0, np.ones(1))


def exponent() -> HedgingTask:
    """Return Market A at all costs of the cost exponent."""
    return replace(market_a(1e-3), cost=(EXPONENT_COSTS[-1], EXPONENT_COSTS[0]))


def frontier() -> HedgingTask:
    """Return Market A at all costs and aversions that one network is trained for."""
    return replace(market_a(1e-3), cost=(5e-4, 2e-2), aversion=(0.3, 2.5))


UNSEEN = {
    "volatility_15": market_a(1e-3, 0.15),
    "volatility_25": market_a(1e-3, 0.25),
    "volatility_30": market_a(1e-3, 0.30),
    "cost_5bp": market_a(5e-4),
    "cost_20bp": market_a(2e-3),
}
"""Markets unlike the one that the network of Market A at 10 bp is trained in; it is told their parameters."""


def measure() -> Iterator[Measurement]:
    """Train and judge both cases."""
    with threadpool_limits(limits=1):
        for name, cost in COSTS.items():
            yield from judged_market_a(name, market_a(cost))
        yield from judged_imaki(imaki())
        yield from judged_frontier()
        yield from judged_exponent()


def judged_market_a(name: str, task: HedgingTask) -> Iterator[Measurement]:
    """Print every hedger of Market A and yield the network's share of the gap."""
    network, seconds = trained(task, PLAN)
    rule = tuned_whalley_wilmott(task)
    policies = {
        "network": network.policy(), "untrained": NetworkBand(), "delta": DeltaImplied(),
        "zakamouline": Zakamouline(), "whalley_wilmott": WhalleyWilmott(), "tuned_whalley_wilmott": rule,
        "programme": ProgrammeBand(programme_of(task)),
    }  # fmt: skip
    found = earned(task, policies, TEST_SEED, TEST_PATHS)
    over = over_best(task, found)
    gap = over["delta"][0]
    exact = optimum(task)
    here = entropic(found["programme"], 1.0)[0]
    print(f"\nMarket A, {name}: exact {exact:.5f}, on these paths {here:.5f}, gap to delta {gap:.5f}")
    for who, (difference, error) in over.items():
        share = f"closes {1.0 - difference / gap:7.2%} +- {error / gap:.2%}"
        print(f"  {who:22} {here + difference:.5f}  {difference:+.6f} +- {error:.6f}  {share}")
    print(f"  tuned: volatility {rule.volatility:g}, width x {rule.width:g}; trained in {seconds}")
    detail = {
        f"{who}_share": 100.0 * (1.0 - over[who][0] / gap) for who in over if who not in ("network", "delta")
    }
    detail |= seconds | {"paths": TEST_PATHS, "exact": exact, "gap": gap}
    network_over, error = over["network"]
    share = 100.0 * (1.0 - network_over / gap)
    yield Measurement(f"deep_hedging.market_a_{name}", "%", share, detail=detail)
    yield Measurement(f"deep_hedging.market_a_{name}_error", "%", 100.0 * error / gap)
    if name == "10bp":
        yield from judged_unseen(network.policy())


def judged_unseen(network: NetworkBand) -> Iterator[Measurement]:
    """Print and yield the share of the gap that a network closes in markets that it was not trained in."""
    for case, task in UNSEEN.items():
        policies = {
            "network": network, "untrained": NetworkBand(), "delta": DeltaImplied(),
            "programme": ProgrammeBand(programme_of(task)),
        }  # fmt: skip
        over = over_best(task, earned(task, policies, TEST_SEED, FRONTIER_PATHS))
        gap = over["delta"][0]
        shares = {who: 100.0 * (1.0 - value / gap) for who, (value, _) in over.items()}
        error = 100.0 * over["network"][1] / gap
        print(
            f"  not trained for {case:15} closes {shares['network']:.2f} % +- {error:.2f} %, "
            f"untrained {shares['untrained']:.2f} %"
        )
        detail = {"error": error, "untrained_share": shares["untrained"], "gap": gap}
        yield Measurement(f"deep_hedging.unseen_{case}", "%", shares["network"], detail=detail)


def judged_imaki(task: HedgingTask) -> Iterator[Measurement]:
    """Print the premiums of Imaki's European case and yield the network's, its error and its seconds."""
    network, seconds = trained(task, PLAN)
    policies = {
        "network": network.policy(),
        "untrained": NetworkBand(),
        "programme": ProgrammeBand(programme_of(task)),
    }
    over = over_best(task, earned(task, policies, TEST_SEED, TEST_PATHS))
    exact = optimum(task)
    published = ", ".join(f"{who} {figure:.7f}" for who, figure in IMAKI_PUBLISHED.items())
    print(f"\nImaki et al., European: exact {exact:.7f}; published {published}")
    for who, (difference, error) in over.items():
        print(f"  {who:22} {exact + difference:.7f} +- {error:.7f}")
    print(f"  trained in {seconds}")
    premium, error = exact + over["network"][0], over["network"][1]
    detail = {
        "untrained": exact + over["untrained"][0],
        "exact": exact,
        "paths": TEST_PATHS,
    } | IMAKI_PUBLISHED
    yield Measurement("deep_hedging.imaki_european", "premium", premium, detail=detail)
    yield Measurement("deep_hedging.imaki_european_error", "premium", error)
    yield Measurement("deep_hedging.imaki_seconds", "s", seconds["processor_seconds"], detail=seconds)


def judged_frontier() -> Iterator[Measurement]:
    """Print what one network for a range of costs and aversions closes of each gap, and yield the shares."""
    network, seconds = trained(frontier(), FRONTIER_PLAN)
    print(
        f"\nMarket A, one network for costs of 5 to 200 bp and aversions of 0.3 to 2.5, trained in {seconds}"
    )
    for name, cost in COSTS.items():
        for aversion in (0.5, 1.0, 2.0):
            task = replace(market_a(cost), aversion=(aversion, aversion))
            policies = {
                "network": network.policy(), "untrained": NetworkBand(), "delta": DeltaImplied(),
                "programme": ProgrammeBand(programme_of(task)),
            }  # fmt: skip
            over = over_best(task, earned(task, policies, TEST_SEED, FRONTIER_PATHS))
            gap = over["delta"][0]
            shares = {who: 100.0 * (1.0 - over[who][0] / gap) for who in ("network", "untrained")}
            error = 100.0 * over["network"][1] / gap
            print(
                f"  {name:>5}, aversion {aversion:g}: closes {shares['network']:.2f} % +- {error:.2f} %, "
                f"untrained {shares['untrained']:.2f} %"
            )
            detail = {"error": error, "untrained_share": shares["untrained"], "gap": gap} | seconds
            label = f"deep_hedging.frontier_{name}_aversion_{aversion:g}"
            yield Measurement(label, "%", shares["network"], detail=detail)


def judged_exponent() -> Iterator[Measurement]:
    """Print what costs add to the risk, by the cost, and yield how far the network's slope is off."""
    network, seconds = trained(exponent(), EXPONENT_PLAN)
    without = optimum(replace(market_a(1.0), cost=(1e-12, 1e-12)))
    added: dict[str, list[float]] = {"programme": [], "network": []}
    for cost in EXPONENT_COSTS:
        task = market_a(cost)
        policies = {"network": network.policy(), "programme": ProgrammeBand(programme_of(task))}
        ((over, error),) = over_best(task, earned(task, policies, TEST_SEED, EXPONENT_PATHS)).values()
        exact = optimum(task) - without
        added["programme"].append(exact)
        added["network"].append(exact + over)
        print(f"  cost {cost:.6f}: adds {exact:.5f}, the network {exact + over:.5f} +- {error:.5f}")
    slopes = {
        who: float(np.polyfit(np.log(EXPONENT_COSTS), np.log(risk), 1)[0]) for who, risk in added.items()
    }
    print(f"cost exponent: {slopes}, trained in {seconds}")
    off = abs(slopes["network"] - slopes["programme"])
    yield Measurement("deep_hedging.cost_exponent", "slope", off, detail=slopes | seconds)


if __name__ == "__main__":
    for _ in measure():
        pass
