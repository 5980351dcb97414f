import numpy as np
import pytest

from pipeline.simulate.markov_chain import check_transition, sample_chain, stationary_distribution


def test_two_states_in_closed_form():
    moves = np.array([[0.98, 0.02], [0.05, 0.95]])
    np.testing.assert_allclose(stationary_distribution(moves), [5 / 7, 2 / 7], rtol=1e-13)


def test_stationary_means_unmoved_by_the_chain():
    moves = np.random.default_rng(7).dirichlet(np.full(5, 0.4), size=5)
    found = stationary_distribution(moves)
    np.testing.assert_allclose(found @ moves, found, atol=1e-14)
    np.testing.assert_allclose(found, np.linalg.matrix_power(moves, 4096)[0], rtol=1e-8)


def test_a_chain_that_falls_apart_has_no_single_answer():
    with pytest.raises(ValueError, match="never meet"):
        stationary_distribution(np.eye(2))


def test_a_transient_state_is_left_for_good():
    np.testing.assert_allclose(
        stationary_distribution(np.array([[0.5, 0.5], [0.0, 1.0]])), [0.0, 1.0], atol=1e-15
    )


@pytest.mark.parametrize("row", [[0.5, 0.4], [1.2, -0.2], [np.nan, 1.0]])
def test_a_row_that_is_no_distribution_is_named(row):
    with pytest.raises(ValueError, match="row 1 "):
        check_transition(np.array([[1.0, 0.0], row]))


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="square"):
        check_transition(np.ones((2, 3)) / 3)


def test_sampled_moves_and_occupancy_are_those_of_the_chain():
    moves = np.array([[0.9, 0.08, 0.02], [0.1, 0.7, 0.2], [0.0, 0.3, 0.7]])
    states = sample_chain(moves, steps=50, paths=20_000, rng=np.random.default_rng(7))
    counted = np.zeros((3, 3))
    np.add.at(counted, (states[:, :-1].ravel(), states[:, 1:].ravel()), 1.0)
    leaving = counted.sum(axis=1, keepdims=True)
    error = np.sqrt(moves * (1 - moves) / leaving)
    assert (np.abs(counted / leaving - moves) <= 4 * error).all()
    expected = stationary_distribution(moves)
    for t in (0, 49):
        share = np.bincount(states[:, t], minlength=3) / 20_000
        assert (np.abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 20_000)).all()
