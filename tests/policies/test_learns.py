"""Which hedgers learn for which desk."""

import pytest

from pipeline.domain.desk import Desk, LearnSettings
from pipeline.domain.desk_file import KINDS, load_any
from pipeline.domain.errors import SettingsError
from pipeline.policies.learns import LEARNS, check_learns, learns_from
from pipeline.policies.saved_network import EXTRAS, LEARNED, with_learned


def training(desk, policy, **plan):
    train = {policy: LearnSettings(**plan)}
    policies = desk.policies.model_copy(update={"run": ("delta_implied", policy), "train": train})
    return desk.model_copy(update={"policies": policies})


def test_every_kind_of_desk_is_told_and_every_learned_policy_learns_somewhere():
    assert set(LEARNS) == set(KINDS)
    assert {policy for learns in LEARNS.values() for policy in learns} == set(LEARNED)


def test_a_policy_that_does_not_learn_for_the_desk_is_refused():
    daily = Desk(name="x", policies={"run": ()})
    assert learns_from(daily, "network_band") == "simulated markets"
    with pytest.raises(SettingsError, match="network_slope does not learn for a desk of kind daily"):
        learns_from(daily, "network_slope")
    chain = load_any("spx-chain")
    with pytest.raises(SettingsError, match=r"recurrent_band does not learn .* chain; valid: network_band, "):
        learns_from(chain, "recurrent_band")
    with pytest.raises(SettingsError, match=r"policies\.train: network_bnd does not learn .* kind chain"):
        check_learns(training(chain, "network_bnd"))
    with pytest.raises(ValueError, match="which a daily desk does not run"):
        Desk(name="x", policies={"run": ["network_slope"]})


def test_what_means_nothing_on_stored_quotes_is_refused():
    chain = load_any("spx-chain")
    check_learns(training(chain, "network_slope", steps=5))
    with pytest.raises(SettingsError, match="refit_steps: on stored days every training begins anew"):
        check_learns(training(chain, "network_slope", refit_steps=5))
    with pytest.raises(SettingsError, match="a GPU has no work"):
        check_learns(training(chain, "network_slope", device="cuda"))


def test_what_an_extra_trains_learns_for_every_kind_of_desk():
    """So `--with` finds something or says how it is trained."""
    for extra, first in (("rl", "ppo_band"), ("deep", "network_band")):
        assert all(set(EXTRAS[extra]) & set(learns) for learns in LEARNS.values())
        with pytest.raises(SettingsError, match=f"hedge train spx-chain --policy {first}"):
            with_learned(load_any("spx-chain"), (extra,))
