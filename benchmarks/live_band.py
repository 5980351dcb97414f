"""A decision of a trained network, one market state at a time, beside PyTorch and a batch of one.

The network of `network_band` (two hidden layers of 24 units) with weights drawn at random; 1 000 states.
Timed are the whole decision of `policies.live_band`, from forward, strike, time and volatility to the edges,
the network's answer alone as `policies.network` gives it to a batch of one, and the decision by
`NetworkBand.band` on a state of one episode and one time. Against PyTorch counts the largest difference of an
answer; its weights are in single precision there.

`python -m benchmarks.run live_band`; half a minute.
"""

from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
import torch

from benchmarks.measurement import Measurement
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.band_network import BandNetwork
from pipeline.domain.instruments import Liability
from pipeline.policies.live_band import LiveBand
from pipeline.policies.network_band import INPUTS, NetworkBand

CALLS, ROUNDS, STATES = 2000, 15, 1000
COST, AVERSION, STEP = 1e-3, 1.0, 1 / 252


def network() -> BandNetwork:
    """Return a network whose layers are all drawn."""
    torch.manual_seed(7)
    found = BandNetwork()
    for parameter in found.layers[-1].parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    found.fit_scaling(inputs())
    return found


def inputs() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(STATES, len(INPUTS)))


def microseconds(work: Callable[[], object]) -> float:
    """Return the least time of a call over some rounds: what it takes when nothing else wants the machine."""
    work()
    best = np.inf
    for _ in range(ROUNDS):
        started = perf_counter()
        for _ in range(CALLS):
            work()
        best = min(best, perf_counter() - started)
    return 1e6 * best / CALLS


def measure() -> Iterator[Measurement]:
    """Time each, and compare with PyTorch."""
    learned = network()
    plain, seen = learned.exported(), inputs()
    with torch.no_grad():
        theirs = learned(torch.from_numpy(seen)).numpy()
    off = float(np.abs(plain(seen) - theirs).max())
    policy, call, one = NetworkBand(plain), Liability.of("call", "short"), seen[:1]
    live = LiveBand(policy, call, COST, AVERSION, STEP)
    state, _ = simulated_episodes(
        np.array([[101.0, 102.0]]), 0.2, call, strike=100.0, interval=STEP, cost=COST, risk_aversion=AVERSION
    )
    found = {
        "network": microseconds(lambda: plain(one)),
        "decision": microseconds(lambda: live(101.0, 100.0, STEP, 0.2, 101.0)),
    }
    batch = microseconds(lambda: policy.band(state))
    print(f"largest difference from PyTorch {off:.2g}")
    took = ", ".join(f"{name} {each:.2f} µs" for name, each in found.items())
    print(f"{took}, by a batch of one {batch:.0f} µs")
    yield Measurement("live_band.against_torch", "1", off, detail={"states": STATES})
    for name, took in found.items():
        yield Measurement(f"live_band.{name}", "µs", took, detail={"batch_of_one": batch})


if __name__ == "__main__":
    for _ in measure():
        pass
