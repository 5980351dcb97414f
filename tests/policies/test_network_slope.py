"""Delta with a learned slope: what it is untrained, and Hull and White's hedge where the slope is theirs."""

import numpy as np
import pytest

from pipeline.domain.errors import PolicyError
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.minimum_variance import MinimumVariance
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_slope import MOST_SLOPE, SLOPE_INPUTS, NetworkSlope

WIDTH = len(SLOPE_INPUTS)


def linear(weight, bias):
    edge = (1e9,) * WIDTH
    scaling = ((0.0,) * WIDTH, (1.0,) * WIDTH, tuple(-each for each in edge), edge)
    return NetworkSlope(Network((Layer((weight,), (bias,)),), *scaling))


def test_untrained_it_is_delta(make_state):
    state, _ = make_state("put", "long")
    expected = DeltaImplied().band(state)
    for policy in (NetworkSlope(), linear((0.0,) * WIDTH, 0.0)):
        band = policy.band(state)
        np.testing.assert_array_equal(band.lower, expected.lower)
        np.testing.assert_array_equal(band.upper, expected.upper)
    assert NetworkSlope.untrained == DeltaImplied.name


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("side", ["short", "long"])
def test_a_constant_slope_is_that_of_hull_and_white(make_state, kind, side):
    state, _ = make_state(kind, side)
    answer = MOST_SLOPE * np.arctanh(-0.2 / MOST_SLOPE)
    theirs = MinimumVariance((-0.2, 0.0, 0.0), (-0.2, 0.0, 0.0))
    found = linear((0.0,) * WIDTH, float(answer)).band(state)
    np.testing.assert_allclose(found.lower, theirs.band(state).lower, rtol=1e-12)
    assert np.abs(found.lower - DeltaImplied().band(state).lower).max() > 0.05


@pytest.mark.parametrize("column", SLOPE_INPUTS)
def test_it_reads_each_of_its_inputs(make_state, column):
    state, _ = make_state()
    weight = tuple(0.1 * (name == column) for name in SLOPE_INPUTS)
    assert np.ptp(linear(weight, 0.0).band(state).lower - DeltaImplied().band(state).lower) > 1e-3


def test_a_network_of_other_sizes_is_refused():
    one = (0.0,)
    with pytest.raises(PolicyError, match=r"inputs and outputs \(3, 1\) is needed, this is \(1, 1\)"):
        NetworkSlope(Network((Layer((one,), one),), one, (1.0,), one, one))
