"""The benchmark of agents: gains over delta and over each other."""

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("stable_baselines3")

from benchmarks.reinforcement import gain, gain_over


@pytest.fixture(scope="module")
def costs():
    """Costs of delta, a rival and an agent that moves with it, in % of the price."""
    rng = np.random.default_rng(5)
    shared, own = rng.gamma(4.0, 20.0, (2, 4000))
    return 107.0 + 0.2 * own, 40.0 + 0.4 * shared, 38.0 + 0.38 * shared + 0.02 * own


def test_a_gain_over_a_rival_is_the_difference_of_both_over_delta(costs):
    delta, rival, agent = costs
    over, _ = gain_over(agent, rival, delta)
    assert over == pytest.approx(gain(agent, delta)[0] - gain(rival, delta)[0], abs=1e-9)


def test_its_error_is_paired_and_that_of_a_bootstrap(costs):
    delta, rival, agent = costs
    rows = np.random.default_rng(1).integers(len(delta), size=(400, len(delta)))
    drawn = [gain_over(agent[each], rival[each], delta[each])[0] for each in rows]
    _, error = gain_over(agent, rival, delta)
    assert error == pytest.approx(np.std(drawn), rel=0.15)
    assert error < 0.5 * np.hypot(gain(agent, delta)[1], gain(rival, delta)[1])
