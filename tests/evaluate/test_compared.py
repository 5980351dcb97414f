import pandas as pd
import pytest

from pipeline.evaluate.compared import compared
from pipeline.evaluate.verdicts import FEW, verdicts

TESTS = ["low", "high", "p", "p_adjusted"]


@pytest.fixture(params=["enough", "few"])
def found(request, evaluation):
    """Compare the same episodes, once as if they lived so long that only four do not overlap."""
    sessions = evaluation.panel.session
    life = evaluation.desk.option.sessions
    if request.param == "few":
        life = int(sessions[-1] - sessions[0]) // 4 + 1
    return request.param, compared(evaluation.desk, evaluation.panel, life, 10.0, 0)


def test_no_interval_and_no_p_value_where_few_episodes_do_not_overlap(found, evaluation):
    which, result = found
    table, late = result.comparison, result.table(evaluation.panel)
    ends = [name for name in table if name.endswith(("_low", "_high"))]
    assert (result.effective < 5) == (which == "few")
    for each in (table[ends], late[ends], result.against_delta[TESTS], result.ablations[TESTS]):
        assert each.isna().all(axis=None) if which == "few" else each.notna().any(axis=None)
    levels = table.drop(columns=ends)
    pd.testing.assert_frame_equal(levels, evaluation.comparison.drop(columns=ends), check_exact=True)
    assert result.ablations["difference"].notna().all()


def test_verdicts_of_few_episodes_claim_nothing_and_say_why(found, evaluation):
    which, result = found
    said = verdicts(evaluation.desk, result.ablations, result.against_delta, result.comparison)
    if which == "few":
        assert {each.answer for each in said} == {"no"}
        assert all(each.sentence.endswith(FEW) for each in said[:-1])
    else:
        assert not any(FEW in each.sentence for each in said)
