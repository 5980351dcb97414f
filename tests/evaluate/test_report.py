import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipeline.evaluate import report
from pipeline.evaluate.daily_report import daily_report
from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.page import rendered
from pipeline.evaluate.report import write_report
from pipeline.evaluate.run_record import RunRecord

RECORD = RunRecord(
    run="spx-daily-1",
    code_version="c0de<script>",
    dataset_keys={"signals": "signals-77ab"},
    timings_s={"train": 12.3},
    peak_memory_mb=700.0,
)
VOID = {"meta", "link", "br", "img", "path", "use", "input", "hr"}


class Balance(HTMLParser):
    """Collects ids and tags that are closed out of order."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append(tag)


@pytest.fixture(scope="module")
def written(evaluation, tmp_path_factory):
    return write_report(daily_report(evaluation, RECORD), tmp_path_factory.mktemp("reports") / "run")


@pytest.fixture(scope="module")
def page(written):
    return written["report"].read_text(encoding="utf-8")


def test_the_page_names_every_policy_verdict_key_and_regime(page, evaluation):
    for policy in evaluation.panel.policies:
        assert f">{policy}<" in page
    for verdict in evaluation.verdicts:
        assert verdict.question in page
    for text in (
        "signals-77ab",
        "turbulent",
        "12.30",
        "15",
        "log_har",
        "width_calm",
        "lightgbm_adaptive",
        "Reliability of the probabilities",
        "What moves the forecasts",
    ):
        assert text in page


def test_the_page_needs_nothing_from_outside(page):
    assert "http" not in page
    assert "<script" not in page
    assert "<link" not in page
    assert re.findall(r'(?:src|href)="(?!#)', page) == []


def test_the_page_is_well_formed_and_escapes_what_it_is_given(page):
    parser = Balance()
    parser.feed(page)
    assert parser.faults == []
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert "c0de&lt;script&gt;" in page
    for target in re.findall(r'<a href="#([^"]+)"', page):
        assert target in parser.ids


def test_no_number_is_printed_as_nan(page):
    text = re.sub(r"<svg.*?</svg>|<style.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|None|inf)\b", text)


def test_the_files_lie_in_one_folder(written):
    folder = written["report"].parent
    assert {path.name for path in folder.iterdir()} == {path.name for path in written.values()}
    assert json.loads(written["summary"].read_text())["run"] == "spx-daily-1"


def test_a_second_writing_replaces_the_first_and_leaves_nothing_behind(evaluation, written, page):
    again = write_report(daily_report(evaluation, RECORD), written["report"].parent)
    assert again["report"].read_text(encoding="utf-8") == page
    assert [path.name for path in written["report"].parent.parent.iterdir()] == ["run"]


def test_a_failure_leaves_the_old_report_and_no_half_written_one(evaluation, written, page, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(report, "save_pictures", fail)
    shorter = replace(daily_report(evaluation, RECORD), sections=())
    with pytest.raises(OSError, match="disk full"):
        write_report(shorter, written["report"].parent)
    assert written["report"].read_text(encoding="utf-8") == page
    assert [path.name for path in written["report"].parent.parent.iterdir()] == ["run"]


def test_a_run_without_the_delayed_twin_has_no_such_table(desk, tables):
    own = tables["episodes"][tables["episodes"]["delay"] == 0]
    made = daily_report(evaluate(desk, {**tables, "episodes": own}), RECORD)
    assert "With fills one session later" not in rendered(made)
    assert made.summary["delayed"] == {}
