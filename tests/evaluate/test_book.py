"""The book's measures, the tables of the report about it, and the windows of stress."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.book import STRESSED, book_metrics, max_drawdown, replays_of
from pipeline.evaluate.book_figures import all_book_figures, replay_figure
from pipeline.evaluate.book_sheets import book_sheet, explain_sheet, replay_sheet, untested
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.summary import daily_summary


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_max_drawdown_is_the_largest_loss_between_two_days(pnl):
    reached = np.concatenate([[0.0], np.cumsum(pnl)])
    every = reached[:, None] - reached[None, :]
    assert max_drawdown(np.array(pnl)) == pytest.approx(np.triu(every).max(initial=0.0), abs=1e-9)


def test_a_book_that_only_gains_has_no_drawdown():
    assert max_drawdown(np.array([1.0, 0.0, 2.0])) == 0.0


def test_metrics_of_the_book_are_in_bps_of_the_first_spot(tables):
    found = book_metrics(tables["book"])
    own = tables["book"].query("policy == 'leland'")
    assert found.loc["leland", "pnl_bps"] == pytest.approx(100 * own["pnl"].sum())
    assert found.loc["leland", "peak_capital_bps"] == pytest.approx(100 * own["capital"].max())
    assert found.loc["none", ["cost_bps", "turnover", "trades"]].eq(0.0).all()
    assert list(found.index) == list(dict.fromkeys(tables["book"]["policy"]))


def test_a_window_of_stress_is_replayed_only_where_all_of_it_was_tested(desk, tables):
    before, inside = replays_of(desk, tables["book"], tables["replays"])
    assert not before.tested
    assert "does not lie inside the tested sessions, 4 January 2016 to" in untested(before, tables["book"])
    assert inside.tested
    assert set(inside.book["policy"]) == set(STRESSED)
    closes = inside.book["next_session"]
    assert closes.min() == pd.Timestamp("2016-05-02")
    assert closes.max() == pd.Timestamp("2016-05-31")
    late = desk.evaluation.stress[1].model_copy(update={"end": pd.Timestamp("2030-01-01").date()})
    moved = desk.model_copy(update={"evaluation": desk.evaluation.model_copy(update={"stress": (late,)})})
    assert replays_of(moved, tables["book"], tables["replays"])[0].book.empty


def test_the_tables_of_the_page(evaluation):
    sheet = book_sheet(evaluation)
    assert [row[0].text for row in sheet.rows] == list(evaluation.panel.policies)
    assert "rolling programme (short call, 21 sessions, a new one every session" in sheet.lead
    assert "up to 21 options at once" in sheet.lead
    explained = explain_sheet(evaluation, "book")
    assert [row[1].text for row in explained.rows[:3]] == ["green", "amber", "red"]
    assert [row[1].tone for row in explained.rows[:3]] == ["good", "", "bad"]
    assert "New deals" not in explained.headings
    assert "the last 250 days" in explained.lead
    assert explain_sheet(evaluation, "episodes").folded
    assert replay_sheet(evaluation.replays[0], "stress-x", "book") is None
    replayed = replay_sheet(evaluation.replays[1], "stress-x", "episode")
    assert [row[0].text for row in replayed.rows] == list(STRESSED)
    total, *parts = (float(cell.text.replace("−", "-").replace(",", "")) for cell in replayed.rows[0][1:-3])
    assert total == pytest.approx(sum(parts), abs=0.5)


def test_every_tested_window_has_its_figures(evaluation):
    drawn = all_book_figures(evaluation.tables, evaluation.desk, evaluation.replays)
    assert list(drawn) == [
        "book_pnl",
        "book_greeks",
        "stress-a-fall--in-2016-book",
        "stress-a-fall--in-2016-episode",
    ]
    replay = evaluation.replays[1]
    two = replay.book[replay.book["policy"].isin(STRESSED[:2])]
    names = evaluation.desk.regimes.names
    assert len(replay_figure(two, evaluation.tables["signals"], names, "two").axes) == 3 + 2 + 2 + 2


def test_the_summary_holds_the_book_what_explains_it_and_the_stress(evaluation):
    record = RunRecord("demo", "abc", {}, {}, None)
    summary = json.loads(json.dumps(daily_summary(evaluation, record), allow_nan=False))
    own = evaluation.tables["book"].query("policy == 'regime_switched'")
    assert summary["book"]["regime_switched"]["pnl_bps"] == pytest.approx(100 * own["pnl"].sum())
    explained = summary["explained"]["episodes"]["none"]
    assert explained["spearman"] == 0.97
    assert explained["rms_residual_bps"] > 0.0
    assert [window["tested"] for window in summary["stress"]] == [False, True]
    assert set(summary["stress"][1]["book"]) == set(STRESSED)
    assert summary["stress"][0]["book"] == {}
