"""One decision of a trained recurrent network at a time, its memory kept: one compiled call."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.kept import kept
from pipeline.policies.live_band import checked
from pipeline.policies.live_network import constants, near, prior
from pipeline.policies.network import forward as answer_rows
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.recurrent_network import step


@dataclass(frozen=True)
class LiveRecurrentBand:
    """A `RecurrentBand` for one option from its deal on: the same bands to 1e-12, one decision after another.

    It is compiled when it is made, which takes seconds at first; a call takes microseconds, however long the
    path. A call that fails leaves what is remembered as it was.

    Attributes
    ----------
    policy, liability, cost, aversion, interval, rate : as in `LiveBand`.

    Raises
    ------
    PolicyError
        The policy has no network, or answers impact, which is not told here.
    """

    policy: RecurrentBand
    liability: Liability
    cost: float
    aversion: float
    interval: float
    rate: float = 0.0
    _kept: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.policy.network is None:
            raise PolicyError(f"policy {self.policy.name}: no network to decide with: train one")
        if self.policy.paced:
            raise PolicyError(f"policy {self.policy.name}: its pace answers impact: ask its band")
        units = self.policy.network.gru.sizes[1]
        object.__setattr__(self, "_kept", np.empty(units + 2))
        self.deal()
        self(100.0, 100.0, self.interval, 0.2, 100.0)
        self.deal()

    def deal(self) -> None:
        """Forget: the next decision is the first of an option."""
        self._kept[:-2] = 0.0
        self._kept[-2:] = math.nan

    def __call__(
        self, forward: float, strike: float, time: float, vol: float, price: float, slope: float = 1.0
    ) -> tuple[float, float]:
        """Return the edges of the no-trade band at the next decision, and remember it.

        Parameters and errors are those of `LiveBand`.
        """
        state = (forward, strike, time, vol, price, slope)
        return checked(self._decide(*state), state, self.policy.name)

    @cached_property
    def _decide(self) -> Callable[..., tuple[float, float]]:
        network = self.policy.network
        assert network is not None
        desk = (self.cost, self.aversion, self.interval, self.rate)
        layers = (network.layers.scaling, network.layers.numbers)
        given = (*desk, *constants(self.liability), *layers, network.gru.arrays, self._kept)

        def decide(*state: float) -> tuple[float, float]:
            found: tuple[float, float] = _band(*state, *given)
            return found

        return decide


@kept(error_model="numpy")
def _band(
    forward: float,
    strike: float,
    time: float,
    vol: float,
    price: float,
    slope: float,
    cost: float,
    aversion: float,
    interval: float,
    rate: float,
    ends: FloatArray,
    legs: FloatArray,
    scaling: FloatArray,
    layers: FloatArray,
    gru: Any,
    kept: FloatArray,
) -> tuple[float, float]:
    """`RecurrentBand.band` of one option at one time.

    `kept` is the state of the GRU, then the logarithm of the last forward and the deviation of a step that it
    was marked at, NaN before the first decision.
    """
    units = len(kept) - 2
    seen, answer = np.empty((1, scaling.shape[1])), np.empty((1, 2))
    heard, gates = np.empty(2), np.empty((2, 3 * units))
    option, desk = (forward, strike, time, vol, price, slope), (cost, aversion, interval, rate)
    center, half, low, high = prior(*option, *desk, ends, legs, seen[0, units + 2 :])
    if math.isnan(center) or math.isnan(half):
        return math.nan, math.nan
    level = math.log(forward)
    move = 0.0 if math.isnan(kept[units]) else (level - kept[units]) / kept[units + 1]
    seen[0, units], seen[0, units + 1] = move, abs(move)
    for k in range(2):
        value = min(max(seen[0, units + k], scaling[2, units + k]), scaling[3, units + k])
        heard[k] = (value - scaling[0, units + k]) / scaling[1, units + k]
    step(heard, gru[0], gru[1], gru[2], gru[3], kept[:units], gates)
    kept[units], kept[units + 1] = level, vol * math.sqrt(interval)
    seen[0, :units] = kept[:units]
    answer_rows(seen, layers, answer)
    edges: tuple[float, float] = near(center, half, low, high, answer[0])
    return edges
