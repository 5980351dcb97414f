"""A live decision of every kind of trained network, beside the policy's own arrays and PyTorch's answers.

The networks are those of `hedge train` (two hidden layers of 24 units, behind a GRU of 16 units where they
remember) with a last layer drawn at random: bands, bands with a pace, positions, each plain and recurrent,
and the slope of quotes. Timed is a whole decision of `policies.live_network`, from forward, strike, time and
volatility to the edges, and the policy's own `band` on a state of one episode and one time. Along 200 paths
of 21 decisions counts the largest difference of an edge, or a speed, from PyTorch's network, whose weights
are in single precision, and from the policy's arrays.

A network that sees `engineered_state` too is asked as a desk within the day asks it (`policies.live_band`),
by an `OptionState`; in the live loop the state is compiled code's own. Then every policy that goes live
without a compiled form, by a batch of one.

`python -m benchmarks.run live_band`; half a minute, a minute where nothing is compiled yet.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Final

import numpy as np
import torch

from benchmarks.measurement import Measurement
from pipeline.deep.band_network import BandNetwork
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.path_task import PathTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.deep.task import Answer, HedgingTask
from pipeline.domain.edges import Edges
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.domain.option_state import OptionState
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.checkpoint import POLICY, Checkpoint, Learned
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.live_choice import FITTED
from pipeline.policies.live_network import LiveNetwork
from pipeline.policies.network import Layer, Network, matrix, row
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.network_slope import MOST_SLOPE, NetworkSlope, slope_inputs
from pipeline.policies.one_option import OfOneOption, answer_of, by_arrays
from pipeline.policies.regime_map import RegimeMap
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes

CALLS, SLOW_CALLS, ROUNDS, PATHS = 2000, 200, 15, 200
CALL = Liability.of("call", "short")
PLAN = TrainingPlan(paths=4096, hidden=(24, 24), seed=7)
OPTION = HedgingTask(
    process=BlackScholes(volatility=0.2),
    volatility=(0.1, 0.4),
    liability=CALL,
    strike=100.0,
    steps=21,
    interval=1 / 252,
    cost=(5e-4, 2e-3),
    aversion=(0.5, 2.0),
)
PUSHED = Frictions(impact=2e-3, memory=0.5)
FORMS: Final[dict[str, tuple[Answer, Frictions]]] = {
    "band": ("band", NONE),
    "paced_band": ("band", PUSHED),
    "position": ("position", NONE),
}


def measure() -> Iterator[Measurement]:
    """Time each, and compare with PyTorch and with arrays."""
    print(f"{'':22}{'decision':>12}{'by arrays':>12}{'off PyTorch':>14}{'off arrays':>13}")
    for name, (answer, frictions) in FORMS.items():
        option = replace(OPTION, answer=answer, frictions=frictions)
        yield from judged(name, option, option)
        remembers = PathTask(option=option, ratio=(0.83, 1.23), moves=((0.97, 0.03), (0.01, 0.99)))
        yield from judged(f"recurrent_{name}", option, remembers)
    yield from sloped()
    yield from within_the_day()


def judged(name: str, option: HedgingTask, learns: HedgingTask | PathTask) -> Iterator[Measurement]:
    """Judge what goes live of a network that a task would teach."""
    torch.manual_seed(7)
    network, condition = learns.learner(PLAN), option.middle
    drawn(network)
    if isinstance(learns, PathTask):
        paths = learns.paths(PATHS, condition, seed=7, first=0)
        spot, columns = paths.spot, learns.columns(paths, condition)
    else:
        spot = learns.paths(PATHS, condition, seed=7, first=0)
        columns = tuple(map(torch.from_numpy, learns.prior_on(spot, condition)))
    with torch.no_grad():
        answers = network.edges(*columns) if isinstance(network, BandNetwork) else network.band(*columns)
    theirs = torch.stack([each.reshape(PATHS, -1) for each in answers if each is not None], dim=-1)
    policy = Checkpoint("", {}, network.arrays()).policy()
    yield from compared(name, policy, option.state_on(spot, condition)[0], option.cut(theirs).numpy())


def sloped() -> Iterator[Measurement]:
    """Judge the slope of quotes, which is no task of simulated markets."""
    torch.manual_seed(7)
    network = SequenceNetwork(3, 1, PLAN.hidden, Shape("position", most=MOST_SLOPE))
    drawn(network)
    condition = OPTION.middle
    state, _ = OPTION.state_on(OPTION.paths(PATHS, condition, seed=7, first=0), condition)
    terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol)
    delta = black.delta("call", *terms)
    seen = torch.from_numpy(slope_inputs(delta, *terms[2:]))
    network.fit_scaling(seen.flatten(0, 1))
    with torch.no_grad():
        slope = network.positions(seen)[..., 0].numpy()
    hedge = delta + black.vega(*terms) / (state.forward * np.sqrt(state.time_to_expiry)) * slope
    policy = Checkpoint("", {POLICY: NetworkSlope.name}, network.arrays()).policy()
    yield from compared("slope", policy, state, np.stack([hedge, hedge], axis=-1))


def drawn(network: BandNetwork | SequenceNetwork) -> None:
    """Draw the last layer, which training starts from zero."""
    for parameter in network.layers[-1].parameters():
        torch.nn.init.normal_(parameter, std=0.3)


def compared(name: str, policy: Learned, state: MarketState, theirs: FloatArray) -> Iterator[Measurement]:
    """Ask one decision after another; `theirs` [N, T, 2 or 3] are PyTorch's edges, and speed."""
    live = LiveNetwork(policy, state.liability, state.desk_cost, float(state.risk_aversion), state.interval)
    impact = np.broadcast_to(state.impact, state.shape)
    price = state.price[..., 0]
    option = (
        state.forward,
        state.strike,
        state.time_to_expiry,
        state.implied_vol,
        price,
        state.forward_slope,
    )
    found = np.array([along(live, told) for told in np.stack([*option, impact], axis=-1).tolist()])
    band = policy.band(state)
    arrays = np.stack([getattr(band, edge)[..., 0] for edge in Edges._fields], axis=-1)
    off = float(np.abs(found[..., [0, 1, 4][: theirs.shape[-1]]] - theirs).max())
    apart = float(np.abs(found - arrays).max())
    one = state.episodes(slice(0, 1)).until(0)
    first = [float(each[0, 0]) for each in (*option, impact)]
    took = microseconds(lambda: live(*first))
    batch = microseconds(lambda: policy.band(one), SLOW_CALLS)
    print(f"{name:22}{took:9.2f} µs{batch:9.0f} µs{off:14.1e}{apart:13.1e}", flush=True)
    yield Measurement(f"live_band.{name}", "µs", took, detail={"batch_of_one": batch, "off_arrays": apart})
    yield Measurement(f"live_band.{name}_against_torch", "1", off, detail={"decisions": price.size})


def along(live: LiveNetwork, path: list[list[float]]) -> list[Edges]:
    """Return what is decided along a path."""
    live.deal()
    return [live(*told) for told in path]


def within_the_day() -> Iterator[Measurement]:
    """Time a decision of a network that sees all that it may."""
    rng, width = np.random.default_rng(7), len(INPUTS) + len(COLUMNS)
    weights = [rng.normal(0.0, into**-0.5, (out, into)) for into, out in pairwise((width, 24, 24, 2))]
    layers = tuple(Layer(matrix(each), row(np.zeros(len(each)))) for each in weights)
    ends = ((0.0,) * width, (1.0,) * width, (-9.0,) * width, (9.0,) * width)
    policy = NetworkBand(Network(layers, *ends), tuple(COLUMNS))
    cost = OPTION.middle.cost
    state = OptionState(
        **dict.fromkeys(OptionState._fields, 0.2)
        | {"liability": CALL, "forward": 101.0, "strike": 100.0, "cost": cost, "desk_cost": cost}
        | {"regime_prob": np.full(2, 0.5), "regime_moves": np.full((2, 2), 0.5)}
        | {"regime_variance": np.ones(2), "unwind": True, "fixed_fee": 0.0, "step": 0}
    )
    live = answer_of(policy, CALL)
    off = float(np.abs(np.subtract(live(state), by_arrays(policy, state))).max())
    took = microseconds(lambda: live(state))
    batch = microseconds(lambda: by_arrays(policy, state), SLOW_CALLS)
    print(f"within the day: decision {took:.2f} µs, by a batch of one {batch:.0f} µs, difference {off:.2g}")
    yield Measurement("live_band.within_the_day", "µs", took, detail={"batch_of_one": batch, "off": off})
    simple = {name: POLICIES[name]() for name in sorted(FITTED - {RegimeMap.name})}
    asked = {
        name: answer_of(each, CALL) for name, each in simple.items() if not isinstance(each, OfOneOption)
    }
    took_by = {name: microseconds(partial(answer, state), SLOW_CALLS) for name, answer in asked.items()}
    print(", ".join(f"{name} {each:.0f} µs" for name, each in took_by.items()))
    yield Measurement("live_band.batch_of_one", "µs", max(took_by.values()), detail=took_by)


def microseconds(work: Callable[[], object], calls: int = CALLS) -> float:
    """Return the least time of a call over some rounds: what it takes when nothing else wants the machine."""
    work()
    best = np.inf
    for _ in range(ROUNDS):
        started = perf_counter()
        for _ in range(calls):
            work()
        best = min(best, perf_counter() - started)
    return 1e6 * best / calls


if __name__ == "__main__":
    for _ in measure():
        pass
