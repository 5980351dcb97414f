"""Checkpoint files: back to the bit, and refused where they cannot be used."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.domain.errors import PolicyError, StoreError
from pipeline.ingest.packing import packed, unpacked
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.policies.recurrent_band import RecurrentBand
from tests.recurrent import arrays_of, some_recurrent

WIDTH = len(INPUTS)


def network(outputs=2):
    rng = np.random.default_rng(1)
    first = Layer(tuple(map(tuple, rng.normal(size=(3, WIDTH)).tolist())), (0.1, 0.2, 0.3))
    last = Layer(tuple(map(tuple, rng.normal(size=(outputs, 3)).tolist())), (0.0,) * outputs)
    return Network((first, last), (0.0,) * WIDTH, (1.0,) * WIDTH, (-2.0,) * WIDTH, (2.0,) * WIDTH)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "deep" / "net.npz"
    Checkpoint("desk", {"step": 3}, network_arrays(network())).write(path)
    return path


def test_it_comes_back(file):
    found = Checkpoint.read(file).of_desk("desk")
    assert found.facts == {"step": 3}
    assert found.policy() == NetworkBand(network())
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("reached", "gained"), [(2.0, True), (2.5, False), (2.6, False)])
def test_it_gained_where_what_was_kept_has_less_risk_than_untrained(file, reached, gained):
    found = Checkpoint.read(file)
    assert found.gained, "nothing says that it did not"
    assert replace(found, facts={"untrained": 2.5, "reached": reached}).gained == gained


def test_another_desk(file):
    with pytest.raises(StoreError, match="another desk"):
        Checkpoint.read(file).of_desk("other")


@pytest.mark.parametrize("change", [('"version": 1', '"version": 9'), ("moneyness", "money")])
def test_another_version(file, change):
    arrays = unpacked(file.read_bytes())
    arrays["facts"] = np.array(str(arrays["facts"]).replace(*change))
    file.write_bytes(packed(arrays))
    with pytest.raises(StoreError, match="another version: train"):
        Checkpoint.read(file)


def test_files_that_are_none(file, tmp_path):
    with pytest.raises(StoreError, match="no checkpoint there: train"):
        Checkpoint.read(tmp_path / "none.npz")
    for content in (b"", b"text", file.read_bytes()[:200], packed({"x": np.ones(2)})):
        file.write_bytes(content)
        with pytest.raises(StoreError, match="damaged, or no checkpoint"):
            Checkpoint.read(file)


def test_a_pickle_is_not_run(file):
    np.savez(file, facts=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError, match="damaged"):
        Checkpoint.read(file)


def test_arrays_that_do_not_fit(file):
    arrays = network_arrays(network())
    del arrays["network.layer.1.bias"]
    with pytest.raises(StoreError, match="lacks"):
        Checkpoint("desk", {}, arrays).policy()
    with pytest.raises(PolicyError, match=r"\(7, 2\) or \(7, 3\) is needed, this is \(7, 4\)"):
        Checkpoint("desk", {}, network_arrays(network(outputs=4))).policy()


@pytest.fixture
def remembering(tmp_path):
    path = tmp_path / "net.npz"
    Checkpoint("desk", {}, arrays_of(some_recurrent())).write(path)
    return path


def test_a_network_that_remembers_comes_back(remembering):
    found = Checkpoint.read(remembering)
    assert found.policy() == RecurrentBand(some_recurrent())
    arrays = unpacked(remembering.read_bytes())
    arrays["facts"] = np.array(str(arrays["facts"]).replace("move_size", "move"))
    remembering.write_bytes(packed(arrays))
    with pytest.raises(StoreError, match="another version: train"):
        Checkpoint.read(remembering)


def test_arrays_of_a_network_that_remembers_that_do_not_fit():
    arrays = arrays_of(some_recurrent())
    with pytest.raises(StoreError, match=r"lacks 'network\.gru\.bias_hh_l0'"):
        Checkpoint(
            "desk", {}, {name: arrays[name] for name in arrays if not name.endswith("bias_hh_l0")}
        ).policy()
    cut = arrays | {"network.gru.weight_hh_l0": arrays["network.gru.weight_hh_l0"][1:]}
    with pytest.raises(PolicyError, match="sizes do not fit"):
        Checkpoint("desk", {}, cut).policy()
    with pytest.raises(PolicyError, match="sizes do not fit or a number is not finite"):
        Checkpoint("desk", {}, arrays | {"network.gru.bias_ih_l0": np.full(15, np.nan)}).policy()
    with pytest.raises(PolicyError, match=r"\(2, 7, 2\) or \(2, 7, 3\) is needed, this is \(2, 7, 4\)"):
        Checkpoint("desk", {}, arrays_of(some_recurrent(outputs=4))).policy()
