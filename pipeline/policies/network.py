"""A small trained network as plain numbers: what it answers without the library that trained it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
        weights, biases = self._arrays
        width = len(self.mean)
        for weight, bias in zip(weights, biases, strict=True):
            if weight.ndim != 2 or weight.shape != (width, len(bias)):
                raise PolicyError(f"network: a layer of {weight.shape[::-1]} after {width} values: damaged")
            width = len(bias)
        numbers = (*weights, *biases, *self._range)
        if not all(np.isfinite(each).all() for each in numbers) or not (self._range[1] > 0.0).all():
            raise PolicyError("network: a weight is not finite or a scale not positive: train it again")

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of inputs and outputs."""
        return len(self.mean), len(self.layers[-1].bias)

    @cached_property
    def _arrays(self) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
        """The layers' weights [in, out] and biases."""
        weights = tuple(np.ascontiguousarray(np.array(layer.weight).T) for layer in self.layers)
        return weights, tuple(np.array(layer.bias) for layer in self.layers)

    @cached_property
    def _range(self) -> FloatArray:
        return np.array([self.mean, self.scale, self.low, self.high])

    @property
    def arrays(self) -> tuple[FloatArray, tuple[FloatArray, ...], tuple[FloatArray, ...]]:
        """Return mean, scale, low and high [4, F], and the layers' weights [in, out] and biases."""
        return self._range, *self._arrays

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
        weights, biases = self._arrays
        out = np.empty((len(rows), len(biases[-1])))
        most = max(len(self.mean), *(len(bias) for bias in biases))

        def fill(block: slice) -> None:
            forward(rows[block], self._range, weights, biases, most, out[block])

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
def forward(
    rows: FloatArray, scaling: FloatArray, weights: Any, biases: Any, most: int, out: FloatArray
) -> None:
    """Write the outputs of rows [N, F] into `out` [N, O]; `most` is the width of the widest layer."""
    now, then = np.empty(most), np.empty(most)
    mean, scale, low, high = scaling[0], scaling[1], scaling[2], scaling[3]
    last = len(weights) - 1
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            now[f] = (min(max(rows[i, f], low[f]), high[f]) - mean[f]) / scale[f]
        for k in range(len(weights)):
            weight, bias = weights[k], biases[k]
            for o in range(len(bias)):
                then[o] = bias[o]
            for f in range(weight.shape[0]):
                value = now[f]
                for o in range(len(bias)):
                    then[o] += value * weight[f, o]
            for o in range(len(bias)):
                now[o] = then[o] / (1.0 + np.exp(-then[o])) if k < last else then[o]
        for o in range(out.shape[1]):
            out[i, o] = now[o]
