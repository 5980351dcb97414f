"""The exact optima of both known markets, and the seconds and memory that they take.

Market A and Market B as published (`tests/optimum`): risk solved by the dynamic programme less the published
figure, in per cent of it. The belief-state optimum was published as a mean over simulated paths, on which the
known regime's stood .006 below its exact value. Timed is one solve with the grid that the policies use, the
worst of both costs, at best of five, compilation not counted; memory is that of a fresh process that solves.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from itertools import product

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.timing import clocked, interleaved
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Grid, Programme
from pipeline.optimum.solution import solve

MARKET_A = {"0bp": (0.0, 2.35331), "1bp": (1e-4, 2.3796), "10bp": (1e-3, 2.5755), "100bp": (1e-2, 4.0304)}
MARKET_B = {
    ("regime", "10bp"): (1e-3, 5.457),
    ("regime", "50bp"): (5e-3, 6.413),
    ("prices", "10bp"): (1e-3, 5.466),
    ("prices", "50bp"): (5e-3, 6.419),
}
GRID = Grid(points=1.25)
SEEN = {"regime": "known", "prices": "belief"}
GIB = 2.0**20


def market_a(cost: float) -> Programme:
    """Return Market A: one volatility."""
    return Programme(Dynamics.black_scholes(0.2, cost=cost, interval=1 / 365), 100.0, 30)


def market_b(seen: str, cost: float) -> Programme:
    """Return Market B: two regimes, known or filtered from prices."""
    moves = np.array([[0.98, 0.02], [0.05, 0.95]])
    market = Dynamics.switching(np.array([0.12, 0.35]), moves, cost=cost, interval=1 / 252)
    return Programme(market, 100.0, 60, "regime" if seen == "regime" else "prices", grid=GRID)


def measure() -> Iterator[Measurement]:
    """Solve every published market, time the slower of two costs, and weigh a process that solves."""
    for name, (cost, published) in MARKET_A.items():
        risk = 100.0 * solve(market_a(cost)).risk(1.0, np.ones(1))
        yield judged(f"optimum.market_a_{name}", risk, published)
    for (seen, name), (cost, published) in MARKET_B.items():
        risk = 100.0 * solve(market_b(seen, cost)).risk(1.0, np.array([5 / 7, 2 / 7]))
        yield judged(f"optimum.market_b_{SEEN[seen]}_{name}", risk, published)
    jobs = {
        f"{seen}_{cost:g}": clocked(lambda seen=seen, cost=cost: solve(market_b(seen, cost)))
        for seen, cost in product(SEEN, (1e-3, 5e-3))
    }
    timings = interleaved(jobs, rounds=5)
    for seen, name in SEEN.items():
        slowest = max((timings[f"{seen}_{cost:g}"] for cost in (1e-3, 5e-3)), key=lambda each: each.best)
        yield Measurement.of_timings(f"optimum.{name}_seconds", slowest)
    yield Measurement("optimum.peak_memory", "GiB", memory())


def judged(name: str, risk: float, published: float) -> Measurement:
    """Print and return how far the solved risk is from the published one, in per cent."""
    off = 100.0 * abs(risk / published - 1.0)
    print(f"{name:32} published {published:.5f}  ours {risk:.5f}  off {off:.4f} %")
    return Measurement(name, "%", off, detail={"published": published, "ours": risk})


def memory() -> float:
    """Return the most memory that a process holds which solves Market B from prices, in GiB."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.optimum"], capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    solve(market_b("prices", 5e-3))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB)
