"""Polynomials on probabilities: exact where they have to be, and tame between their nodes."""

import numpy as np
import pytest

from pipeline.optimum import simplex

SHAPES = [(2, 10), (3, 4), (3, 6), (4, 3), (5, 3), (6, 3)]


@pytest.mark.parametrize(("states", "degree"), SHAPES)
def test_a_polynomial_of_its_degree_is_reproduced(states, degree):
    rng = np.random.default_rng(1)
    points, at = simplex.nodes(states, degree), rng.dirichlet(np.ones(states), 50)
    direction = rng.normal(size=states)
    weights = simplex.bernstein(at, degree) @ simplex.coefficients(states, degree)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-11)
    np.testing.assert_allclose(
        weights @ (points @ direction) ** degree, (at @ direction) ** degree, atol=1e-9
    )


@pytest.mark.parametrize(("states", "degree"), SHAPES)
def test_nodes_are_probabilities_with_every_corner_and_small_weights_between(states, degree):
    points = simplex.nodes(states, degree)
    assert (points >= 0.0).all()
    np.testing.assert_allclose(points.sum(axis=1), 1.0, atol=1e-14)
    for corner in np.eye(states):
        assert (points == corner).all(axis=1).any()
    at = np.random.default_rng(2).dirichlet(np.ones(states), 2000)
    weights = simplex.bernstein(at, degree) @ simplex.coefficients(states, degree)
    assert np.abs(weights).sum(axis=1).max() < 6.0
