import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, SettingsError
from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.forecast_verdict import TREES
from pipeline.evaluate.verdicts import LEAST


def test_the_same_seed_gives_the_same_bits(desk, tables, evaluation):
    again = evaluate(desk, tables)
    for name in ("comparison", "delayed", "against_delta", "ablations", "by_regime", "windows"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(evaluation, name), check_exact=True)
    assert again.verdicts == evaluation.verdicts


def test_another_seed_moves_intervals_but_no_level(desk, tables, evaluation):
    other = evaluate(desk.model_copy(update={"seed": 8}), tables).comparison
    assert (other["risk_bps"] == evaluation.comparison["risk_bps"]).all()
    assert (other["risk_bps_low"] != evaluation.comparison["risk_bps_low"]).all()


def test_the_tables_are_left_as_they_were(desk, tables):
    before = {name: table.copy() for name, table in tables.items()}
    evaluate(desk, tables)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, before[name], check_exact=True)


def test_without_the_delayed_twin_there_is_no_delayed_table(desk, tables):
    own = tables["episodes"][tables["episodes"]["delay"] == 0]
    assert evaluate(desk, {**tables, "episodes": own}).delayed is None


def test_windows_count_all_episodes(evaluation):
    assert evaluation.windows["episodes"].sum() == evaluation.panel.size
    assert evaluation.effective == 15


def test_delta_must_be_among_the_policies(desk, tables):
    episodes = tables["episodes"][tables["episodes"]["policy"] != "delta_implied"]
    with pytest.raises(SettingsError, match="must name delta_implied"):
        evaluate(desk, {**tables, "episodes": episodes})


def test_a_missing_table_is_named(desk, tables):
    with pytest.raises(DataError, match="table scores is missing"):
        evaluate(desk, {name: table for name, table in tables.items() if name != "scores"})


def test_desks_without_the_flagship_are_judged_too(desk, tables):
    episodes = tables["episodes"][~tables["episodes"]["policy"].str.startswith("regime_switched")]
    judged = evaluate(desk, {**tables, "episodes": episodes})
    assert judged.ablations.empty
    assert [verdict.question for verdict in judged.verdicts] == [LEAST, TREES.question]


def test_earlier_looks_multiply_the_corrected_p(desk, tables, evaluation):
    fourth = evaluate(desk, tables, earlier_looks=3)
    expected = np.minimum(1.0, 4.0 * evaluation.ablations["p_adjusted"])
    np.testing.assert_allclose(fourth.ablations["p_adjusted"], expected)
    np.testing.assert_array_equal(fourth.ablations["p"], evaluation.ablations["p"])
    assert "and 3 earlier looks" in fourth.verdicts[0].sentence
