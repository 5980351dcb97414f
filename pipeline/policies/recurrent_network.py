"""A trained recurrent network as plain numbers: what it answers without the library that trained it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import PolicyError, StoreError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.rows import in_blocks
from pipeline.policies.network import Matrix, Network, Row, layers_of, matrix, row

GRU = "network.gru."
"""Names of the cells' arrays in a checkpoint: those that PyTorch gives them."""


@dataclass(frozen=True)
class Gru:
    r"""A gated recurrent unit of U cells that reads rows of F values one after another.

    .. math:: (r, z) = σ(W x_t + b + R h_{t-1} + d), \quad n = \tanh(W x_t + b + r (R h_{t-1} + d)), \quad
        h_t = (1 - z) n + z h_{t-1}

    each with its own third of the rows of W, R, b and d.

    Attributes
    ----------
    weight : [3U, F] W, the thirds in the order r, z, n.
    recurrent : [3U, U] R.
    bias, recurrent_bias : [3U] b and d.

    Raises
    ------
    PolicyError
        Sizes do not fit each other, or a number is not finite.

    References
    ----------
    Cho et al. (2014), eq. 5–8, in PyTorch's form.

    Examples
    --------
    >>> one = Gru(((0.5,),) * 3, ((0.5,),) * 3, (0.5,) * 3, (0.5,) * 3)
    >>> rows, dealt = np.ones((1, 3, 1)), np.array([[True, False, False]])
    >>> one(rows, dealt)[0, :, 0].round(3)
    array([0.162, 0.288, 0.389])
    """

    weight: Matrix
    recurrent: Matrix
    bias: Row
    recurrent_bias: Row

    def __post_init__(self) -> None:
        try:
            weight, recurrent, bias, recurrent_bias = self.arrays
            units = recurrent.shape[0]
            fits = (
                weight.shape[1:] == recurrent.shape[1:] == bias.shape == recurrent_bias.shape == (3 * units,)
            )
        except (ValueError, IndexError):
            fits = False
        if not fits or not all(np.isfinite(each).all() for each in self.arrays):
            raise PolicyError(
                "recurrent network: its sizes do not fit or a number is not finite: train it again"
            )

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of values in a row, and of cells."""
        return self.arrays[0].shape[0], self.arrays[1].shape[0]

    @cached_property
    def arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """W [F, 3U] and R [U, 3U] transposed, b and d."""
        weight, recurrent = (np.ascontiguousarray(np.array(each).T) for each in (self.weight, self.recurrent))
        return weight, recurrent, np.array(self.bias), np.array(self.recurrent_bias)

    def __call__(self, rows: FloatArray, dealt: NDArray[np.bool_]) -> FloatArray:
        """Return h after each row of paths [N, T, F], [N, T, U]; it is zero before a row that is `dealt`."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        units = self.sizes[1]
        out = np.empty((*rows.shape[:2], units))

        def fill(block: slice) -> None:
            _read(rows[block], dealt[block], *self.arrays, out[block])

        in_blocks(len(rows), rows.shape[1] * 3 * units, fill)
        return out


@dataclass(frozen=True)
class RecurrentNetwork:
    """A GRU that reads what happened, and layers that read its state, what it read, and the present.

    Columns are standardised as in `Network`, within what training saw of each.

    Attributes
    ----------
    gru : from the first columns.
    layers : from the state of the GRU and all columns.

    Raises
    ------
    PolicyError
        The layers do not take what the GRU gives.
    """

    gru: Gru
    layers: Network

    def __post_init__(self) -> None:
        heard, units = self.gru.sizes
        if self.layers.sizes[0] < heard + units:
            raise PolicyError("recurrent network: its layers lack what the GRU reads: train it again")

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of columns that the GRU reads, of columns beside them, and of outputs."""
        heard, units = self.gru.sizes
        inputs, outputs = self.layers.sizes
        return heard, inputs - units - heard, outputs

    def recalled(self, heard: FloatArray, dealt: NDArray[np.bool_]) -> FloatArray:
        """Return the state of the GRU [N, T, U] after each row of columns [N, T, F], see `Gru`.

        Raises
        ------
        PolicyError
            A column is NaN.
        """
        if np.isnan(heard).any():
            raise PolicyError("recurrent network: a column of the path is NaN: look at the market state")
        count, units = self.gru.sizes
        mean, scale, low, high = self.layers.scaling[:, units : units + count]
        return self.gru((np.clip(heard, low, high) - mean) / scale, dealt)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuild the network from the arrays of a checkpoint.

        Raises
        ------
        StoreError, PolicyError
            Arrays are missing, or do not fit each other.
        """
        try:
            weight, recurrent = (matrix(arrays[f"{GRU}weight_{which}_l0"]) for which in ("ih", "hh"))
            biases = (row(arrays[f"{GRU}bias_{which}_l0"]) for which in ("ih", "hh"))
            return cls(Gru(weight, recurrent, *biases), layers_of(arrays, cells=len(recurrent[0])))
        except KeyError as missing:
            raise StoreError(f"the checkpoint lacks {missing}: train the network again") from None


@kept(nogil=True, error_model="numpy")
def _read(
    rows: FloatArray,
    dealt: NDArray[np.bool_],
    weight: FloatArray,
    recurrent: FloatArray,
    bias: FloatArray,
    recurrent_bias: FloatArray,
    out: FloatArray,
) -> None:
    units = recurrent.shape[0]
    state, gates = np.empty(units), np.empty((2, 3 * units))
    for i in range(rows.shape[0]):
        state[:] = 0.0
        for t in range(rows.shape[1]):
            if dealt[i, t]:
                state[:] = 0.0
            step(rows[i, t], weight, recurrent, bias, recurrent_bias, state, gates)
            out[i, t] = state


@kept(nogil=True, error_model="numpy")
def step(
    values: FloatArray,
    weight: FloatArray,
    recurrent: FloatArray,
    bias: FloatArray,
    recurrent_bias: FloatArray,
    state: FloatArray,
    gates: FloatArray,
) -> None:
    """Move the state [U] on by one row of values [F], in place; `gates` [2, 3U] is room."""
    units = recurrent.shape[0]
    for j in range(3 * units):
        gates[0, j], gates[1, j] = bias[j], recurrent_bias[j]
    for f in range(weight.shape[0]):
        for j in range(3 * units):
            gates[0, j] += values[f] * weight[f, j]
    for u in range(units):
        for j in range(3 * units):
            gates[1, j] += state[u] * recurrent[u, j]
    for u in range(units):
        reset = 1.0 / (1.0 + np.exp(-gates[0, u] - gates[1, u]))
        kept = 1.0 / (1.0 + np.exp(-gates[0, units + u] - gates[1, units + u]))
        new = np.tanh(gates[0, 2 * units + u] + reset * gates[1, 2 * units + u])
        state[u] = (1.0 - kept) * new + kept * state[u]
