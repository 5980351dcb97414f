"""What the benchmarks of learned hedgers share: training, test paths, paired risks, known rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter, process_time
from typing import Any, ClassVar

import numpy as np
import torch

from pipeline.deep.learner import Net, Task
from pipeline.deep.market_task import Episodes, MarketTask
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork
from pipeline.deep.task import HedgingTask
from pipeline.deep.training import train
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.optimum.bands import bands_of
from pipeline.optimum.programme import Programme
from pipeline.policies.base import Untrained
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.simulate.black_scholes import BlackScholes

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
"""Networks that look at paths are trained on a GPU where there is one."""
TEST_SEED, CHUNK = 99, 50_000

Rule = Callable[[Episodes], FloatArray]
"""What a hedger earns, [N], on episodes."""


@dataclass(frozen=True)
class ProgrammeBand(Untrained):
    """The programme's own bands in a market of one volatility, not those between the rungs of a ladder."""

    name: ClassVar[str] = "programme"
    programme: Programme

    def band(self, state: MarketState) -> Band:
        """Return the optimal band at every decision time."""
        left = np.broadcast_to(len(state.step) - state.step, state.shape)
        moneyness = np.log(state.forward / state.strike)
        edges = bands_of(self.programme).edges(moneyness.ravel(), left.ravel())
        lower, upper = (edge.reshape(state.shape) for edge in edges)
        return Band.between(lower, upper)


@dataclass(frozen=True)
class ScaledWhalleyWilmott(Untrained):
    """Whalley and Wilmott's band at another volatility, and its half-width times a factor."""

    name: ClassVar[str] = "scaled_whalley_wilmott"
    volatility: float
    width: float

    def band(self, state: MarketState) -> Band:
        """Return the band."""
        vol = np.broadcast_to(self.volatility, state.shape)
        band = WhalleyWilmott().band(replace(state, implied_vol=vol))
        middle, half = 0.5 * (band.lower + band.upper), 0.5 * (band.upper - band.lower)
        return Band.around(middle[..., 0], self.width * half[..., 0])


def prior_of(
    liability: Liability, volatility: float, *, steps: int, interval: float, cost: float, aversion: float
) -> HedgingTask:
    """Return whose Zakamouline band a `MarketTask` starts from: an option on 100, told one volatility."""
    return HedgingTask(
        process=BlackScholes(volatility=volatility),
        volatility=(volatility, volatility),
        liability=liability,
        strike=100.0,
        steps=steps,
        interval=interval,
        cost=(cost, cost),
        aversion=(aversion, aversion),
    )


def trained(task: Task[Net, Any], plan: TrainingPlan) -> tuple[Net, dict[str, float | str]]:
    """Train a network, compilation not counted; return it with seconds of processor and wall."""
    train(NetworkTrainer(task, replace(plan, steps=1)))
    before, wall = process_time(), perf_counter()
    network = train(NetworkTrainer(task, plan)).learned
    seconds = {"processor_seconds": process_time() - before, "wall_seconds": perf_counter() - wall}
    device = torch.cuda.get_device_name() if plan.device == "cuda" else "processor"
    return network, seconds | {"device": device}


def tested(task: MarketTask, paths: int, *rules: Rule) -> tuple[FloatArray, ...]:
    """Return what each rule makes of the same test episodes, [N] each; they come in chunks."""
    found: list[list[FloatArray]] = [[] for _ in rules]
    for first in range(0, paths, CHUNK):
        episodes = task.episodes(min(CHUNK, paths), seed=TEST_SEED, first=first, device=DEVICE)
        for parts, rule in zip(found, rules, strict=True):
            parts.append(rule(episodes))
    return tuple(np.concatenate(parts) for parts in found)


def earned(task: MarketTask, network: SequenceNetwork) -> Rule:
    """Return the P&L of a network as a rule of `tested`."""

    def rule(episodes: Episodes) -> FloatArray:
        with torch.no_grad():
            return np.asarray(task.pnl(network.to(DEVICE), episodes).cpu().numpy())

    return rule


def excess(ours: FloatArray, best: FloatArray, aversion: float) -> tuple[float, float]:
    """Return the entropic risk of one P&L [N] less another's, and its standard error by the delta method."""
    losses, least = np.exp(-aversion * ours), np.exp(-aversion * best)
    ratio = losses.mean() / least.mean()
    error = (losses - ratio * least).std() / np.sqrt(len(losses)) / losses.mean()
    return float(np.log(ratio) / aversion), float(error / aversion)


def entropic(pnl: FloatArray, aversion: float) -> tuple[float, float]:
    """Return the entropic risk of a P&L [N] and its standard error."""
    return excess(pnl, np.zeros_like(pnl), aversion)
