import pandas as pd
import pytest

from pipeline.evaluate.comparison import ABLATIONS, TESTED, pairs_of_ablations
from pipeline.evaluate.verdicts import LEAST, verdicts


def paired(pairs, risk, interval, p, adjusted):
    rows = [
        (policy, baseline, metric, risk if metric == "risk_bps" else 0.5, *interval, p, adjusted)
        for policy, baseline in pairs
        for metric in TESTED
    ]
    columns = ["policy", "baseline", "metric", "difference", "low", "high", "p", "p_adjusted"]
    return pd.DataFrame(rows, columns=columns)


def judge(evaluation, risk, interval, p, adjusted):
    pairs = pairs_of_ablations(["regime_switched", *ABLATIONS.values()])
    ablations = paired(pairs, risk, interval, p, adjusted)
    found = verdicts(evaluation.desk, ablations, evaluation.against_delta, evaluation.comparison)
    return {verdict.question: verdict for verdict in found}["Did regimes pay?"]


def test_delta_is_not_held_against_itself(evaluation):
    comparison = evaluation.comparison.copy()
    comparison.loc["delta_implied", "risk_bps"] = comparison["risk_bps"].min() - 1.0
    found = verdicts(evaluation.desk, evaluation.ablations, evaluation.against_delta, comparison)
    sentence = next(each.sentence for each in found if each.question == LEAST)
    assert sentence.startswith("delta_implied has the lowest")
    assert sentence.count("bps") == 1


@pytest.mark.parametrize(
    ("numbers", "answer", "words"),
    [
        ((-2.0, (-3.0, -1.0), 0.001, 0.002), "yes", "Yes: with regimes switched on"),
        ((2.0, (1.0, 3.0), 0.001, 0.002), "it hurt", "No, it hurt:"),
        ((-2.0, (-5.0, 1.0), 0.2, 0.3), "no", "contains zero"),
        ((-2.0, (-3.9, -0.1), 0.04, 0.09), "no", "but not once the 3 comparisons are counted"),
    ],
    ids=["paid", "hurt", "open", "lost to the correction"],
)
def test_the_answer_follows_the_corrected_test(evaluation, numbers, answer, words):
    verdict = judge(evaluation, *numbers)
    assert verdict.answer == answer
    assert words in verdict.sentence
    assert f"{abs(numbers[0]):.2f} bps" in verdict.sentence


def test_a_part_that_training_left_unused_is_not_judged(evaluation):
    unused = paired(pairs_of_ablations(["regime_switched", *ABLATIONS.values()]), 0.0, (0.0, 0.0), 1.0, 1.0)
    unused["difference"] = 0.0
    (verdict, *_) = verdicts(evaluation.desk, unused, evaluation.against_delta, evaluation.comparison)
    assert (verdict.answer, verdict.sentence[:9]) == ("no", "Not used:")


def test_the_least_risk_is_named(evaluation):
    last = evaluation.verdicts[-2]
    assert last.question == "Which hedge had the least risk?"
    assert last.sentence.startswith(str(evaluation.comparison["risk_bps"].idxmin()))


def test_every_part_gets_a_verdict(evaluation):
    questions = [verdict.question for verdict in evaluation.verdicts]
    assert questions[:3] == ["Did regimes pay?", "Did forecasts pay?", "Did bands pay?"]
    assert "Does regime_switched beat delta_implied?" in questions
