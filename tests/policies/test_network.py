"""The network without its trainer, against NumPy and bad numbers."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.domain.errors import PolicyError
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import NetworkBand

RNG = np.random.default_rng(2)
WEIGHTS = [RNG.normal(size=size) for size in ((5, 3), (4, 5), (2, 4))]
BIASES = [RNG.normal(size=len(weight)) for weight in WEIGHTS]


@pytest.fixture
def network():
    layers = tuple(
        Layer(tuple(map(tuple, weight.tolist())), tuple(bias.tolist()))
        for weight, bias in zip(WEIGHTS, BIASES, strict=True)
    )
    return Network(layers, (0.5, 0.0, 1.0), (1.0, 2.0, 3.0), (-1.0, -5.0, 0.0), (1.0, 5.0, 2.0))


def plain(x, network):
    values = (np.clip(x, network.low, network.high) - network.mean) / np.array(network.scale)
    for weight, bias in zip(WEIGHTS[:-1], BIASES[:-1], strict=True):
        values = values @ weight.T + bias
        values = values / (1.0 + np.exp(-values))
    return values @ WEIGHTS[-1].T + BIASES[-1]


@pytest.mark.parametrize("shape", [(1,), (3, 7), (400, 30)])
def test_it_is_the_plain_product(network, shape):
    x = np.random.default_rng(4).normal(0, 3, (*shape, 3))
    np.testing.assert_allclose(network(x), plain(x, network), rtol=1e-12, atol=1e-13)


def test_a_row_alone_has_the_same_bits(network):
    x = np.random.default_rng(5).normal(0, 3, (20_000, 3))
    np.testing.assert_array_equal(network(x)[777:778], network(x[777:778]))


def test_nan_is_refused(network, make_state):
    with pytest.raises(PolicyError, match="an input is NaN"):
        network(np.array([[0.0, np.nan, 0.0]]))


def test_damaged_networks(network):
    with pytest.raises(PolicyError, match="damaged"):
        replace(network, layers=network.layers[1:])
    with pytest.raises(PolicyError, match="not finite or a scale not positive"):
        replace(network, scale=(1.0, 0.0, 1.0))
    with pytest.raises(PolicyError, match="not finite"):
        replace(network, mean=(np.nan, 0.0, 0.0))
    with pytest.raises(PolicyError, match=r"is needed, this is \(3, 2\): train it again"):
        NetworkBand(network)
