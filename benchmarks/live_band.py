"""A decision of a trained network, one market state at a time, beside PyTorch and a batch of one.

The network of `network_band` (two hidden layers of 24 units) with weights drawn at random; 1 000 states.
Timed are the whole decision of `policies.live_band`, from forward, strike, time and volatility to the edges,
the network's answer alone as `policies.network` gives it to a batch of one, and the decision by
`NetworkBand.band` on a state of one episode and one time. Against PyTorch counts the largest difference of an
answer; its weights are in single precision there.

The same for a network that sees `engineered_state` too, as a desk within the day asks it
(`policies.live_network`), by an `OptionState`; in the live loop the state is compiled code's own. Then
every policy that goes live without a compiled form, by a batch of one.

The same for `recurrent_band`, a GRU of 16 units before such layers: a decision of
`policies.live_recurrent_band`, its memory moved on, and the answers to 1 000 paths of 21 decisions.

`python -m benchmarks.run live_band`; a minute.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from time import perf_counter

import numpy as np
import torch

from benchmarks.measurement import Measurement
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.band_network import BandNetwork
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.domain.instruments import Liability
from pipeline.domain.option_state import OptionState
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.correction import corrected
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.live_band import LiveBand
from pipeline.policies.live_choice import FITTED
from pipeline.policies.live_recurrent_band import LiveRecurrentBand
from pipeline.policies.network import Layer, Network, matrix, row
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.one_option import OfOneOption, answer_of, by_arrays
from pipeline.policies.recurrent_band import PATH, RecurrentBand
from pipeline.policies.recurrent_network import RecurrentNetwork
from pipeline.policies.regime_map import RegimeMap

CALLS, ROUNDS, STATES = 2000, 15, 1000
UNITS, TIMES = 16, 21
COST, AVERSION, STEP = 1e-3, 1.0, 1 / 252


def network() -> BandNetwork:
    """Return a network whose layers are all drawn."""
    torch.manual_seed(7)
    found = BandNetwork()
    for parameter in found.layers[-1].parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    found.fit_scaling(inputs())
    return found


def within_the_day() -> Iterator[Measurement]:
    """Time a decision of a network that sees all that it may."""
    rng, width, call = np.random.default_rng(7), len(INPUTS) + len(COLUMNS), Liability.of("call", "short")
    weights = [rng.normal(0.0, into**-0.5, (out, into)) for into, out in pairwise((width, 24, 24, 2))]
    layers = tuple(Layer(matrix(each), row(np.zeros(len(each)))) for each in weights)
    ends = ((0.0,) * width, (1.0,) * width, (-9.0,) * width, (9.0,) * width)
    policy = NetworkBand(Network(layers, *ends), tuple(COLUMNS))
    state = OptionState(
        **dict.fromkeys(OptionState._fields, 0.2)
        | {"liability": call, "forward": 101.0, "strike": 100.0, "cost": COST, "desk_cost": COST}
        | {"regime_prob": np.full(2, 0.5), "regime_moves": np.full((2, 2), 0.5)}
        | {"regime_variance": np.ones(2), "unwind": True, "fixed_fee": 0.0, "step": 0}
    )
    live = answer_of(policy, call)
    off = float(np.abs(np.subtract(live(state), by_arrays(policy, state))).max())
    took, batch = microseconds(lambda: live(state)), microseconds(lambda: by_arrays(policy, state))
    print(f"within the day: decision {took:.2f} µs, by a batch of one {batch:.0f} µs, difference {off:.2g}")
    yield Measurement("live_band.within_the_day", "µs", took, detail={"batch_of_one": batch, "off": off})
    simple = {name: POLICIES[name]() for name in sorted(FITTED - {RegimeMap.name})}
    asked = {
        name: answer_of(each, call) for name, each in simple.items() if not isinstance(each, OfOneOption)
    }
    took_by = {name: microseconds(partial(answer, state)) for name, answer in asked.items()}
    print(", ".join(f"{name} {each:.0f} µs" for name, each in took_by.items()))
    yield Measurement("live_band.batch_of_one", "µs", max(took_by.values()), detail=took_by)


def inputs() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(STATES, len(INPUTS)))


def memory() -> SequenceNetwork:
    """Return a recurrent network whose layers are all drawn."""
    torch.manual_seed(7)
    shape = Shape(recurrent=UNITS, hears=len(PATH), near=True)
    found = SequenceNetwork(len(PATH) + len(INPUTS), 1, (24, 24), shape, starts_idle=False)
    found.fit_scaling(torch.from_numpy(paths()).flatten(0, 1))
    return found


def paths() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(STATES, TIMES, len(PATH) + len(INPUTS)))


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
    yield from within_the_day()
    yield from remembering(call)


def remembering(call: Liability) -> Iterator[Measurement]:
    """Time a decision of a recurrent network, and compare with PyTorch."""
    learned, seen = memory(), paths()
    plain = RecurrentNetwork.of_arrays(learned.arrays())
    dealt = np.broadcast_to(np.arange(TIMES) == 0, seen.shape[:2])
    answers = plain.layers(np.concatenate([plain.recalled(seen[..., :2], dealt), seen], axis=-1))
    center, half = corrected(
        np.zeros(dealt.shape), np.ones(dealt.shape), *np.moveaxis(np.tanh(answers), -1, 0)
    )
    with torch.no_grad():
        zeros = torch.zeros(*dealt.shape, 1, dtype=torch.float64)
        lower, upper, _ = learned.band(torch.from_numpy(seen), zeros, zeros + 1.0)
    apart = np.abs(lower.numpy()[..., 0] - center + half), np.abs(upper.numpy()[..., 0] - center - half)
    off = float(np.max(apart))
    live = LiveRecurrentBand(RecurrentBand(plain), call, COST, AVERSION, STEP)
    took = microseconds(lambda: live(101.0, 100.0, STEP, 0.2, 101.0))
    print(f"recurrent: largest difference from PyTorch {off:.2g} half-widths, decision {took:.2f} µs")
    yield Measurement("live_band.recurrent_against_torch", "1", off, detail={"paths": STATES, "times": TIMES})
    yield Measurement("live_band.recurrent_decision", "µs", took, detail={"units": UNITS})


if __name__ == "__main__":
    for _ in measure():
        pass
