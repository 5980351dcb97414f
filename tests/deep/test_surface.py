"""Surfaces of time and price read along paths."""

import numpy as np
import torch

from pipeline.deep.surface import PriceGrid, read

GRID = PriceGrid.around(100.0, reach=0.2, spacing=0.01)


def paths(rows=300, times=4, scale=0.05):
    return 100.0 * np.exp(np.random.default_rng(6).normal(0, scale, (rows, times)))


def test_lines_in_log_price_are_read_exactly():
    nodes = np.log(GRID.nodes / 100.0)
    slope = np.arange(1.0, 5.0)
    surface = torch.from_numpy(nodes[:, None, None] * slope[None, :, None] + np.array([0.0, 7.0]))
    spot = paths()
    inside = np.clip(np.log(spot / 100.0), nodes[0], nodes[-1])
    expected = (inside * slope)[..., None] + np.array([0.0, 7.0])
    np.testing.assert_allclose(read(surface, GRID, spot).numpy(), expected, atol=1e-6)


def test_beyond_the_grid_its_end_counts():
    surface = torch.arange(len(GRID.nodes), dtype=torch.float64)[:, None, None]
    far = read(surface, GRID, np.array([[1.0], [1e4]]))
    np.testing.assert_allclose(far.ravel(), [0.0, len(GRID.nodes) - 1.0], atol=1e-5)


def test_gradients_are_those_of_finite_differences():
    surface = torch.from_numpy(np.random.default_rng(7).normal(size=(len(GRID.nodes), 4, 2))).requires_grad_()
    spot, weight = paths(40), torch.from_numpy(np.random.default_rng(8).normal(size=(40, 4, 2)))
    (gradient,) = torch.autograd.grad((weight * read(surface, GRID, spot)).sum(), surface)
    with torch.no_grad():
        for node, time, edge in ((20, 0, 0), (18, 3, 1), (25, 2, 0)):
            moved = surface.detach().clone()
            moved[node, time, edge] += 1.0  # reading is linear in the surface: any step will do
            change = (weight * (read(moved, GRID, spot) - read(surface, GRID, spot))).sum()
            torch.testing.assert_close(gradient[node, time, edge], change, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradient.sum(), weight.sum())
