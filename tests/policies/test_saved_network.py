"""The network that a desk names."""

import re

import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.saved_network import content_name, networks, terms_digest

WIDTH = len(INPUTS)
NETWORK = Network(
    (Layer(((0.5,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2)),), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH,
    (1.0,) * WIDTH,
)  # fmt: skip


def desk(network="", **more):
    return Desk(name="mine", policies={"run": ["network_band"], "network": network}, **more)


@pytest.fixture
def name():
    folder = networks(Home.find())
    Checkpoint(terms_digest(desk()), {}, network_arrays(NETWORK)).write(folder / "new.npz")
    name = content_name("mine", (folder / "new.npz").read_bytes())
    (folder / "new.npz").rename(folder / name)
    return name


def test_a_desk_hedges_with_the_network_that_it_names(name):
    assert desk_policies(desk(name))["network_band"] == NetworkBand(NETWORK)
    assert desk_policies(desk())["network_band"] == NetworkBand()


def test_it_is_of_one_desk(name):
    for other in ({"costs": {"fee_bps": 5.0}}, {"option": {"kind": "put"}}, {"risk": {"aversion": 2.0}}):
        with pytest.raises(StoreError, match="another desk"):
            desk_policies(desk(name, **other))


def test_a_file_whose_content_changed(name):
    folder = networks(Home.find())
    other = Network(
        NETWORK.layers, (0.1,) * WIDTH, *(getattr(NETWORK, each) for each in ("scale", "low", "high"))
    )
    Checkpoint(terms_digest(desk()), {}, network_arrays(other)).write(folder / name)
    with pytest.raises(StoreError, match="not what its name says"):
        desk_policies(desk(name))


def test_files_that_are_not_there():
    with pytest.raises(StoreError, match=re.escape("gone.npz: no checkpoint there")):
        desk_policies(desk("gone.npz"))


def test_a_path_is_no_name():
    with pytest.raises((SettingsError, ValueError), match="network"):
        desk("../net.npz")
