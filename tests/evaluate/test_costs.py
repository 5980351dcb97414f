"""Cost by source: it adds up in both views, and is shown wherever the run is."""

import numpy as np
import pytest

from pipeline.backtest.ledger import SOURCES
from pipeline.domain.errors import DataError
from pipeline.evaluate.cost_sheet import cost_in_words, cost_sheet
from pipeline.evaluate.costs import cost_table
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.summary import daily_summary


def test_the_sources_are_those_of_the_tables_and_add_up(evaluation):
    costs = evaluation.costs.set_index(["view", "policy"])
    np.testing.assert_allclose(costs[list(SOURCES)].sum(axis=1), costs["cost"], rtol=1e-12)
    own = evaluation.comparison["cost_bps"]
    np.testing.assert_allclose(costs.loc["episodes"].loc[own.index, "cost"], own)
    held = evaluation.book["cost_bps"]
    np.testing.assert_allclose(costs.loc["book"].loc[held.index, "cost"], held)
    np.testing.assert_allclose(costs["fee"], 0.25 * costs["cost"])


def test_sources_that_do_not_add_up_are_an_error(evaluation):
    tables = evaluation.tables
    episodes = tables["episodes"].assign(fee=lambda table: table["fee"] + 0.01)
    with pytest.raises(DataError, match=r"episodes: policy .*: fee, spread, fixed_fee and impact differ"):
        cost_table(episodes, tables["book"])


def test_the_sheet_leaves_out_what_is_never_charged(evaluation):
    sheet = cost_sheet(evaluation)
    assert sheet.headings == ("View", "Policy", "Fee", "Half-spread", "Cost")
    assert len(sheet.rows) == 2 * len(evaluation.panel.policies)
    assert "0.2 bps fee" in sheet.lead


def test_what_is_charged_is_said_in_words(evaluation):
    desk = evaluation.desk
    costs = desk.costs.model_copy(update={"fixed_fee_bps": 0.5})
    execution = desk.execution.model_copy(update={"impact": 0.9, "impact_half_life": 2.0})
    words = cost_in_words(desk.model_copy(update={"costs": costs, "execution": execution}))
    assert "0.5 bps fixed fee a trade" in words
    assert "impact with Y = 0.9" in words
    assert "half of it gone after 2 sessions" in words


def test_the_summary_holds_the_sources(evaluation):
    summary = daily_summary(evaluation, RunRecord("demo", "abc", {}, {}, None))
    found = summary["costs"]["episodes"]["delta_implied"]
    assert set(found) == {f"{name}_bps" for name in (*SOURCES, "cost")}
    assert found["cost_bps"] == pytest.approx(summary["policies"]["delta_implied"]["cost_bps"])
