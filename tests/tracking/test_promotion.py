"""Champions, challengers, and the way back."""

import json
from pathlib import Path

import pytest

from pipeline.domain.errors import StoreError
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, aliased, crown, promote_challengers, roll_back

NAMES = ("desk.detector", "desk.policy")


@pytest.fixture
def client(experiment, mlruns):
    """Models with three versions each: the first ones are a desk's champions, the second challenge."""
    client, _ = experiment
    for name in (*NAMES, "desktop.policy"):
        client.create_registered_model(name)
        for _ in range(3):
            client.create_model_version(name, "file:///nowhere")
    crown(client, mlruns, dict.fromkeys(NAMES, "1"), "a run")
    for name in (*NAMES, "desktop.policy"):
        client.set_registered_model_alias(name, CHALLENGER, "2")
    return client


def test_challengers_take_over_together_and_are_written_down(client, mlruns):
    changes = promote_challengers(mlruns, "desk", "ann", "it won", evidence={"gain": 2.0})
    assert {each.model: (each.before, each.after) for each in changes} == dict.fromkeys(NAMES, ("1", "2"))
    assert aliased(client, "desk", CHAMPION) == dict.fromkeys(NAMES, "2")
    assert aliased(client, "desk", CHALLENGER) == {}
    assert aliased(client, "desktop", CHALLENGER) == {"desktop.policy": "2"}
    experiment = client.get_experiment_by_name("desk").experiment_id
    (run,) = client.search_runs([experiment], "tags.kind = 'promotion'")
    assert (run.data.tags["who"], run.data.tags["why"], run.info.status) == ("ann", "it won", "FINISHED")
    file = client.download_artifacts(run.info.run_id, "promotion.json")
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    assert told["evidence"] == {"gain": 2.0}
    assert {each["after"] for each in told["changes"]} == {"2"}


def test_a_desk_moves_no_models_of_desks_whose_names_are_like_its_own(client, mlruns):
    for name in ("a_b.policy", "a-b.policy", "a_b.test.policy", "A_B.policy"):
        client.create_registered_model(name)
        client.create_model_version(name, "file:///nowhere")
        client.set_registered_model_alias(name, CHALLENGER, "1")
    assert [each.model for each in promote_challengers(mlruns, "a_b", "ann", "it won")] == ["a_b.policy"]
    changes = promote_challengers(mlruns, "a_b.test", "ann", "it won", model="policy")
    assert [each.model for each in changes] == ["a_b.test.policy"]


def test_one_model_alone(client, mlruns):
    promote_challengers(mlruns, "desk", "ann", "it won", model="policy")
    assert aliased(client, "desk", CHAMPION) == {"desk.detector": "1", "desk.policy": "2"}
    assert aliased(client, "desk", CHALLENGER) == {"desk.detector": "2"}


def test_the_way_back_undoes_one_change_after_the_other(client, mlruns):
    promote_challengers(mlruns, "desk", "ann", "it won", model="policy")
    crown(client, mlruns, dict.fromkeys(NAMES, "3"), "a run")
    assert {each.after for each in roll_back(mlruns, "desk", "bob", "it lost")} == {"1", "2"}
    (change,) = roll_back(mlruns, "desk", "bob", "it lost too")
    assert (change.model, change.before, change.after) == ("desk.policy", "2", "1")
    assert aliased(client, "desk", CHAMPION) == dict.fromkeys(NAMES, "1")
    with pytest.raises(StoreError, match="nothing to go back to"):
        roll_back(mlruns, "desk", "bob", "again")


def test_a_model_that_came_by_promotion_is_gone_with_it(client, mlruns):
    client.create_registered_model("desk.execution_costs")
    client.create_model_version("desk.execution_costs", "file:///nowhere")
    client.set_registered_model_alias("desk.execution_costs", CHALLENGER, "1")
    promote_challengers(mlruns, "desk", "ann", "it won")
    changes = roll_back(mlruns, "desk", "ann", "it lost")
    assert {each.model: each.after for each in changes} == dict.fromkeys(NAMES, "1") | {
        "desk.execution_costs": None
    }
    assert aliased(client, "desk", CHAMPION) == dict.fromkeys(NAMES, "1")
    client.set_registered_model_alias("desk.execution_costs", CHALLENGER, "1")
    promote_challengers(mlruns, "desk", "ann", "again", model="execution_costs")
    assert aliased(client, "desk", CHAMPION)["desk.execution_costs"] == "1"
    roll_back(mlruns, "desk", "ann", "it lost again")
    with pytest.raises(StoreError, match="nothing to go back to"):
        roll_back(mlruns, "desk", "ann", "again")


def test_a_champion_from_before_there_was_a_history_is_gone_back_to(client, mlruns):
    client.set_registered_model_alias("desktop.policy", CHAMPION, "1")
    promote_challengers(mlruns, "desktop", "ann", "it won")
    roll_back(mlruns, "desktop", "ann", "it lost")
    assert aliased(client, "desktop", CHAMPION) == {"desktop.policy": "1"}


def test_without_a_challenger_it_is_said_who_there_is(client, mlruns):
    with pytest.raises(StoreError, match=r"desk.elsewhere has no challenger; there are desk\.detector"):
        promote_challengers(mlruns, "desk", "ann", "why", model="elsewhere")
    with pytest.raises(StoreError, match="desk none has no challenger: the retrain flow"):
        promote_challengers(mlruns, "none", "ann", "why")


def test_without_models_it_is_said_what_makes_them(mlruns):
    with pytest.raises(StoreError, match="`hedge run` makes them"):
        roll_back(mlruns, "desk", "ann", "why")
