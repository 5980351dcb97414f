"""A small trained network as plain numbers: what it answers without the library that trained it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from pipeline.domain.errors import PolicyError, StoreError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.rows import in_blocks

LAYERS = "network.layers."
"""Names of the arrays of layers along paths in a checkpoint: those that PyTorch gives them."""
Row = tuple[float, ...]
Matrix = tuple[Row, ...]


def row(values: FloatArray) -> Row:
    """Return an array [N] as plain numbers."""
    return tuple(map(float, values))


def matrix(values: FloatArray) -> Matrix:
    """Return an array [M, N] as plain numbers."""
    return tuple(map(row, values))


@dataclass(frozen=True)
class Layer:
    """An affine map y = W x + b: `weight` is [out, in], `bias` is [out]."""

    weight: Matrix
    bias: Row


@dataclass(frozen=True)
class Network:
    """Affine layers with x ↦ x/(1 + e^(−x)) between them, on inputs that are standardised first.

    z = (min(max(x, low), high) − mean)/scale. Beyond what training saw an input stays at the edge of it.

    Attributes
    ----------
    layers : the first takes F inputs.
    mean, scale, low, high : [F] each, of the inputs in training.

    Raises
    ------
    PolicyError
        Sizes do not fit each other, a number is not finite, or a scale is not positive.

    References
    ----------
    Elfwing, Uchibe and Doya (2018), eq. 5, for the activation.

    Examples
    --------
    >>> net = Network((Layer(((2.0,),), (1.0,)),), (0.0,), (1.0,), (-1.0,), (1.0,))
    >>> net(np.array([[0.5], [7.0]]))
    array([[2.],
           [3.]])
    """

    layers: tuple[Layer, ...]
    mean: Row
    scale: Row
    low: Row
    high: Row

    def __post_init__(self) -> None:
        width = len(self.mean)
        for layer in self.layers:
            weight, bias = np.array(layer.weight), layer.bias
            if weight.shape != (len(bias), width):
                raise PolicyError(f"network: a layer of {weight.shape} after {width} values: damaged")
            width = len(bias)
        if not np.isfinite(self.numbers).all() or not (self.scaling[1] > 0.0).all():
            raise PolicyError("network: a weight is not finite or a scale not positive: train it again")

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of inputs and outputs."""
        return len(self.mean), len(self.layers[-1].bias)

    @property
    def scaling(self) -> FloatArray:
        """Mean, scale, low and high, [4, F]."""
        return np.array([self.mean, self.scale, self.low, self.high])

    @cached_property
    def numbers(self) -> FloatArray:
        """All of it in one array for `forward`: how many layers, widths, `scaling`, each layer's W' and b."""
        widths = [len(self.layers), len(self.mean), *(len(layer.bias) for layer in self.layers)]
        layers = [each for layer in self.layers for each in (np.array(layer.weight).T.ravel(), layer.bias)]
        return np.concatenate([widths, self.scaling.ravel(), *layers], dtype=np.float64)

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """Return the outputs [..., O] of inputs [..., F]; a row's result does not depend on other rows.

        Raises
        ------
        PolicyError
            An input is NaN.
        """
        rows = np.ascontiguousarray(inputs.reshape(-1, inputs.shape[-1]), dtype=np.float64)
        if np.isnan(rows).any():
            raise PolicyError("network: an input is NaN: look at the market state")
        out = np.empty((len(rows), len(self.layers[-1].bias)))
        most = max(len(self.mean), *(len(layer.bias) for layer in self.layers))

        def fill(block: slice) -> None:
            forward(rows[block], self.numbers, out[block])

        in_blocks(len(rows), most, fill)
        return out.reshape(*inputs.shape[:-1], out.shape[1])


def layers_of(arrays: Mapping[str, np.ndarray], cells: int = 0) -> Network:
    """Rebuild the layers of a network along paths from the arrays of a checkpoint.

    Parameters
    ----------
    cells : inputs in front of those that are seen, states in (−1, 1), which are not scaled.

    Raises
    ------
    StoreError, PolicyError
        Arrays are missing, or do not fit each other.
    """
    count = sum(name.startswith(LAYERS) and name.endswith(".weight") for name in arrays)
    try:
        layers = tuple(
            Layer(matrix(arrays[f"{LAYERS}{k}.weight"]), row(arrays[f"{LAYERS}{k}.bias"]))
            for k in range(count)
        )
        scaling = {"mean": 0.0, "scale": 1.0, "least": -1.0, "most": 1.0}
        return Network(
            layers, *((of,) * cells + row(arrays[f"network.{name}"]) for name, of in scaling.items())
        )
    except KeyError as missing:
        raise StoreError(f"the checkpoint lacks {missing}: train the network again") from None


@kept(nogil=True, error_model="numpy")
def forward(rows: FloatArray, numbers: FloatArray, out: FloatArray) -> None:
    """Write the first outputs of rows [N, F] into `out` [N, O]; `numbers` are a network's."""
    layers = int(numbers[0])
    widths, width = numbers[1 : layers + 2], int(numbers[1])
    most, start = int(widths.max()), layers + 2 + 4 * width
    scaling = numbers[layers + 2 : start].reshape(4, width)
    mean, scale, low, high = scaling[0], scaling[1], scaling[2], scaling[3]
    now, then = np.empty(most), np.empty(most)
    for i in range(rows.shape[0]):
        for f in range(width):
            now[f] = (min(max(rows[i, f], low[f]), high[f]) - mean[f]) / scale[f]
        place = start
        for k in range(layers):
            into, wide = int(widths[k]), int(widths[k + 1])
            weight = numbers[place : place + into * wide].reshape(into, wide)
            bias = numbers[place + into * wide : place + (into + 1) * wide]
            for o in range(wide):
                then[o] = bias[o]
            for f in range(into):
                value = now[f]
                for o in range(wide):
                    then[o] += value * weight[f, o]
            for o in range(wide):
                now[o] = then[o] / (1.0 + np.exp(-then[o])) if k < layers - 1 else then[o]
            place += (into + 1) * wide
        for o in range(out.shape[1]):
            out[i, o] = now[o]


class Sized(Protocol):
    """A network that says how many numbers it takes and answers with."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """What it reads, of each source, and its outputs."""


def check_sizes(policy: str, network: Sized | None, *fitting: tuple[int, ...]) -> None:
    """Refuse a policy's network whose sizes are none of those that fit it.

    Raises
    ------
    PolicyError
        Saying what is needed and what it is.
    """
    if network is not None and network.sizes not in fitting:
        raise PolicyError(
            f"policy {policy}: a network of inputs and outputs {' or '.join(map(str, fitting))} is needed, "
            f"this is {network.sizes}: train it again"
        )
