"""The networks of time and price, while they learn: one corrects an analytic band, one answers a position."""

from itertools import pairwise
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.deep.learner import Learner
from pipeline.domain.instruments import FloatArray
from pipeline.policies.checkpoint import network_arrays
from pipeline.policies.correction import MOST_SHIFT, MOST_STRETCH
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, OPTION, NetworkBand
from pipeline.policies.network_position import NetworkPosition


class BandNetwork(Learner):
    """Corrections of an analytic band: `policies.network_band.NetworkBand` while it learns.

    Untrained it is the prior itself, for its last layer starts at zero.

    Parameters
    ----------
    hidden : units of each hidden layer.
    sees : what it sees beside `INPUTS`, see `NetworkBand`.
    paced : whether it also answers how fast the band is gone to.
    """

    inputs: ClassVar[tuple[str, ...]] = INPUTS
    answers: ClassVar[int] = 2

    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self, hidden: tuple[int, ...] = (24, 24), sees: tuple[str, ...] = (), *, paced: bool = False
    ) -> None:
        super().__init__()
        self.sees, seen = sees, len(self.inputs) + len(sees)
        sizes = (seen, *hidden, self.answers + paced)
        self.layers = nn.ModuleList(nn.Linear(into, out) for into, out in pairwise(sizes))
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)
        for name, value in (("mean", 0.0), ("scale", 1.0), ("low", 0.0), ("high", 0.0)):
            self.register_buffer(name, torch.full((seen,), value, dtype=torch.float64))

    def fit_scaling(self, inputs: FloatArray) -> None:
        """Take mean, deviation and range from inputs [M, F]; a column of one value has the scale 1."""
        low, high = inputs.min(axis=0), inputs.max(axis=0)
        columns = (inputs.mean(axis=0), np.where(high > low, inputs.std(axis=0), 1.0), low, high)
        for own, column in zip(self._scaling, columns, strict=True):
            own.copy_(torch.from_numpy(column))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the answers, of a band [..., 2] or paced [..., 3], for inputs [..., F]."""
        values = ((torch.clamp(inputs, self.low, self.high) - self.mean) / self.scale).float()
        for layer in self._linear[:-1]:
            values = nn.functional.silu(layer(values))
        answer: Tensor = self._linear[-1](values)
        return answer

    def edges(self, inputs: Tensor, center: Tensor, half_width: Tensor, *pace: Tensor) -> tuple[Tensor, ...]:
        """Return the edges of the corrected prior center ± half_width, uncut, as `NetworkBand` has them.

        Behind them of a paced one its speed, for the `pace` to the prior.
        """
        shift, stretch, *quicken = self(inputs).double().unbind(-1)
        return *near(center, half_width, shift, stretch), *map(quickened, pace, quicken)

    def exported(self) -> Network:
        """Return the network as plain numbers."""
        layers = tuple(
            Layer(tuple(map(tuple, layer.weight.tolist())), tuple(layer.bias.tolist()))
            for layer in self._linear
        )
        return Network(layers, *(tuple(row.tolist()) for row in self._scaling))

    def policy(self) -> NetworkBand | NetworkPosition:
        """Return the hedger that it is."""
        return NetworkBand(self.exported(), self.sees)

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Learner`."""
        return network_arrays(self.exported())

    @property
    def _linear(self) -> list[nn.Linear]:
        return [cast(nn.Linear, layer) for layer in self.layers]

    @property
    def _scaling(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.mean, self.scale, self.low, self.high


class PositionNetwork(BandNetwork):
    """Positions in the range of the option's delta: `policies.network_position` while it learns.

    Untrained it holds the middle of the range. Its prior is the range, center ± half_width.
    """

    inputs = OPTION
    answers = 1

    def edges(self, inputs: Tensor, center: Tensor, half_width: Tensor, *pace: Tensor) -> tuple[Tensor, ...]:
        """Return the position in the range center ± half_width, twice; it has no pace."""
        position = placed(center, half_width, self(inputs)[..., 0].double())
        return position, position

    def policy(self) -> NetworkPosition:
        """Return the hedger that it is."""
        return NetworkPosition(self.exported())


def placed(center: Tensor, half_width: Tensor, answer: Tensor) -> Tensor:
    """Return the position in a range center ± half_width, as `policies.network_position` has it."""
    return center + half_width * torch.tanh(answer)


def near(center: Tensor, half_width: Tensor, shift: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the edges of a band near the prior center ± half_width, as `policies.network_band` has them."""
    middle = center + half_width * MOST_SHIFT * torch.tanh(shift)
    half = half_width * torch.exp(MOST_STRETCH * torch.tanh(stretch))
    return middle - half, middle + half


def quickened(speed: Tensor, quicken: Tensor) -> Tensor:
    """Return the part of the way that speeds go in 4^(tanh c) steps, as `policies.network_band` has it."""
    return 1.0 - (1.0 - speed) ** torch.exp(MOST_STRETCH * torch.tanh(quicken))
