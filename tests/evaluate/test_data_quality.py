"""What was read and what is in quarantine, in the report, the summary and the metrics."""

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.domain.data_settings import FilesData
from pipeline.evaluate.daily_report import daily_report
from pipeline.evaluate.data_quality import (
    SHOWN_ROWS,
    data_metrics,
    data_named,
    data_sheet,
    data_summary,
    data_tables,
    note_sheet,
    quarantine_sheet,
)
from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.page import rendered
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.summary import daily_summary
from pipeline.ingest.timed_rows import INTAKE

RECORD = RunRecord("run-1", "c0de")
HELD = [
    ("bars", "spy.csv", 9, "no value: close", "2001-01-02,,"),
    ("bars", "spy.csv", 12, "no value: open", "2001-01-05,,"),
    ("bars", "spy.csv", 40, "not a number: low", "2001-02-15,<b>,\n1"),
    ("implied_vol", "vix.csv", 3, "no session of XNYS", "1990-01-15,26.34"),
]
NAMES = ("table", "file", "row", "reason", "text")


@pytest.fixture(scope="module")
def market():
    days = [pd.Timestamp(day) for day in ("1998-01-02", "2021-03-31", "1990-01-02", "2024-12-31")]
    intake = [("bars", "spy.csv", 5849, 3, *days[:2], 2), ("implied_vol", "vix.csv", 8833, 1, *days[2:], 0)]
    return {
        "bars": pd.DataFrame(),
        "intake": pd.DataFrame(intake, columns=list(INTAKE)),
        "quarantine": pd.DataFrame(HELD, columns=list(NAMES)),
        "notes": pd.DataFrame({"note": ["spy.csv: 5849 rows read", "vix.csv: 8833 rows read"]}),
    }


@pytest.fixture(scope="module")
def judged(desk, tables, market):
    return evaluate(desk, {**tables, **data_tables(market)})


def test_files_without_sessions_stand_beside_records_that_miss_none():
    """A desk within the day with its own records: its market's files have no sessions to miss."""
    file = {"file": "a", "rows": 1, "quarantined": 0, "reasons": {}, "first": None, "last": None}
    sheet = data_sheet(
        [{**file, "table": t, "missing_sessions": n} for t, n in (("quotes", None), ("fills", 0))]
    )
    assert [row[-1].text for row in sheet.rows] == ["–", "0"]


def test_the_summary_counts_the_rows_of_each_file_by_reason(judged):
    data = daily_summary(judged, RECORD)["data"]
    assert data["notes"] == ["spy.csv: 5849 rows read", "vix.csv: 8833 rows read"]
    assert data["files"][0] == {
        "table": "bars",
        "file": "spy.csv",
        "rows": 5849,
        "quarantined": 3,
        "reasons": {"no value": 2, "not a number": 1},
        "first": "1998-01-02",
        "last": "2021-03-31",
        "missing_sessions": 2,
    }
    assert all(sum(file["reasons"].values()) == file["quarantined"] for file in data["files"])


def test_the_metrics_are_in_all_and_by_table(judged):
    found = data_metrics(judged.tables)
    assert found["data/rows"] == 5849 + 8833
    assert (found["data/quarantined"], found["data/quarantined/implied_vol"]) == (4, 1)
    assert found["data/missing_sessions/bars"] == 2


def test_the_report_shows_files_notes_and_rows(judged):
    made = daily_report(judged, RECORD)
    (run,) = (section for section in made.sections if section.anchor == "run")
    page = rendered(replace(made, sections=(run,)))
    for text in (
        'id="data"',
        "2 no value, 1 not a number",
        "spy.csv, 40",
        "2001-02-15,&lt;b&gt;, 1",
        "8,833",
    ):
        assert text in page
    assert made.summary["data"]["files"][1]["reasons"] == {"no session of XNYS": 1}


def test_the_report_names_the_further_indices_and_how_options_are_marked(desk):
    def named(indices, **more):
        files = {
            "bars": {"file": "spy.csv"},
            "implied_vol": {"file": "vix.csv"},
            "vol_indices": indices,
            **more,
        }
        data = FilesData.model_validate({"source": "files", **files})
        return data_named(desk.model_copy(update={"data": data}))

    vix9d, skew = {"file": "a.csv"}, {"file": "b.csv"}
    assert named({}) == "files spy.csv and vix.csv"
    assert named({"skew": skew}) == "files spy.csv and vix.csv with skew"
    measures = {"file": "rv.csv"}
    assert named({}, realized=measures) == "files spy.csv and vix.csv with realised measures"
    assert named({"skew": skew}, realized=measures).endswith("with skew, realised measures")
    assert named({"vix9d": vix9d, "skew": skew}) == (
        "files spy.csv and vix.csv with vix9d, skew, options marked by their maturity between 9, 30 days"
    )


def test_a_run_on_the_sample_has_no_such_tables(evaluation):
    assert data_sheet(data_summary(evaluation.tables)["files"]).rows == ()
    for sheet in (note_sheet, quarantine_sheet):
        assert sheet(evaluation).rows == ()
    assert data_summary(evaluation.tables) == {"files": [], "notes": []}
    assert data_metrics(evaluation.tables) == {}


def test_the_report_prints_the_first_rows_only_and_says_of_how_many(desk, tables, market):
    many = pd.concat([market["quarantine"]] * 20, ignore_index=True)
    sheet = quarantine_sheet(evaluate(desk, {**tables, **data_tables({**market, "quarantine": many})}))
    assert len(sheet.rows) == SHOWN_ROWS
    assert sheet.lead.startswith(f"The first {SHOWN_ROWS} of 80;")
