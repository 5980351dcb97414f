"""How many steps a second the reinforcement-learning environment takes, before any policy.

A step is one market going one decision further: its band, trade, books, accounting P&L and reward, the same
for the uncorrected band that rewards are paired with, and the observation. Fresh markets are simulated,
their Greeks and bands computed, within the time: as many steps are counted as are taken. With frictions the
market switches regimes, spread and depth follow them, impact lasts, orders are a step late and filled in
part. Options of a chain are dealt in turn, in groups, and closed after five steps.

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
from pipeline.deep.desk_task import learned_task, task_of
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.options_task import SimulatedTask
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.desk import load_desk
from pipeline.domain.desk_file import load_any
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.simulate.switching import MarkovSwitching

MARKETS, STEPS, ROUNDS, GROUPS = 16_384, 84, 7, 8
TASK = task_of(load_desk("spx-daily"), (0.2, 0.2))
LIQUIDITY = RegimeLiquidity(half_spread=(1e-4, 10e-4), depth=(5.0, 0.3))
FRICTIONS = Frictions(impact=1e-3, memory=0.5, delay=1, liquidity=LIQUIDITY, partial=True)


def measure() -> Iterator[Measurement]:
    """Step all markets without a correction: without frictions, with all, and those of many options."""
    chain = load_any("spx-chain")
    assert isinstance(chain, ChainDesk)
    yield _measured("steps", TASK)
    yield _measured("steps_with_frictions", replace(TASK, process=MarkovSwitching(), frictions=FRICTIONS))
    yield _measured("steps_of_options", learned_task(chain, (0.2, 0.2)), GROUPS)


def _measured(name: str, task: SimulatedTask, groups: int = 1) -> Measurement:
    smooth = task.options[0].frictions == NONE
    markets = HedgingMarkets(
        SimulatedMarkets(task, MARKETS, groups), answer="correction" if smooth else "paced", seed=1
    )
    nothing = np.zeros((MARKETS, 2 if smooth else 3))
    steps = MARKETS * STEPS

    def live() -> None:
        for _ in range(STEPS):
            markets.step(nothing)

    live()
    before = process_time()
    timing = interleaved({"ours": clocked(live)}, rounds=ROUNDS)["ours"]
    processor = (ROUNDS + 1) * steps / (process_time() - before)
    detail = {"markets": MARKETS, "steps_a_processor_second": processor}
    return Measurement(
        f"environment.{name}", "steps/s", steps / timing.best, timings={"ours": timing}, detail=detail
    )
