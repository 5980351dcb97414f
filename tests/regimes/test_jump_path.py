import itertools

import numpy as np
import pytest
from jumpmodels.jump import JumpModel, dp, jump_penalty_to_mx

from pipeline.regimes.jump_path import cheapest_path, first_means, fit_jumps
from pipeline.simulate.markov_chain import sample_chain

MOVES = np.array([[0.97, 0.03], [0.06, 0.94]])
CENTERS = np.array([[-1.0, 0.5], [1.5, -0.5]])


def observations(rows):
    rng = np.random.default_rng(7)
    states = sample_chain(MOVES, steps=rows, paths=1, rng=rng)[0]
    return CENTERS[states] + rng.standard_normal((rows, 2)), states


def start(x, states):
    return first_means(x, states, np.random.default_rng(7))


def descended(x, lengths, means, penalty):
    """The descent in plain NumPy: paths and means in turn while the objective falls."""
    kept, best = None, np.inf
    while True:
        labels, value = cheapest_path(0.5 * ((x[:, None, :] - means) ** 2).sum(axis=2), lengths, penalty)
        if not value < best:
            return means, kept, best
        kept, best = labels, value
        means = np.stack(
            [x[labels == k].mean(axis=0) if (labels == k).any() else mean for k, mean in enumerate(means)]
        )


def total(loss, lengths, penalty, path):
    """The objective, term by term."""
    run = np.repeat(np.arange(len(lengths)), lengths)
    moves = sum(path[t] != path[t - 1] and run[t] == run[t - 1] for t in range(1, len(path)))
    return sum(loss[t, state] for t, state in enumerate(path)) + penalty * moves


@pytest.mark.parametrize("penalty", [0.0, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("lengths", [[7], [3, 4], [1, 1, 5]])
def test_no_path_is_cheaper(penalty, lengths):
    loss = np.random.default_rng(3).random((7, 3))
    labels, value = cheapest_path(loss, np.array(lengths), penalty)
    every = [total(loss, lengths, penalty, path) for path in itertools.product(range(3), repeat=7)]
    assert value == pytest.approx(min(every), rel=1e-12)
    assert total(loss, lengths, penalty, labels) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("penalty", [0.5, 4.0, 60.0])
def test_the_path_is_that_of_the_published_package(penalty):
    loss = np.random.default_rng(5).exponential(size=(2000, 3))
    expected, value = dp(loss, jump_penalty_to_mx(penalty, 3))
    labels, found = cheapest_path(loss, np.array([2000]), penalty)
    np.testing.assert_array_equal(labels, expected)
    assert found == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("penalty", [1.0, 10.0])
def test_the_fit_is_that_of_the_published_package(penalty):
    x, _ = observations(1500)
    peer = JumpModel(n_components=2, jump_penalty=penalty, random_state=0).fit(x, sort_by="freq")
    fit = fit_jumps(x, np.array([1500]), start(x, 2), penalty)
    assert fit.settled
    assert fit.loss == pytest.approx(peer.val_, rel=1e-9)
    order = np.argsort(fit.means[:, 0])
    np.testing.assert_allclose(fit.means[order], peer.centers_[np.argsort(peer.centers_[:, 0])], rtol=1e-9)


@pytest.mark.parametrize("penalty", [0.0, 0.5, 4.0, 1e9])
@pytest.mark.parametrize("lengths", [[400], [150, 1, 249]])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_kernel_descends_as_the_plain_loop_does(penalty, lengths, order):
    x, means = np.array(observations(400)[0], order=order), start(observations(400)[0], 3)
    before = means.copy()
    fit = fit_jumps(x, np.array(lengths), means, penalty)
    expected, labels, loss = descended(x, np.array(lengths), means, penalty)
    np.testing.assert_array_equal(means, before)
    np.testing.assert_array_equal(fit.labels, labels)
    np.testing.assert_allclose(fit.means, expected, rtol=1e-12)
    assert fit.loss == pytest.approx(loss, rel=1e-12)
    assert fit.settled


def test_without_a_penalty_every_row_is_in_its_nearest_cluster():
    x, _ = observations(500)
    fit = fit_jumps(x, np.array([500]), start(x, 3), 0.0)
    square = ((x[:, None, :] - fit.means) ** 2).sum(axis=2)
    np.testing.assert_array_equal(fit.labels, square.argmin(axis=1))
    assert fit.loss == pytest.approx(0.5 * square.min(axis=1).sum(), rel=1e-12)


def test_under_a_huge_penalty_nothing_moves_and_a_state_is_empty():
    x, _ = observations(300)
    fit = fit_jumps(x, np.array([300]), start(x, 2), 1e9)
    assert len(np.unique(fit.labels)) == 1
    assert not fit.whole


def test_moves_fall_and_the_objective_rises_with_the_penalty():
    loss = np.random.default_rng(5).exponential(size=(400, 3))
    found = [cheapest_path(loss, np.array([400]), penalty) for penalty in (0.0, 0.5, 1.0, 2.0, 8.0)]
    assert (np.diff([np.count_nonzero(np.diff(labels)) for labels, _ in found]) < 0).all()
    assert (np.diff([value for _, value in found]) > 0).all()


def test_runs_know_nothing_of_each_other():
    loss = np.random.default_rng(5).exponential(size=(90, 2))
    together, value = cheapest_path(loss, np.array([40, 50]), 3.0)
    left, right = cheapest_path(loss[:40], np.array([40]), 3.0), cheapest_path(loss[40:], np.array([50]), 3.0)
    np.testing.assert_array_equal(together, np.r_[left[0], right[0]])
    assert value == pytest.approx(left[1] + right[1], rel=1e-12)
