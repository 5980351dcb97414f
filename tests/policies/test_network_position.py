"""Positions of networks: what they are untrained, in books of different options, and damaged."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Leg, Liability
from pipeline.policies import exposure
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network_band import INPUTS, OPTION
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition, seen
from tests.contracts.test_policies import as_book, network_of, some_network
from tests.recurrent import arrays_of, some_recurrent

PLAIN = network_of(len(OPTION), 1)
POLICIES = (NetworkPosition(PLAIN), RecurrentPosition(some_recurrent(inputs=OPTION, outputs=1)))


@pytest.mark.parametrize(("kind", "middle"), [("call", 0.5), ("put", -0.5), ("straddle", 0.0)])
@pytest.mark.parametrize("policy", [NetworkPosition(), RecurrentPosition()], ids=lambda each: each.name)
def test_untrained_it_holds_the_middle_of_the_range(make_state, kind, middle, policy):
    state, _ = make_state(kind, "short")
    band = policy.band(state)
    discount = state.forward_slope * np.exp(-state.rate * state.time_to_expiry)
    np.testing.assert_allclose(band.lower[..., 0], middle * discount, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(band.lower, band.upper)


def test_it_is_the_networks_answer_in_the_range(make_state):
    state, _ = make_state("straddle", "long")
    low, high = exposure.position_range(state)
    share = 1.0 / (1.0 + np.exp(-2.0 * PLAIN(seen(state))[..., 0]))
    found = NetworkPosition(PLAIN).band(state).lower[..., 0]
    np.testing.assert_allclose(found, low + (high - low) * share, rtol=1e-12, atol=1e-14)
    assert np.ptp(share) > 0.1


@pytest.mark.parametrize("policy", POLICIES, ids=lambda each: each.name)
def test_positions_of_different_options_add_up(make_state, policy):
    """Unlike the inputs of a correction, which are averages: a delta is not that of the average strike."""
    state, _ = make_state("call", "short")
    book = as_book(state, 2)
    strikes = book.strike * np.array([0.9, 1.2])[:, None, None]
    amounts = np.array([-1.0, -3.0])[:, None, None]
    legs = (Leg("call", np.broadcast_to(amounts, strikes.shape)),)
    several = replace(
        book,
        strike=strikes,
        lots=np.broadcast_to(-amounts, strikes.shape),
        liability=Liability(legs),
        risk_aversion=np.full(state.shape, state.risk_aversion / 4.0),
    )
    alone = [policy.band(replace(state, strike=each)).lower for each in strikes]
    np.testing.assert_allclose(policy.band(several).lower, alone[0] + 3.0 * alone[1], rtol=1e-12)


def test_a_checkpoint_of_one_answer_is_a_position():
    assert Checkpoint("x", {}, network_arrays(PLAIN)).policy() == POLICIES[0]
    assert Checkpoint("x", {}, arrays_of(POLICIES[1].network)).policy() == POLICIES[1]


def test_networks_of_another_shape_are_refused():
    with pytest.raises(PolicyError, match=r"network_position: a network of inputs and outputs \(5, 1\)"):
        NetworkPosition(some_network())
    with pytest.raises(PolicyError, match=r"recurrent_position: .* train it again"):
        RecurrentPosition(some_recurrent(inputs=INPUTS))
