import pytest

from pipeline.evaluate.detector_sheet import FORMATS, HEADINGS, detector_sheet, detector_value_sheet


def test_one_row_a_detector_and_the_desks_own_is_named(evaluation):
    sheet = detector_sheet(evaluation)
    assert [row[0].text for row in sheet.rows] == ["hmm", "kmeans", "jump"]
    assert [row[0].under for row in sheet.rows] == ["this desk's", "", ""]
    assert all(len(row) == len(HEADINGS) == len(FORMATS) + 1 for row in sheet.rows)


def test_figures_are_in_the_units_of_their_headings(evaluation):
    own = dict(zip(HEADINGS, (cell.text for cell in detector_sheet(evaluation).rows[0]), strict=True))
    assert own["Missed, %"] == "5"
    assert own["QLIKE, 21 sessions"] == "0.325"
    assert own["Lag, sessions"] == "2"


def test_what_was_never_detected_or_not_measured_is_a_dash(evaluation):
    rows = detector_sheet(evaluation).rows
    assert rows[1][HEADINGS.index("Lag, sessions")].text == "–"
    assert {cell.text for cell in rows[2][1:]} == {"–"}


def test_the_lowest_loss_stands_out(evaluation):
    rows = detector_sheet(evaluation).rows
    place = HEADINGS.index("QLIKE, 5 sessions")
    assert [row[place].tone for row in rows] == ["best", "", ""]


def test_the_hedging_value_is_the_change_from_no_regimes(evaluation):
    tests = evaluation.detectors.set_index(["policy", "metric"])
    assert list(tests.index.unique("policy")) == ["hmm", "kmeans", "jump"]
    cost = evaluation.comparison["cost_bps"]
    plain = cost["regime_switched_no_regimes"]
    assert tests.loc[("hmm", "cost_bps"), "difference"] == pytest.approx(cost["regime_switched"] - plain)
    assert tests.loc[("jump", "cost_bps"), "level"] == pytest.approx(1.2 * cost["regime_switched"])
    assert (
        tests.loc[("jump", "pnl_mean_bps"), "difference"]
        < tests.loc[("kmeans", "pnl_mean_bps"), "difference"]
    )


def test_every_detector_is_a_row_of_its_value(evaluation):
    sheet = detector_value_sheet(evaluation)
    assert [row[0].text for row in sheet.rows] == ["hmm", "kmeans", "jump"]
    assert all(len(row) == len(sheet.headings) for row in sheet.rows)
