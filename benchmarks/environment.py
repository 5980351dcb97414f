"""How many steps a second the reinforcement-learning environment takes, before any policy.

A step is one market going one decision further: its band, trade, books, accounting P&L and reward, the same
for the uncorrected band that rewards are paired with, and the observation. Fresh markets are simulated,
their Greeks and bands computed, within the time: as many steps are counted as are taken.

`python -m benchmarks.run environment`.
"""

from collections.abc import Iterator
from time import process_time

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.timing import clocked, interleaved
from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import SimulatedMarkets
from pipeline.deep.desk_task import task_of
from pipeline.domain.desk import load_desk

MARKETS, LIVES, ROUNDS = 16_384, 4, 7
TASK = task_of(load_desk("spx-daily"), (0.2, 0.2))


def measure() -> Iterator[Measurement]:
    """Step all markets from deal to deal without a correction."""
    markets = HedgingMarkets(SimulatedMarkets(TASK, MARKETS), seed=1)
    nothing = np.zeros((MARKETS, 2))
    steps = MARKETS * TASK.steps * LIVES

    def live() -> None:
        for _ in range(TASK.steps * LIVES):
            markets.step(nothing)

    live()
    before = process_time()
    timing = interleaved({"ours": clocked(live)}, rounds=ROUNDS)["ours"]
    processor = (ROUNDS + 1) * steps / (process_time() - before)
    detail = {"markets": MARKETS, "steps_a_processor_second": processor}
    yield Measurement(
        "environment.steps", "steps/s", steps / timing.best, timings={"ours": timing}, detail=detail
    )
