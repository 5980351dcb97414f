"""A million Heston paths of 30 steps: ours beside pfhedge's, both by the quadratic-exponential scheme.

pfhedge counts in single precision by default, which is its faster one and the one compared with, and leaves
the martingale correction out; ours is double and has it. Both price the same call before anything is timed.
The processor's own seconds of all threads stand beside the wall-clock time.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.kernel import on_one_core
from benchmarks.measurement import Measurement
from benchmarks.peer import Peer
from benchmarks.timing import clocked, interleaved
from pipeline.pricing.heston import HestonLaw, price
from pipeline.simulate.heston import Heston
from pipeline.simulate.paths import Paths

PATHS, STEPS, DT, SPOT = 1_000_000, 30, 1 / 365, 100.0
MARKET = Heston(spot=SPOT, start=0.04, mean=0.04, reversion=1.0, vol_of_vol=0.2, correlation=-0.7)
"""pfhedge's default parameters."""


def ours() -> Paths:
    """Simulate spot and variance of every path and step."""
    return MARKET.simulate(paths=PATHS, steps=STEPS, dt=DT, seed=1)


def measure() -> Iterator[Measurement]:
    """Compare both with the exact price of a call, then time them in turns."""
    law = HestonLaw(MARKET.mean, MARKET.reversion, MARKET.vol_of_vol, MARKET.correlation)
    exact = float(price("call", law, np.array([SPOT]), np.array([MARKET.start]), SPOT, STEPS * DT)[0])
    paid = np.maximum(ours().spot[:, -1] - SPOT, 0.0)
    error = float(paid.std() / np.sqrt(PATHS))
    assert abs(paid.mean() - exact) < 4 * error
    with Peer("pfhedge_heston") as peer:
        market = {
            "start": MARKET.start,
            "kappa": MARKET.reversion,
            "theta": MARKET.mean,
            "sigma": MARKET.vol_of_vol,
            "rho": MARKET.correlation,
        }
        facts = peer.ask("set_up", paths=PATHS, steps=STEPS, dt=DT, **market)
        theirs = peer.ask("answer", strike=SPOT)
        assert abs(theirs["call"] - exact) < 4 * theirs["call_error"]
        timings = interleaved({"ours": clocked(ours), "peer": peer.round}, rounds=5)
        cores = interleaved(
            {"ours": on_one_core(ours), "peer": lambda: peer.ask("used")["seconds"]}, rounds=3
        )
    detail = {"exact": exact, "call": float(paid.mean()), "call_error": error, **facts}
    yield Measurement.of_timings("simulation.heston", timings["ours"], timings["peer"], **detail)
    yield Measurement.of_timings("simulation.heston_processor", cores["ours"], cores["peer"])
