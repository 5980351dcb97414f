"""How many steps a second the reinforcement-learning environment takes, before any policy.

A step is one market going one decision further: its band, trade, books, accounting P&L and reward, the same
for the uncorrected band that rewards are paired with, and the observation. Fresh markets are simulated,
their Greeks and bands computed, within the time: as many steps are counted as are taken. With frictions the
market switches regimes, spread and depth follow them, impact lasts, orders are a step late and filled in
part.

`python -m benchmarks.run environment`.
"""

from collections.abc import Iterator
from dataclasses import replace
from time import process_time

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.timing import clocked, interleaved
from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import SimulatedMarkets
from pipeline.deep.desk_task import task_of
from pipeline.deep.frictions import Frictions
from pipeline.deep.task import HedgingTask
from pipeline.domain.desk import load_desk
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.simulate.switching import MarkovSwitching

MARKETS, LIVES, ROUNDS = 16_384, 4, 7
TASK = task_of(load_desk("spx-daily"), (0.2, 0.2))
LIQUIDITY = RegimeLiquidity(half_spread=(1e-4, 10e-4), depth=(5.0, 0.3))
FRICTIONS = Frictions(impact=1e-3, memory=0.5, delay=1, liquidity=LIQUIDITY, partial=True)


def measure() -> Iterator[Measurement]:
    """Step all markets from deal to deal without a correction, without frictions and with all of them."""
    yield _measured("steps", TASK)
    yield _measured("steps_with_frictions", replace(TASK, process=MarkovSwitching(), frictions=FRICTIONS))


def _measured(name: str, task: HedgingTask) -> Measurement:
    smooth = task == TASK
    markets = HedgingMarkets(
        SimulatedMarkets(task, MARKETS), answer="correction" if smooth else "paced", seed=1
    )
    nothing = np.zeros((MARKETS, 2 if smooth else 3))
    steps = MARKETS * task.steps * LIVES

    def live() -> None:
        for _ in range(task.steps * LIVES):
            markets.step(nothing)

    live()
    before = process_time()
    timing = interleaved({"ours": clocked(live)}, rounds=ROUNDS)["ours"]
    processor = (ROUNDS + 1) * steps / (process_time() - before)
    detail = {"markets": MARKETS, "steps_a_processor_second": processor}
    return Measurement(
        f"environment.{name}", "steps/s", steps / timing.best, timings={"ours": timing}, detail=detail
    )
