"""The decision grid of all days: what it needs before it starts."""

import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayHedge
from pipeline.features.decision_day import known_features
from pipeline.features.decision_grid import decision_features
from tests.market_ticks import DESK


def test_data_that_begin_after_the_signals_start_are_named_with_both_days(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(DESK)
    days = pd.DataFrame(
        {"day": ["2020-03-04"], "table": ["quotes"], "key": ["k"], "file": ["f"], "rows": [1]}
    )
    with pytest.raises(DataError, match=r"XYZ: no data up to windows.signals_start 2020-03-03.* 2020-03-04"):
        decision_features(load_any(str(path)), {"days": days})


def test_impact_cost_and_depth_are_those_of_the_desks_order_and_reach():
    hedge = IntradayHedge(size=400.0, order_share=0.25, depth_bps=7.0)
    tables = dict.fromkeys(("trades", "quotes", "book"), pd.DataFrame())
    found = {each.name: each for each in known_features(tables, hedge, {})}
    assert found["flow_impact"].constants().tolist() == [100.0]
    assert found["book_shape"].constants()[[0, 2]].tolist() == [100.0, 7.0]
    assert "vpin" not in found
