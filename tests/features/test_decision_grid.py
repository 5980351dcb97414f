"""The decision grid of all days: what it needs before it starts."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayHedge
from pipeline.features.decision_day import known_features
from pipeline.features.decision_grid import decision_features, event_parameters
from tests.market_day import day_tables
from tests.market_ticks import DESK


def test_data_that_begin_after_the_signals_start_are_named_with_both_days(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(DESK)
    days = pd.DataFrame(
        {"day": ["2020-03-04"], "table": ["quotes"], "key": ["k"], "file": ["f"], "rows": [1], "anew": False}
    ).assign(again=[[]])
    with pytest.raises(DataError, match=r"XYZ: no data up to windows.signals_start 2020-03-03.* 2020-03-04"):
        decision_features(load_any(str(path)), {"days": days})


def test_impact_cost_and_depth_are_those_of_the_desks_order_and_reach():
    hedge = IntradayHedge(size=400.0, order_share=0.25, depth_bps=7.0)
    tables = dict.fromkeys(("trades", "quotes", "book"), pd.DataFrame())
    found = {each.name: each for each in known_features(tables, hedge, {})}
    assert found["flow_impact"].constants().tolist() == [100.0]
    assert found["book_shape"].constants()[[0, 2]].tolist() == [100.0, 7.0]
    assert "vpin" not in found


def test_parameters_are_learned_from_what_was_known_before_and_from_days_that_have_it():
    """What comes later, a day of quotes only and a day that begins later change no bit of them."""
    rng, start = np.random.default_rng(4), pd.Timestamp("2020-03-02 10:00", tz="UTC")

    def day(first, rows=4000):
        seconds = np.sort(rng.integers(0, 7200, rows))
        times = start + pd.Timedelta(days=first) + pd.to_timedelta(seconds, unit="s")
        bid = 100.0 + 0.01 * np.cumsum(rng.integers(-1, 2, rows))
        quotes = {"bid_price": bid, "bid_size": 1.0, "ask_price": bid + 0.02, "ask_size": 1.0}
        trades = {"price": bid + 0.01 * rng.integers(0, 3, rows), "size": rng.lognormal(size=rows), "side": 0}
        stamps = {"event_time": times, "known_time": times}
        return {"quotes": pd.DataFrame(stamps | quotes), "trades": pd.DataFrame(stamps | trades)}

    def learned(*days):
        return event_parameters([day_tables(**each) for each in days], before)["parameters.json"]

    days = [day(0), day(1), day(2)]
    before = (start + pd.Timedelta("25h")).value
    found = learned(*days)
    assert "vpin" in json.loads(found)
    early = {
        name: rows[rows["known_time"] < pd.Timestamp(before, tz="UTC")] for name, rows in days[1].items()
    }
    assert 1000 < len(early["trades"]) < 3000
    assert learned(days[0], early) == found
    later = start + pd.Timedelta("1s")
    quotes_only = {"quotes": days[2]["quotes"].assign(known_time=later, event_time=later)}
    assert learned(*days, quotes_only) == found
    assert learned(days[0]) != found
