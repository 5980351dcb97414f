"""The sentence about the trees follows the numbers, also where they lose."""

import pandas as pd
import pytest

from pipeline.evaluate.forecast_verdict import NETWORKS, forecast_verdicts

LEVEL = 0.05


def judged(tables, qlike=0.20, trees=1.0, simple=0.0, start=1e-4, events=1e-4, brier=0.01):
    """Give LightGBM a QLIKE, the p-values of the set (its own, the others') and that against its start."""
    scores, probabilities = tables["scores"].copy(), tables["events"].copy()
    scores["mcs_p"] = simple
    ours = scores["model"] == "lightgbm"
    scores.loc[ours, ["qlike", "mcs_p", "dm_p_log_linear"]] = qlike, trees, start
    ours = probabilities["model"] == "lightgbm_event"
    probabilities.loc[ours, ["brier", "dm_p", "dm_p_logistic"]] = brier, events, events
    [verdict] = forecast_verdicts(scores, probabilities, LEVEL)
    return verdict


def test_yes_only_where_all_hold(tables):
    verdict = judged(tables)
    assert verdict.answer == "yes"
    assert verdict.sentence.startswith(
        "Yes: LightGBM has a lower QLIKE than the best model without trees on 6 of 6"
    )
    assert "Beyond doubt on both counts: 8, variance at 1" in verdict.sentence


@pytest.mark.parametrize(
    "weak",
    [{"simple": 0.02}, {"start": 0.02}, {"events": 0.02}],
    ids=["a rival is left in the set", "their own share is not shown", "events are not shown"],
)
def test_one_doubt_is_enough_against_a_yes(tables, weak):
    verdict = judged(tables, **weak)
    assert verdict.answer == "no"
    assert verdict.sentence.startswith("Only in part: LightGBM")


def test_lower_everywhere_but_never_beyond_doubt_is_not_shown(tables):
    verdict = judged(tables, simple=0.5, start=0.5, events=0.5)
    assert verdict.answer == "no"
    assert verdict.sentence.startswith(
        "Not shown: LightGBM has a lower QLIKE than the best model without trees on 6 of"
    )
    assert verdict.sentence.endswith("Beyond doubt on both counts: none.")


def test_a_simple_model_that_is_far_better_makes_it_a_no(tables):
    verdict = judged(tables, qlike=0.5, trees=0.0, simple=1.0, start=0.5, events=0.5)
    assert verdict.answer == "it hurt"
    assert verdict.sentence.startswith(
        "No: a simpler model is better beyond doubt on 6 of 8 (variance at 1: log_har 0.210, LightGBM 0.500"
    )


def test_a_linear_start_that_is_better_makes_it_a_no(tables):
    verdict = judged(tables, qlike=0.5, trees=0.5, simple=0.5, start=1e-4, events=0.5)
    assert verdict.sentence.startswith("No: ")
    assert "log_linear 0.230, LightGBM 0.500" in verdict.sentence


def test_a_win_beside_a_loss_is_a_no_that_names_both(tables):
    verdict = judged(tables, qlike=0.5, trees=0.0, simple=1.0, start=0.5)
    assert verdict.answer == "no"
    assert verdict.sentence.startswith("No: a simpler model")
    assert verdict.sentence.endswith("Beyond doubt on both counts: 2, spike, gap.")


def test_what_the_combination_pushed_out_of_the_set_was_not_beaten_by_a_simple_model(tables):
    verdict = judged(tables, qlike=0.215, trees=0.0, simple=0.0, start=0.5, events=0.5)
    assert verdict.sentence.startswith("Not shown: ")


def test_an_event_that_never_happened_is_not_counted(tables):
    table = tables["events"].copy()
    table.loc[table["event"] == "gap", "base_rate"] = 0.0
    [verdict] = forecast_verdicts(tables["scores"], table, LEVEL)
    assert "than the simple ones on 1 of 1" in verdict.sentence


def with_networks(scores, qlike, p):
    """Give variances a recurrent network beside the trees."""
    own = scores[(scores["model"] == "lightgbm") & (scores["target"] == "variance")]
    added = own.assign(model="lstm", qlike=qlike, mcs_p=1.0, dm_p_log_linear=p)
    return pd.concat([scores.assign(mcs_p=0.0), added], ignore_index=True)


def test_networks_have_a_verdict_of_their_own_on_variances(tables):
    _, verdict = forecast_verdicts(with_networks(tables["scores"], 0.1, 1e-4), tables["events"], LEVEL)
    assert (verdict.question, verdict.answer) == (NETWORKS.question, "yes")
    assert verdict.sentence.startswith(
        "Yes: the LSTM has a lower QLIKE than the best simple model on 3 of 3 (beyond doubt: 3, variance at 1"
    )
    assert "Brier" not in verdict.sentence


def test_networks_that_lose_to_their_start_say_so(tables):
    _, verdict = forecast_verdicts(with_networks(tables["scores"], 0.5, 1e-4), tables["events"], LEVEL)
    assert verdict.answer == "it hurt"
    assert "(variance at 1: log_linear 0.230, the LSTM 0.500" in verdict.sentence


def test_networks_are_no_rivals_of_the_trees(tables):
    scores = with_networks(tables["scores"], 0.1, 1e-4)
    trees, _ = forecast_verdicts(scores, tables["events"], LEVEL)
    [alone] = forecast_verdicts(tables["scores"].assign(mcs_p=0.0), tables["events"], LEVEL)
    assert trees == alone
