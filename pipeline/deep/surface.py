"""Bands as a function of time and price: computed on a grid of prices, read between its nodes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.domain.rows import in_blocks

PARTS = 16
"""Parts of the paths whose derivatives are summed apart: the sum does not depend on the number of cores."""


@dataclass(frozen=True)
class PriceGrid:
    """Prices evenly spaced in their logarithm around `middle`; beyond its ends the end counts.

    Examples
    --------
    >>> PriceGrid.around(100.0, reach=0.1, spacing=0.05).nodes.round(2)
    array([ 90.48,  95.12, 100.  , 105.13, 110.52])
    """

    middle: float
    spacing: float
    half: int

    @classmethod
    def around(cls, middle: float, *, reach: float, spacing: float) -> "PriceGrid":
        """Return the grid that goes `reach` in log-price to both sides."""
        return cls(middle, spacing, max(int(np.ceil(reach / spacing - 1e-9)), 1))

    @property
    def nodes(self) -> FloatArray:
        """[X] prices."""
        return np.asarray(self.middle * np.exp(self.spacing * np.arange(-self.half, self.half + 1)))


def read(surface: Tensor, grid: PriceGrid, spot: FloatArray) -> Tensor:
    """Return a surface [X, T, E] along paths [N, T], [N, T, E]: lines in log-price between two nodes.

    A network that looks at time and price only is asked at the nodes, however many paths there are. Gradients
    flow into the surface.
    """
    found: Tensor = _Read.apply(surface, grid, spot)  # type: ignore[no-untyped-call]
    return found


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, surface: Tensor, grid: PriceGrid, spot: FloatArray) -> Tensor:
        values = surface.detach().double().contiguous().numpy()
        place = np.empty(spot.shape)
        out = np.empty((*spot.shape, values.shape[2]))

        def fill(rows: slice) -> None:
            _look_up(values, spot[rows], 1.0 / grid.middle, 1.0 / grid.spacing, place[rows], out[rows])

        in_blocks(len(spot), spot[0].size, fill)
        ctx.kept = place, values.shape, surface.dtype
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        place, shape, kind = ctx.kept
        by_out = gradients[0].double().contiguous().numpy()
        total = np.zeros((PARTS, *shape))
        bounds = np.linspace(0, len(place), PARTS + 1).astype(np.int64)

        def fill(parts: slice) -> None:
            for part in range(parts.start, parts.stop):
                rows = slice(bounds[part], bounds[part + 1])
                _spread(place[rows], by_out[rows], total[part])

        in_blocks(PARTS, place.size // PARTS + 1, fill)
        return torch.from_numpy(total.sum(axis=0)).to(kind), None, None


@kept(nogil=True, error_model="numpy")
def _look_up(
    surface: FloatArray,
    spot: FloatArray,
    by_middle: float,
    by_spacing: float,
    place: FloatArray,
    out: FloatArray,
) -> None:
    nodes, _, edges = surface.shape
    for i in range(spot.shape[0]):
        for t in range(spot.shape[1]):
            at = np.log(spot[i, t] * by_middle) * by_spacing + nodes // 2
            at = min(max(at, 0.0), nodes - 1.000001)
            node = int(at)
            part = at - node
            place[i, t] = at
            for e in range(edges):
                out[i, t, e] = (1.0 - part) * surface[node, t, e] + part * surface[node + 1, t, e]


@kept(nogil=True, error_model="numpy")
def _spread(place: FloatArray, by_out: FloatArray, by_surface: FloatArray) -> None:
    for i in range(place.shape[0]):
        for t in range(place.shape[1]):
            node = int(place[i, t])
            part = place[i, t] - node
            for e in range(by_out.shape[2]):
                by_surface[node, t, e] += (1.0 - part) * by_out[i, t, e]
                by_surface[node + 1, t, e] += part * by_out[i, t, e]
