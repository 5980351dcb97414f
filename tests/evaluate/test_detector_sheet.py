from pipeline.evaluate.detector_sheet import FORMATS, HEADINGS, detector_sheet


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
