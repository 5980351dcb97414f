import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from pipeline.evaluate.daily_report import daily_report
from pipeline.evaluate.drawing import inline_svg, save_pictures, settle
from pipeline.evaluate.figures import (
    cost_risk_frontier,
    pnl_distributions,
    spread,
    stressed_episode,
)
from pipeline.evaluate.run_record import RunRecord


@pytest.fixture(scope="module")
def figures(evaluation):
    report = daily_report(evaluation, RunRecord("a-run", "abc"))
    return {name: figure for name, figure in report.figures.items() if not name.startswith("stress-")}


def test_every_axis_carries_a_name_or_shares_one(figures):
    assert {"gain_over_delta", "regimes_over_price", "forecast_importance", "aversion_frontier"} <= set(
        figures
    )
    for figure in figures.values():
        assert all(size <= limit for size, limit in zip(figure.get_size_inches(), (10, 5.3), strict=True))
        named = any(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)
        assert named or figure.get_supxlabel()


def test_labels_of_thirteen_policies_do_not_overlap(evaluation):
    figure = cost_risk_frontier(evaluation.comparison)
    figure.draw_without_rendering()
    labels = [text for text in figure.axes[0].texts if text.get_text() in evaluation.comparison.index]
    boxes = [Text.get_window_extent(label) for label in labels]
    assert len(boxes) == 12
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    page = figure.bbox
    assert all(page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1) for box in boxes)


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=13).map(sorted))
def test_spread_labels_keep_their_order_and_their_distance(heights):
    placed = spread(np.array(heights), gap=0.05)
    assert np.all(np.diff(placed) >= 0.05 - 1e-9)
    assert placed.mean() == pytest.approx(np.mean(heights), abs=1e-9)


def test_labels_with_room_stay_where_they_are():
    heights = np.array([0.1, 0.4, 0.9])
    assert spread(heights, gap=0.1) == pytest.approx(heights)


def test_a_drawing_for_the_page_points_nowhere_and_owns_its_ids(evaluation):
    first, second = (inline_svg(pnl_distributions(evaluation.panel), "pnl") for _ in range(2))
    assert first.startswith("<svg")
    assert "http" not in first
    assert 'id="pnl-' in first
    assert "url(#pnl-" in first
    assert first == second


def test_pictures_are_the_same_bytes_for_the_same_figure(figures, tmp_path):
    chosen = {"gain": figures["gain_over_delta"]}
    save_pictures(chosen, tmp_path)
    first = (tmp_path / "gain.png").read_bytes()
    save_pictures(chosen, tmp_path)
    assert (tmp_path / "gain.png").read_bytes() == first


def test_drawing_leaves_the_process_wide_style_alone(evaluation):
    before = dict(mpl.rcParams)
    pnl_distributions(evaluation.panel)
    assert dict(mpl.rcParams) == before


def test_an_infinite_band_is_drawn_as_no_band(evaluation):
    path = evaluation.tables["path"].copy()
    path.loc[path["policy"] == "regime_switched", ["lower", "upper"]] = [-np.inf, np.inf]
    figure = stressed_episode(path)
    figure.draw_without_rendering()
    spans = [axis.get_ylim() for axis in figure.axes]
    assert np.isfinite(spans).all()


def test_a_settled_figure_keeps_the_layout_that_it_would_be_drawn_with(evaluation):
    settled, plain = (pnl_distributions(evaluation.panel) for _ in range(2))
    settle({"pnl": settled})
    plain.draw_without_rendering()
    for ours, drawn in zip(settled.axes, plain.axes, strict=True):
        np.testing.assert_allclose(ours.get_position().bounds, drawn.get_position().bounds, atol=0.01)
    before = settled.axes[0].get_position().bounds
    inline_svg(settled, "pnl")
    assert settled.axes[0].get_position().bounds == before


@pytest.mark.parametrize("step", ["30s", "1min", "1D", "7D"])
def test_labels_of_narrow_panels_do_not_meet(step):
    times = pd.date_range("2013-10-09 13:30:30", periods=61, freq=step)
    rows = {"session": times, "spot": 100.0, "lower": 0.4, "upper": 0.6, "position": 0.5}
    policies = ("delta_implied", "whalley_wilmott", "regime_switched")
    figure = stressed_episode(pd.concat([pd.DataFrame(rows).assign(policy=name) for name in policies]))
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        assert len(boxes) >= 2
        assert all(right.x0 > left.x1 + 2 for left, right in itertools.pairwise(boxes))
