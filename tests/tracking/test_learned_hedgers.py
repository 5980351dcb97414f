"""Trained hedgers at one decision time: those of a file, of the registry, and those that cannot be asked."""

import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.saved_network import keep_network, terms_digest
from pipeline.tracking.learned_hedgers import learned_hedgers
from pipeline.tracking.learning import tracked_training
from tests.tracking.test_learning import network

DESK = Desk(name="mine", policies={"run": ["delta_implied", "ppo_band"]})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("HEDGE_HOME", str(tmp_path))
    return Home.find(tmp_path)


def trained(here, weight, desk=DESK):
    """Train, keep and register a network; return its file."""
    new = here.root / "new.npz"
    Checkpoint(terms_digest(desk), {"policy": "ppo_band"}, network_arrays(network(weight))).write(new)
    file = keep_network(here, "mine", "ppo_band", new.read_bytes())
    with tracked_training(here, "mine", "ppo_band", {"steps": 1}) as curve:
        curve.place(desk, "ppo_band", curve.keep(desk, "ppo_band", file))
    return file


def with_policies(**settings):
    return DESK.model_copy(update={"policies": DESK.policies.model_copy(update=settings)})


def test_the_champion_is_asked_unless_the_desk_names_a_file(here):
    first = trained(here, 0.25)
    trained(here, 0.5)
    found, left_out = learned_hedgers(here.mlruns, DESK)
    assert found["ppo_band"].network == network(0.5)
    assert left_out == []
    named = with_policies(networks={"ppo_band": first.name})
    assert learned_hedgers(here.mlruns, named)[0]["ppo_band"].network == network(0.25)


def test_what_cannot_be_asked_is_said(here):
    found, left_out = learned_hedgers(here.mlruns, with_policies(run=("ppo_band", "recurrent_band")))
    assert found == {}
    assert left_out == [
        "ppo_band is left out: it has no champion: hedge train --policy makes one where it gains anything",
        "recurrent_band is left out: it reads its path since the deal, and a decision looks at today",
    ]
    other = DESK.model_copy(update={"costs": DESK.costs.model_copy(update={"fee_bps": 77.0})})
    trained(here, 0.5, other)
    found, (why,) = learned_hedgers(here.mlruns, DESK)
    assert (found, "trained for another desk" in why) == ({}, True)


def test_a_named_file_that_is_missing_is_an_error(here):
    with pytest.raises(StoreError, match=r"mine-ppo_band-x\.npz: no checkpoint there"):
        learned_hedgers(here.mlruns, with_policies(networks={"ppo_band": "mine-ppo_band-x.npz"}))
