"""The network that a desk names."""

import os
import re

import numpy as np
import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.recurrent_band import RecurrentBand
from pipeline.policies.saved_network import content_name, keep_network, networks, terms_digest, with_learned
from tests.recurrent import arrays_of, some_recurrent

WIDTH = len(INPUTS)
NETWORK = Network(
    (Layer(((0.5,) * WIDTH, (0.1,) * WIDTH), (0.0, 0.2)),), (0.0,) * WIDTH, (1.0,) * WIDTH, (-1.0,) * WIDTH,
    (1.0,) * WIDTH,
)  # fmt: skip


def desk(network="", policy="network_band", **more):
    networks = {policy: network} if network else {}
    return Desk(name="mine", policies={"run": [policy], "networks": networks}, **more)


@pytest.fixture
def name():
    folder = networks(Home.find())
    Checkpoint(terms_digest(desk()), {}, network_arrays(NETWORK)).write(folder / "new.npz")
    name = content_name("mine", "network_band", (folder / "new.npz").read_bytes())
    (folder / "new.npz").rename(folder / name)
    return name


def test_a_desk_hedges_with_the_network_that_it_names(name):
    assert desk_policies(desk(name))["network_band"] == NetworkBand(NETWORK)
    assert desk_policies(desk())["network_band"] == NetworkBand()


def saved(policy):
    """A network that an agent learned, as its training leaves it."""
    folder = networks(Home.find())
    Checkpoint(terms_digest(desk()), {"policy": policy}, network_arrays(NETWORK)).write(folder / "agent.npz")
    name = content_name("mine", policy, (folder / "agent.npz").read_bytes())
    (folder / "agent.npz").rename(folder / name)
    return name


@pytest.mark.parametrize("kind", [PpoBand, SacBand])
def test_agents_have_theirs(kind):
    file = saved(kind.name)
    assert desk_policies(desk(file, kind.name))[kind.name] == kind(NETWORK)
    with pytest.raises(
        StoreError, match=f"trained as {kind.name}, named for network_band: name another file"
    ):
        desk_policies(desk(file))


def test_a_network_that_remembers_is_of_its_own_policy():
    folder = networks(Home.find())
    Checkpoint(terms_digest(desk()), {}, arrays_of(some_recurrent())).write(folder / "new.npz")
    file = content_name("mine", "recurrent_band", (folder / "new.npz").read_bytes())
    (folder / "new.npz").rename(folder / file)
    assert desk_policies(desk(file, "recurrent_band"))["recurrent_band"] == RecurrentBand(some_recurrent())
    with pytest.raises(StoreError, match="trained as recurrent_band, named for network_band"):
        desk_policies(desk(file))


def test_a_weight_that_is_no_number_is_told_with_its_file():
    folder = networks(Home.find())
    arrays = network_arrays(NETWORK)
    spoilt = {key: values * np.nan if "bias" in key else values for key, values in arrays.items()}
    Checkpoint(terms_digest(desk()), {}, spoilt).write(folder / "new.npz")
    file = content_name("mine", "network_band", (folder / "new.npz").read_bytes())
    (folder / "new.npz").rename(folder / file)
    with pytest.raises(StoreError, match=rf"{re.escape(file)}: network: a weight is not finite"):
        desk_policies(desk(file))


def test_a_policy_that_learns_nothing_has_no_network():
    with pytest.raises(
        SettingsError, match=r"names pp_band, which learns no network; did you mean ppo_band\?"
    ):
        desk_policies(Desk(name="mine", policies={"run": [], "networks": {"pp_band": "x.npz"}}))


def test_a_desk_with_what_was_trained_for_it(name):
    with pytest.raises(
        SettingsError, match="--with rl: nothing was trained for the desk mine as it is: hedge train mine"
    ):
        with_learned(desk(), ("rl",))
    with pytest.raises(SettingsError, match=r"hedge train '/my desks/mine\.toml' --policy ppo_band"):
        with_learned(desk(), ("rl",), "/my desks/mine.toml")
    own = desk()
    trains = own.policies.model_copy(update={"train": {"ppo_band": {}}})
    with_learned(own.model_copy(update={"policies": trains}), ("rl",))
    file = saved("ppo_band")
    both = with_learned(desk(), ("deep", "rl")).policies
    assert both.run == ("network_band", "ppo_band")
    assert both.networks == {"network_band": name, "ppo_band": file}
    with pytest.raises(SettingsError, match="nothing was trained"):
        with_learned(desk(costs={"fee_bps": 5.0}), ("rl",))
    with pytest.raises(SettingsError, match="--with rll: no such extra; did you mean rl"):
        with_learned(desk(), ("rll",))


def test_what_has_seen_tested_days_is_not_taken_for_them(name):
    new, kept = networks(Home.find()) / "new.npz", {}
    for age, seen in enumerate(("2015-12-31", "2016-01-04"), 1):
        Checkpoint(terms_digest(desk()), {"seen_until": seen}, network_arrays(NETWORK)).write(new)
        kept[seen] = keep_network(Home.find(), "mine", "network_band", new.read_bytes())
        later = kept[seen].stat().st_mtime + 10 * age
        os.utime(kept[seen], (later, later))
    assert with_learned(desk(), ("deep",)).policies.networks == {"network_band": kept["2015-12-31"].name}


def test_what_gained_nothing_is_not_taken(name):
    vain, file = networks(Home.find()) / "new.npz", networks(Home.find()) / name
    risks = {"untrained": 2.5, "reached": 2.5}
    Checkpoint(terms_digest(desk()), risks, network_arrays(NETWORK)).write(vain)
    kept = keep_network(Home.find(), "mine", "network_band", vain.read_bytes())
    os.utime(kept, (later := file.stat().st_mtime + 10, later))
    assert with_learned(desk(), ("deep",)).policies.networks == {"network_band": name}
    file.unlink()
    with pytest.raises(SettingsError, match=f"--with deep: no training for the desk mine .*: {kept.name}"):
        with_learned(desk(), ("deep",))
    named = desk(kept.name)
    assert with_learned(named, ("deep",)).policies.networks == {"network_band": kept.name}


def test_it_is_of_one_desk(name):
    for other in ({"costs": {"fee_bps": 5.0}}, {"option": {"kind": "put"}}, {"risk": {"aversion": 2.0}}):
        with pytest.raises(StoreError, match=f"{name}: .*another desk"):
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
