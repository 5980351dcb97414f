import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.own_settings import OwnData
from pipeline.evaluate.metrics import METRICS
from pipeline.evaluate.own_fills import OWN_FILLS
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.summary import daily_summary, json_clean

RECORD = RunRecord("demo", "abc", {"bars": "bars-1"}, {"train": 1.5}, 500.0)


def test_the_summary_has_what_other_tools_read(evaluation):
    summary = json.loads(json.dumps(daily_summary(evaluation, RECORD), allow_nan=False))
    assert {
        "desk",
        "windows",
        "policies",
        "delayed",
        "ablations",
        "tests",
        "forecasts",
        "regimes",
        "effective_episodes",
        "timings_s",
        "peak_memory_mb",
    } <= set(summary)
    assert summary["desk"]["name"] == "spx-daily"
    assert summary["windows"][0]["first"] == "2016-01-04"
    policy = summary["policies"]["regime_switched"]
    assert set(METRICS) | {"ci"} == set(policy)
    assert set(policy["ci"]) == set(METRICS)
    low, high = policy["ci"]["cvar95_bps"]
    assert low <= policy["cvar95_bps"] <= high
    assert set(summary["delayed"]) == set(summary["policies"]) == set(evaluation.panel.policies)
    assert summary["ablations"]["regimes"]["without"] == "regime_switched_no_regimes"
    assert set(summary["tests"]["leland"]["risk_bps"]) == {"difference", "ci", "p", "p_adjusted"}
    har = summary["forecasts"]["variance"]["21"]["har"]
    assert har == {
        "qlike": pytest.approx(0.22),
        "mse": pytest.approx(3e-5),
        "dm_p": None,
        "dm_p_log_har": 0.02,
        "dm_p_log_linear": 0.3,
        "mcs_p": 0.5,
    }
    moved = summary["importance"]["variance"]["21"]
    assert moved["log parkinson_1d"] == {"linear": 0.3, "trees": 0.02}
    assert len(summary["regimes"]["transition"]) == 3
    covered = summary["intervals"]["variance"]["21"]["lightgbm_adaptive"]
    assert list(covered) == ["all", "calm", "normal", "turbulent"]
    assert covered["all"]["n"] == sum(covered[name]["n"] for name in ("calm", "normal", "turbulent")) == 300
    assert covered["calm"]["dm_p"] is None
    assert summary["by_regime"]["turbulent"]["policies"]["none"]["cvar95_bps"] is None
    assert summary["timings_s"] == {"train": 1.5}


@pytest.mark.parametrize("value", [float("nan"), np.inf, np.float32("nan")])
def test_what_is_no_number_becomes_null(value):
    assert json_clean(value) is None


def test_a_type_without_a_plain_form_is_an_error():
    with pytest.raises(TypeError, match="no plain form for set"):
        json_clean({"a": {1, 2}})


def test_the_summary_says_how_reliable_each_probability_is(evaluation):
    groups = daily_summary(evaluation, RECORD)["reliability"]["spike"]["lightgbm_event"]
    assert [group["n"] for group in groups] == [120] * 5
    assert all(group["low"] <= group["observed"] <= group["high"] for group in groups)
    assert groups[0]["inside"] in (True, False)


def test_own_fills_stand_in_the_summary(evaluation):
    assert daily_summary(evaluation, RECORD)["own_fills"] == []
    own = OwnData(instrument="SPX", fills={"file": "fills.csv"})
    desk = evaluation.desk.model_copy(update={"data": evaluation.desk.data.model_copy(update={"own": own})})
    signals = evaluation.tables["signals"]
    known = pd.date_range("2016-01-04 21:15", periods=len(signals), tz="UTC").as_unit("ns")
    signals = signals.assign(known_time=known, close=100.0, illiquidity_forecast=1.0)
    fill = {"instrument": "SPX", "side": 1, "size": 2.0, "price": 100.1, "fee": 0.0, "mid": 100.0}
    fills = pd.DataFrame([fill]).assign(known_time=known[3])
    tables = {**evaluation.tables, "signals": signals, OWN_FILLS: fills}
    given = replace(evaluation, desk=desk, tables=tables)
    year, whole = daily_summary(given, RECORD)["own_fills"]
    assert (year["period"], whole["period"], whole["fills"], whole["worth"]) == ("2016", "all", 1, 200.0)
    assert whole["cost_bps"] == pytest.approx(10.0)
