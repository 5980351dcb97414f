"""The frontier over risk aversion in the report: who is a line, who a ring, and who has the least risk."""

import pandas as pd
import pytest

from pipeline.evaluate.evaluate import evaluate
from pipeline.evaluate.frontier import aversion_frontier, frontier_sheet


@pytest.fixture
def evaluation(desk, tables):
    return evaluate(desk, tables)


def test_the_least_risk_of_each_aversion_stands_out(evaluation):
    sheet = frontier_sheet(evaluation)
    best = [(row[0].text, row[1].text) for row in sheet.rows if row[-1].tone == "best"]
    assert best == [("delta_implied", "0.1"), ("delta_implied", "1"), ("delta_implied", "10")]
    assert sum(row[0].text == "whalley_wilmott" for row in sheet.rows) == 3


def test_a_desk_without_a_frontier_has_no_table(desk, tables):
    assert frontier_sheet(evaluate(desk, tables | {"frontier": tables["frontier"].iloc[:0]})) is None


def test_who_heeds_the_aversion_is_a_line_and_who_does_not_is_a_ring(tables):
    axes = aversion_frontier(tables["frontier"]).axes[0]
    (line,) = axes.get_lines()
    table = tables["frontier"].query("policy == 'whalley_wilmott'")
    assert list(line.get_ydata()) == list(table["pnl_sd_bps"])
    ring = axes.collections[1]
    assert len(ring.get_offsets()) == 1
    assert len(ring.get_facecolors()) == 0


def test_the_book_without_a_hedge_is_left_out(tables):
    more = pd.concat([tables["frontier"], tables["frontier"].assign(policy="none", pnl_sd_bps=900.0)])
    axes = aversion_frontier(more).axes[0]
    assert {text.get_text() for text in axes.texts} == {"whalley_wilmott", "delta_implied"}
