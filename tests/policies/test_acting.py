"""What of a policy acts: where it is equal the bands are, bit by bit, and hedging once is enough for both."""

from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.domain.band import Band
from pipeline.policies.base import acting
from pipeline.policies.regime_switched import ABLATIONS, SPACE, RegimeSwitched
from pipeline.policies.whalley_wilmott import WhalleyWilmott

SLOPE = (-0.3, 0.2, -0.1)
FLAGSHIPS = (RegimeSwitched, *ABLATIONS)


@pytest.fixture(params=["plain", "fee", "impact"])
def state(request, make_state):
    state, _ = make_state()
    return {
        "plain": state,
        "fee": replace(state, fixed_fee=0.02),
        "impact": replace(state, impact=np.full(state.shape, 0.01)),
    }[request.param]


def drawn(rng):
    values = {name: float(rng.choice(grid)) for name, grid in SPACE.items()}
    values |= {"band_scale": float(rng.choice([0.0, 0.125])), "regime_weight": float(rng.choice([0.0, 1.0]))}
    return rng.choice(FLAGSHIPS)(call=SLOPE, **values)


def neighbours(policy):
    return [
        *(replace(policy, **{name: value}) for name, grid in SPACE.items() for value in grid),
        *(kind(**{each.name: getattr(policy, each.name) for each in fields(policy)}) for kind in FLAGSHIPS),
    ]


def test_policies_that_act_alike_have_the_same_band(state):
    rng, alike = np.random.default_rng(5), 0
    for policy in (drawn(rng) for _ in range(8)):
        band = policy.band(state)
        for other in neighbours(policy):
            if other != policy and acting(other) == acting(policy):
                alike += 1
                for edge in fields(Band):
                    ours, theirs = (getattr(each, edge.name) for each in (band, other.band(state)))
                    np.testing.assert_array_equal(ours, theirs)
    assert alike > 50


def test_a_parameter_that_changes_the_band_acts(make_state):
    state, _ = make_state()
    policy = RegimeSwitched(call=SLOPE, regime_weight=0.5)
    band = policy.band(state)
    for name, grid in SPACE.items():
        for value in (each for each in grid if each != getattr(policy, name)):
            other = replace(policy, **{name: value})
            assert acting(other) != acting(policy)
            assert not np.array_equal(other.band(state).lower, band.lower)


def test_a_policy_that_says_nothing_more_acts_as_it_is():
    assert acting(WhalleyWilmott()) == WhalleyWilmott()
