"""The judgement, report and summary of a single hedge."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.contract_explain import PARTS
from pipeline.backtest.ledger import SOURCES
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError
from pipeline.evaluate.contract import evaluate_contract, verdicts_of
from pipeline.evaluate.contract_report import contract_report
from pipeline.evaluate.report import write_report
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.terminal import comparison_for_terminal
from pipeline.ingest.calendar import sessions_between
from pipeline.policies.catalogue import desk_policies

DAYS = sessions_between(pd.Timestamp("2015-01-02"), pd.Timestamp("2015-03-31"))
SCALE = 0.9


def days_of(policy, seed):
    rng = np.random.default_rng(seed)
    count = len(DAYS) - 1
    parts = {name: rng.normal(0.0, 0.1, count) for name in PARTS} | {"cost": rng.uniform(0.0, 0.01, count)}
    pnl = sum(parts.values()) - 2.0 * parts["cost"]
    options = rng.normal(0.0, 1.0, count)
    flat = dict.fromkeys(("lower", "upper", "position", "option_delta", "option_gamma", "option_vega"), 0.5)
    return pd.DataFrame(
        {
            "policy": policy,
            "session": DAYS[:-1],
            "next_session": DAYS[1:],
            "spot": 110.0 + np.cumsum(rng.normal(size=count)),
            "implied_vol": 0.3,
            "option_value": 17.0,
            **flat,
            "market_return": rng.normal(0.0, 0.01, count),
            "regime": 1,
            "pnl": pnl,
            "options": options,
            "hedge": pnl - options - parts["carry"] + parts["cost"],
            "dividends": 0.01,
            **parts,
            "traded": 0.1,
            "trades": 1.0,
        }
    )


def total_of(days):
    cost = float(days["cost"].sum())
    pnl, dividends = float(days["pnl"].sum()), float(days["dividends"].sum())
    carry = float(days["carry"].sum()) + dividends
    own = {"premium": 16.0, "payoff": 1.0, "carry": carry, "cost": cost, "pnl": pnl}
    own["trading"] = pnl - 16.0 + 1.0 - carry + cost
    sources = dict.fromkeys(SOURCES, 0.0) | {"fee": cost}
    booked = {"turnover": 4.0, "trades": 60.0, "dividends": dividends}
    return {"policy": days["policy"].iloc[0], **own, **sources, **booked}


@pytest.fixture(scope="module")
def judged(tables):
    settings = load_any("aapl-american")
    days = [days_of(name, seed) for seed, name in enumerate(desk_policies(settings.in_steps()))]
    life = {
        "right": "call", "strike": 100.0, "expiry": pd.Timestamp("2016-01-15"), "start": DAYS[0],
        "end": DAYS[-1], "ending": "expired", "entry": 17.55, "exit": 1.0, "scale": SCALE, "unquoted": 2,
        "training_options": 2199, "ratio": 1.51,
    }  # fmt: skip
    check = {
        "session": DAYS[22], "ex_date": DAYS[23], "dividend": 0.47, "spot": 119.56, "mid": 23.65,
        "value": 23.6, "time_value": 4.56, "exercised": False,
    }  # fmt: skip
    own = {
        "days": pd.concat(days, ignore_index=True),
        "totals": pd.DataFrame([total_of(each) for each in days]),
        "life": pd.DataFrame([life]),
        "checks": pd.DataFrame([check]),
        "held": pd.DataFrame({"file": [settings.data.file], "reason": ["locked quote"], "count": [1]}),
        "option_quotes": pd.DataFrame({"event_time": DAYS.tz_localize("UTC") + pd.Timedelta("21h")}),
    }
    return evaluate_contract(settings, {**tables, **own}, earlier_looks=1)


def test_the_path_adds_up_and_is_told_in_money_too(judged):
    path, days = judged.path, judged.tables["days"]
    own = days[days["policy"] == "leland"]["pnl"].to_numpy()
    row = path.loc["leland"]
    assert row["pnl_bps"] == pytest.approx(100.0 * own.sum())
    parts = row["premium_bps"] + row["trading_bps"] + row["dividends_bps"] + row["carry_bps"]
    assert row["pnl_bps"] == pytest.approx(parts - row["cost_bps"] - row["payoff_bps"])
    assert row["pnl_money"] == pytest.approx(own.sum() / SCALE)
    assert row["pnl_sd_bps"] == pytest.approx(100.0 * own.std())
    assert judged.comparison.loc["leland", "pnl_sd_bps"] == pytest.approx(100.0 * own.std())


def test_no_interval_and_no_test_is_given(judged):
    assert judged.comparison.filter(regex="_(low|high)$").isna().all(axis=None)
    assert judged.against_delta.empty
    assert {verdict.answer for verdict in judged.verdicts} == {"no"}
    assert "single hedge" in judged.said[0]
    assert "On 2 days" in judged.said[2]
    assert "2015-02-04 (dividend 0.47, time value 4.56)" in judged.verdicts[0].sentence


def test_the_residuals_share_is_of_the_options_own_moves(judged):
    own = judged.tables["days"].query("policy == 'none'")
    share = np.sqrt((own["residual"] ** 2).mean() / (own["options"] ** 2).mean())
    assert judged.explained.loc["none", "residual_of_options"] == pytest.approx(share)


def test_report_summary_and_terminal_hold_the_hedge(judged, tmp_path):
    files = write_report(contract_report(judged, RunRecord("a-run", "abc")), tmp_path / "report")
    page = files["report"].read_text(encoding="utf-8")
    for said in ("From the deal to the end", "Early exercise", "P&amp;L explain", "No claim about", "2199"):
        assert said.lower() in page.lower().replace("2,199", "2199")
    summary = json.loads(files["summary"].read_text(encoding="utf-8"))
    assert (summary["kind"], summary["episodes"]) == ("contract", len(DAYS) - 1)
    assert summary["exercise"][0]["ex_date"] == DAYS[23].date().isoformat()
    assert summary["life"]["ending"] == "expired"
    (file,) = summary["data"]["files"]
    assert (file["file"], file["rows"], file["quarantined"]) == (judged.settings.data.file, len(DAYS), 1)
    assert file["last"] == DAYS[-1].date().isoformat()
    assert summary["policies"]["leland"]["ci"]["pnl_sd_bps"] == [None, None]
    assert set(summary["path"]) == set(summary["explained"]) == set(summary["policies"])
    assert comparison_for_terminal(judged).row_count == len(judged.panel.policies)


def test_a_part_that_training_left_unused_is_said_to_be(judged):
    tables, days = dict(judged.tables), judged.tables["days"]
    assert "Did regimes pay?" not in [each.question for each in judged.verdicts]
    alike = days[days["policy"] == "regime_switched"].assign(policy="regime_switched_no_regimes")
    other = alike.assign(policy="regime_switched_no_bands", upper=alike["upper"] + 0.01)
    kept = days[~days["policy"].isin(("regime_switched_no_regimes", "regime_switched_no_bands"))]
    tables["days"] = pd.concat([kept, alike, other], ignore_index=True)
    said = {each.question: each.sentence for each in verdicts_of(tables, judged.path)}
    assert said["Did regimes pay?"].startswith("Not used: training left every parameter")
    assert "Did bands pay?" not in said


def test_a_missing_table_is_named(judged):
    rest = {name: table for name, table in judged.tables.items() if name != "checks"}
    with pytest.raises(DataError, match="table checks is missing"):
        evaluate_contract(judged.settings, rest)
