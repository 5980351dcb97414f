"""Whether training paid, in words, in numbers and in the report."""

import pandas as pd
import pytest

from pipeline.evaluate.comparison import BAND_RIVALS, SIMPLE, TRAINED, pairs_of_training
from pipeline.evaluate.sheets import trained_sheet
from pipeline.evaluate.summary import training_numbers
from pipeline.evaluate.training_verdict import training_verdicts
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.saved_network import LEARNED
from pipeline.policies.zakamouline import Zakamouline
from tests.evaluate.test_verdicts import paired


def test_the_names_are_those_of_the_policies():
    assert {name: rivals[0] for name, rivals in TRAINED.items()} == {
        name: kind.untrained for name, kind in LEARNED.items()
    }
    assert {rivals[1] for rivals in TRAINED.values()} == set(SIMPLE) <= set(POLICIES)


def test_untrained_it_is_the_band_that_it_is_compared_with(make_state):
    state, _ = make_state()
    ours, theirs = NetworkBand().band(state), Zakamouline().band(state)
    assert (ours.lower == theirs.lower).all()
    assert (ours.upper == theirs.upper).all()


@pytest.mark.parametrize(
    ("numbers", "answer", "words"),
    [
        ((-2.0, (-3.0, -1.0), 0.001, 0.002), "yes", "Yes: with ppo_band against its untrained self, zakam"),
        ((2.0, (1.0, 3.0), 0.001, 0.002), "it hurt", "No, it hurt:"),
        ((-0.2, (-3.0, 2.8), 0.7, 0.8), "no", "contains zero; p = 0.7, 0.8 corrected for 4 comparisons"),
    ],
)
def test_the_answer_follows_the_corrected_test(evaluation, numbers, answer, words):
    pairs = pairs_of_training(["network_band", "ppo_band", *BAND_RIVALS])
    tests = paired(pairs, *numbers)
    found = {verdict.question: verdict for verdict in training_verdicts(evaluation.desk, tests)}
    assert len(found) == 4
    verdict = found["Did the training of ppo_band pay?"]
    assert verdict.answer == answer
    assert words in verdict.sentence
    rival = found["Does network_band beat its simplest rival?"]
    assert "network_band against a band of one tuned width, fixed_band" in rival.sentence
    told = training_numbers(tests)
    assert told["ppo_band"][BAND_RIVALS[0]]["risk_bps"]["difference"] == numbers[0]
    assert set(told["network_band"]) == set(BAND_RIVALS)


def test_prior_and_band_are_judged_together_and_who_starts_from_nothing_has_no_untrained_rival(evaluation):
    pairs = pairs_of_training(["network_band", "network_position", "recurrent_position", BAND_RIVALS[0]])
    assert pairs == [("network_band", BAND_RIVALS[0]), ("network_band", "network_position")]
    found = training_verdicts(evaluation.desk, paired(pairs, -2.0, (-3.0, -1.0), 0.001, 0.002))
    assert found[1].question == "Are prior and band of network_band worth something?"
    assert "against a network that has neither, network_position" in found[1].sentence


def test_a_report_without_networks_has_neither_sheet_nor_verdict(evaluation):
    assert evaluation.trained.empty
    assert trained_sheet(evaluation) is None
    assert training_verdicts(evaluation.desk, evaluation.trained) == ()
    assert training_numbers(None) == {}


def test_a_report_with_one_has_a_row_for_each_pair(evaluation):
    from dataclasses import replace

    tests = paired([("sac_band", BAND_RIVALS[0])], -1.0, (-2.0, 0.5), 0.1, 0.2)
    sheet = trained_sheet(replace(evaluation, trained=tests))
    assert [row[0].text for row in sheet.rows] == ["sac_band − zakamouline"]
    assert isinstance(tests, pd.DataFrame)
