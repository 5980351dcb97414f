"""The sentence about the trees follows the numbers, also where they lose."""

import pytest

from pipeline.evaluate.forecast_verdict import forecast_verdict


def judged(tables, qlike, p):
    scores = tables["scores"].copy()
    trees = scores["model"] == "lightgbm"
    scores.loc[trees, ["qlike", "dm_p_log_har"]] = qlike, p
    return forecast_verdict(scores, tables["events"], 0.05)


@pytest.mark.parametrize(
    ("qlike", "p", "answer", "words"),
    [
        (
            0.20,
            0.001,
            "yes",
            "Yes: LightGBM has a lower QLIKE than log-HAR on 6 of 6 targets (beyond doubt on 6)",
        ),
        (
            0.20,
            0.02,
            "no",
            "Not shown: LightGBM has a lower QLIKE than log-HAR on 6 of 6 targets (beyond doubt on 0)",
        ),
        (
            0.50,
            0.001,
            "it hurt",
            "No, they are worse: LightGBM has a lower QLIKE than log-HAR on 0 of 6 targets",
        ),
        (0.50, 0.5, "no", "Not shown: LightGBM has a lower QLIKE than log-HAR on 0 of 6"),
    ],
)
def test_the_answer_follows_the_scores(tables, qlike, p, answer, words):
    verdict = judged(tables, qlike, p)
    assert verdict.answer == answer
    assert words in verdict.sentence
    assert "logistic regression on 1 of 2 events" in verdict.sentence
