"""Imaki et al.'s lookback option: a band network that sees the highest price, and its premium.

S = 1, K = 1.03, c = 10 bp, λ = 1, no unwind, their 28 steps and their drift (see `deep_hedging`); published
are .0182927 for their no-transaction-band network, with the option's delta as its prior, and .0188190 for a
plain one. Ours has no prior: two layers see time, price and the highest price until now. The plain one beside
it answers with a position from the one held. Printed beside is the exact optimum (`lookback_optimum`), which
lies above the published premium.

A premium is told from noise by control variates: gains without cost of the hedge itself, and of a hedge that
was trained without cost, have a mean of zero exactly, prices discounted by their drift. Test paths, seed 99.

`python -m benchmarks.run deep_lookback`; a minute with a GPU, half an hour on two cores.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.learned import CHUNK, DEVICE, TEST_SEED, earned, trained
from benchmarks.lookback_optimum import LookbackMarket, Mesh, premium
from benchmarks.measurement import Measurement
from pipeline.deep.band_hedge import band_pnl
from pipeline.deep.market_task import MarketTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import MeanSd
from pipeline.deep.sequence_network import Answer, SequenceNetwork, Shape
from pipeline.domain.instruments import FloatArray
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.payoffs import Lookback

STEPS, DT, VOLATILITY, STRIKE = 28, 1 / 365, 0.2, 1.03
DRIFT = -(VOLATILITY**2) / STEPS
COST = 1e-3
PUBLISHED = {"band": 0.0182927, "from_held": 0.0188190}
PLAN = TrainingPlan(steps=500, paths=2048, learning_rate=0.01, hidden=(24, 24), seed=7, device=DEVICE)
TEST_PATHS = 1_000_000
NEVER = 5.0
"""A cost at which nobody trades."""


def task_of(answer: Answer = "band", cost: float = COST) -> MarketTask:
    """Return the hedge of the lookback option."""
    return MarketTask(
        process=BlackScholes(spot=1.0, volatility=VOLATILITY, drift=DRIFT),
        owed=Lookback("call", STRIKE),
        steps=STEPS,
        interval=DT,
        cost=(cost,),
        sees=("left", "level", "standing", "highest"),
        shape=Shape(answer),
        unwind=False,
    )


def measure() -> Iterator[Measurement]:
    """Train, and yield the premium of the band and its standard error."""
    with threadpool_limits(limits=1):
        tasks = {answer: task_of(answer) for answer in PUBLISHED}
        learned = {answer: trained(task, PLAN) for answer, task in tasks.items()}
        free = replace(task_of("position", cost=0.0), risk=MeanSd(1.0))
        control, _ = trained(free, PLAN)
        losses, gains = on_test_paths(tasks, {answer: net for answer, (net, _) in learned.items()}, control)
    exact, never = (premium(market_at(cost), Mesh()) for cost in (COST, NEVER))
    print(f"\nImaki et al., lookback: exact {exact:.7f}, who never trades {never:.7f}, published {PUBLISHED}")
    premiums = {}
    for answer, loss in losses.items():
        premiums[answer] = controlled(loss, gains)
        print("  {:10} {:.7f} +- {:.7f}".format(answer, *premiums[answer]), learned[answer][1], flush=True)
    found, error = premiums["band"]
    detail = {"published": PUBLISHED["band"], "plain": premiums["from_held"][0], "paths": TEST_PATHS}
    detail |= {"exact": exact, "never": never}
    detail |= {"published_plain": PUBLISHED["from_held"]} | learned["band"][1]
    yield Measurement("deep_lookback.premium", "premium", found, detail=detail)
    yield Measurement("deep_lookback.premium_error", "premium", error)
    yield Measurement("deep_lookback.over_optimum", "premium", found - exact, detail={"error": error})


def market_at(cost: float) -> LookbackMarket:
    """Return the market of the option at a cost of trading."""
    return LookbackMarket(STEPS, DT, VOLATILITY, DRIFT, STRIKE, cost)


def on_test_paths(
    tasks: dict[Answer, MarketTask], networks: dict[Answer, SequenceNetwork], control: SequenceNetwork
) -> tuple[dict[Answer, FloatArray], FloatArray]:
    """Return exp(−P&L) [N] of each network, and gains [N, 2] whose mean is zero."""
    losses: dict[Answer, list[FloatArray]] = {answer: [] for answer in tasks}
    gains = []
    discount = np.exp(-DRIFT * DT * np.arange(STEPS + 1))[:, None]
    for first in range(0, TEST_PATHS, CHUNK):
        episodes = tasks["band"].episodes(CHUNK, seed=TEST_SEED, first=first, device=DEVICE)
        for answer, task in tasks.items():
            losses[answer].append(np.exp(-earned(task, networks[answer])(episodes)))
        with torch.no_grad():
            exact = control.to(DEVICE).positions(episodes.seen).cpu()
            edges = networks["band"].band(episodes.seen, episodes.center, episodes.half_width)[:2]
        martingale, free = episodes.price.cpu().numpy() * discount, np.zeros((CHUNK, 1))
        each = (exact, exact), tuple(edge.cpu() for edge in edges)
        gains.append(
            np.stack([band_pnl(*band, martingale, free, unwind=False).numpy() for band in each], axis=1)
        )
    return {answer: np.concatenate(parts) for answer, parts in losses.items()}, np.concatenate(gains)


def controlled(loss: FloatArray, gains: FloatArray) -> tuple[float, float]:
    """Return log E exp(−P&L) and its standard error, the mean corrected for that of the gains."""
    slope = np.linalg.lstsq(gains - gains.mean(axis=0), loss - loss.mean(), rcond=None)[0]
    corrected = loss - gains @ slope
    mean = corrected.mean()
    return float(np.log(mean)), float(corrected.std() / np.sqrt(len(loss)) / mean)


if __name__ == "__main__":
    for _ in measure():
        pass
