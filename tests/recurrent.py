"""A recurrent network with numbers as training might leave them."""

import numpy as np

from pipeline.policies.network import LAYERS, Layer, Network, matrix, row
from pipeline.policies.network_band import INPUTS
from pipeline.policies.recurrent_band import PATH
from pipeline.policies.recurrent_network import GRU, Gru, RecurrentNetwork


def some_recurrent(seed=4, units=5, outputs=2, inputs=INPUTS):
    rng = np.random.default_rng(seed)
    width = units + len(PATH) + len(inputs)
    weight, recurrent = (rng.normal(0, 0.7, (3 * units, each)) for each in (len(PATH), units))
    gru = Gru(matrix(weight), matrix(recurrent), *(row(rng.normal(size=3 * units)) for _ in range(2)))
    layers = tuple(
        Layer(matrix(rng.normal(0, 0.4, (out, into))), row(rng.normal(0, 0.5, out)))
        for out, into in ((12, width), (outputs, 12))
    )
    state = (0.0,) * units, (1.0,) * units, (-1.0,) * units, (1.0,) * units
    rest = len(PATH) + len(inputs)
    seen = rng.normal(size=rest), rng.uniform(0.5, 2.0, rest), np.full(rest, -6.0), np.full(rest, 6.0)
    scaling = (each + row(column) for each, column in zip(state, seen, strict=True))
    return RecurrentNetwork(gru, Network(layers, *scaling))


def arrays_of(network):
    """The network as a checkpoint has it."""
    gru, layers, units = network.gru, network.layers, network.gru.sizes[1]
    found = {
        f"{GRU}weight_ih_l0": np.array(gru.weight),
        f"{GRU}weight_hh_l0": np.array(gru.recurrent),
        f"{GRU}bias_ih_l0": np.array(gru.bias),
        f"{GRU}bias_hh_l0": np.array(gru.recurrent_bias),
    }
    for k, layer in enumerate(layers.layers):
        found |= {f"{LAYERS}{k}.weight": np.array(layer.weight), f"{LAYERS}{k}.bias": np.array(layer.bias)}
    names = ("mean", "scale", "least", "most")
    columns = (layers.mean, layers.scale, layers.low, layers.high)
    return found | {
        f"network.{name}": np.array(each[units:]) for name, each in zip(names, columns, strict=True)
    }
