"""Long short-term memories as plain numbers: what trained ones answer without what trained them."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple, Self

import numpy as np

from pipeline.domain.errors import StoreError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept

FARTHEST: Final = 5.0
"""Deviations from the mean beyond which an input stays there."""


class Memory(NamedTuple):
    """What the networks remember of the rows read so far, [K, U] each: their output and their cell."""

    output: FloatArray
    cell: FloatArray


@dataclass(frozen=True)
class LstmNetwork:
    r"""The mean answer of K networks of U cells that read rows one after another.

    .. math:: z_t = \min(\max((x_t - m) r, -5), 5), \quad (i, f, g, o) = W z_t + R h_{t-1} + b, \quad
        c_t = σ(f) c_{t-1} + σ(i) \tanh g, \quad h_t = σ(o) \tanh c_t, \quad a_t = v \cdot h_t + v_0

    The memory is carried from row to row, so a row costs one step however long the history is, and one row at
    a time gives the bits of all rows at once. Sums have a fixed order, without BLAS. An input that is NaN
    counts as its mean.

    Attributes
    ----------
    mean, rate : [F] m and r, the means and inverse deviations of the inputs in training.
    weight : [K, F, 4U] W, transposed; gates in the order i, f, g, o.
    recurrent : [K, U, 4U] R, transposed.
    bias : [K, 4U] b.
    answer : [K, U] v.
    constant : [K] v₀.

    References
    ----------
    Hochreiter, Schmidhuber (1997); Gers, Schmidhuber, Cummins (2000) for the forget gate.

    Examples
    --------
    >>> one = LstmNetwork(*(np.full(k, 0.5) for k in (1, 1, (1, 1, 4), (1, 1, 4), (1, 4), (1, 1), 1)))
    >>> rows, memory = np.ones((3, 1)), one.empty()
    >>> whole = one(rows)
    >>> bool((np.concatenate([one.step(rows[t : t + 1], memory) for t in range(3)]) == whole).all())
    True
    """

    mean: FloatArray
    rate: FloatArray
    weight: FloatArray
    recurrent: FloatArray
    bias: FloatArray
    answer: FloatArray
    constant: FloatArray

    def empty(self) -> Memory:
        """Return the memory of who has read nothing."""
        return Memory(np.zeros(self.answer.shape), np.zeros(self.answer.shape))

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the answer after each of the rows [T, F], read from an empty memory, [T]."""
        return self.step(rows, self.empty())

    def step(self, rows: FloatArray, memory: Memory) -> FloatArray:
        """Return the answers [T] to further rows [T, F]; the memory moves on in place."""
        out = np.empty(len(rows))
        _read(
            np.ascontiguousarray(rows),
            self.mean,
            self.rate,
            self.weight,
            self.recurrent,
            self.bias,
            self.answer,
            self.constant,
            memory.output,
            memory.cell,
            out,
        )
        return out

    def to_state(self) -> dict[str, Any]:
        """Return all numbers as nested lists."""
        return {name: value.tolist() for name, value in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Rebuild the networks from `to_state`.

        Raises
        ------
        StoreError
            Numbers are missing, do not fit each other, or are not finite.
        """
        try:
            mean, rate, weight, recurrent, bias, answer, constant = (
                np.array(state[each.name], dtype=np.float64) for each in fields(cls)
            )
            networks, units = answer.shape
            fits = (
                mean.shape == rate.shape == weight.shape[1:2]
                and weight.shape == (networks, weight.shape[1], 4 * units)
                and (
                    recurrent.shape,
                    bias.shape,
                    constant.shape,
                )
                == ((networks, units, 4 * units), (networks, 4 * units), (networks,))
            )
        except (KeyError, ValueError, IndexError):
            fits = False
        if not fits or not all(
            np.isfinite(each).all() for each in (mean, rate, weight, recurrent, bias, answer)
        ):
            raise StoreError("saved forecaster lstm: its networks are damaged: train it again")
        return cls(mean, rate, weight, recurrent, bias, answer, constant)


@kept(nogil=True, error_model="numpy")
def _read(
    rows: FloatArray,
    mean: FloatArray,
    rate: FloatArray,
    weight: FloatArray,
    recurrent: FloatArray,
    bias: FloatArray,
    answer: FloatArray,
    constant: FloatArray,
    output: FloatArray,
    cell: FloatArray,
    out: FloatArray,
) -> None:
    networks, units = answer.shape
    gates, scaled = np.empty(4 * units), np.empty(rows.shape[1])
    for t in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            value = (rows[t, f] - mean[f]) * rate[f]
            scaled[f] = 0.0 if np.isnan(value) else min(max(value, -FARTHEST), FARTHEST)
        total = 0.0
        for k in range(networks):
            for j in range(4 * units):
                gates[j] = bias[k, j]
            for f in range(rows.shape[1]):
                value = scaled[f]
                for j in range(4 * units):
                    gates[j] += value * weight[k, f, j]
            for u in range(units):
                value = output[k, u]
                for j in range(4 * units):
                    gates[j] += value * recurrent[k, u, j]
            for j in range(2 * units):
                gates[j] = 1.0 / (1.0 + np.exp(-gates[j]))
            for j in range(2 * units, 3 * units):
                gates[j] = np.tanh(gates[j])
            for j in range(3 * units, 4 * units):
                gates[j] = 1.0 / (1.0 + np.exp(-gates[j]))
            said = constant[k]
            for u in range(units):
                cell[k, u] = gates[units + u] * cell[k, u] + gates[u] * gates[2 * units + u]
                output[k, u] = gates[3 * units + u] * np.tanh(cell[k, u])
                said += answer[k, u] * output[k, u]
            total += said
        out[t] = total / networks
