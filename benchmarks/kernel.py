"""Whalley–Wilmott on simulated paths, bands and P&L: the backtest kernel beside pfhedge and plain NumPy.

Both start from the same paths of the spot and end with the P&L of every path. pfhedge counts in single
precision by default, which is its faster one and the one compared with; ours is double. The unwind is not
charged here, for pfhedge cannot; the P&L of both agree before anything is timed.

Where other work fills the cores, torch's threads wait for each other and its wall-clock time says little: so
the processor's own seconds on one thread stand beside it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

from benchmarks.measurement import Measurement
from benchmarks.peer import Peer
from benchmarks.timing import Clocked, clocked, interleaved
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.band import Band
from pipeline.domain.instruments import Liability
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.simulate.black_scholes import BlackScholes

PATHS, STEPS, VOL, DT, COST, SPOT = 100_000, 30, 0.2, 1 / 365, 1e-3, 1.0


def in_numpy(market: Market, band: Band) -> np.ndarray:
    """P&L of all paths at once, step after step."""
    price, cost = market.price[..., 0], market.cost[..., 0]
    lower, upper = band.lower[..., 0], band.upper[..., 0]
    held = np.zeros(len(price))
    pnl = market.premium - market.payoff
    for k in range(lower.shape[1]):
        wanted = np.clip(held, lower[:, k], upper[:, k])
        pnl = pnl - cost[:, k] * np.abs(wanted - held) * price[:, k]
        held = wanted
        pnl = pnl + held * (price[:, k + 1] - price[:, k])
    return pnl


def on_one_core(work: Callable[[], object]) -> Clocked:
    """Return `work` as something that tells the seconds of processor that it used on a single core.

    Two threads on one core's two halves take more of them than one: so both sides run on one.
    """

    def run() -> float:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            started = process_time()
            work()
            return process_time() - started
        finally:
            os.sched_setaffinity(0, cores)

    return run


def measure() -> Iterator[Measurement]:
    """Time bands and P&L of both in turns, and the kernel alone against NumPy."""
    paths = BlackScholes(spot=SPOT, volatility=VOL).simulate(paths=PATHS, steps=STEPS, dt=DT, seed=1).spot
    state, market = simulated_episodes(
        paths, VOL, Liability.of("call", "short"), strike=SPOT, interval=DT, cost=COST, risk_aversion=1.0
    )
    market = replace(market, unwind=False)
    policy = WhalleyWilmott()
    band = policy.band(state)

    def ours() -> np.ndarray:
        return book(market, policy.band(state)).pnl

    np.testing.assert_allclose(ours(), in_numpy(market, band), rtol=1e-10, atol=1e-12)
    with Peer("pfhedge_whalley_wilmott") as peer, TemporaryDirectory() as folder:
        np.save(Path(folder) / "paths.npy", paths)
        facts = peer.ask("set_up", paths=f"{folder}/paths.npy", vol=VOL, dt=DT, strike=SPOT, cost=COST)
        peer.ask("answer", precision="float64", file=f"{folder}/pnl.npy")
        theirs = np.load(Path(folder) / "pnl.npy")
        np.testing.assert_allclose(ours(), theirs, rtol=1e-6, atol=1e-9)
        timings = interleaved(
            {
                "ours": clocked(ours),
                "peer": lambda: peer.round(precision="float32"),
                "kernel": clocked(lambda: book(market, band)),
                "numpy": clocked(lambda: in_numpy(market, band)),
            }
        )
        one = interleaved({"ours": on_one_core(ours), "peer": lambda: peer.ask("used")["seconds"]}, rounds=5)
    rates = {f"{who}_path_steps_a_second": PATHS * STEPS / timing.best for who, timing in timings.items()}
    yield Measurement.of_timings("kernel.whalley_wilmott", timings["ours"], timings["peer"], **facts, **rates)
    yield Measurement.of_timings("kernel.whalley_wilmott_on_one_core", one["ours"], one["peer"])
    yield Measurement.of_timings("kernel.given_bands_in_numpy", timings["kernel"], timings["numpy"])
