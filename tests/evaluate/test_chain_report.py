import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.chain_comparison import BOOKS, LATE
from pipeline.domain.desk_file import load_any
from pipeline.evaluate.chain import evaluate_chain
from pipeline.evaluate.chain_report import chain_report
from pipeline.evaluate.metrics import BPS_PER_UNIT
from pipeline.evaluate.report import write_report
from pipeline.evaluate.run_record import RunRecord
from pipeline.features.option_expiries import with_implied_vols
from pipeline.features.option_surface import NAMES
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.quarantine import COLUMNS
from pipeline.ingest.timed_rows import INTAKE, intake_table
from pipeline.policies.catalogue import desk_policies
from tests.made_episodes import make_networks
from tests.option_chain import chain


def deals_of(policies, days):
    rng = np.random.default_rng(6)
    parts = []
    for name, right, strike in product(policies, ("call", "put"), (95.0, 100.0, 105.0)):
        for delay in (0, LATE):
            count = len(days)
            rows = pd.DataFrame({"policy": name, "right": right, "start": days, "strike": strike})
            books = {each: rng.uniform(0.0, 0.01, count) for each in BOOKS}
            books |= {"cost": sum(books[each] for each in ("fee", "spread", "fixed_fee", "impact"))}
            books["pnl"] = books["premium"] + books["trading"] + books["carry"] - books["cost"]
            books["pnl"] = books["pnl"] - books["payoff"]
            dealt = {"window": 0, "regime": 1, "root": "SPX", "expiry": days, "tenor": 30, "delay": delay}
            parts.append(rows.assign(**dealt, **books, market_return=rng.normal(0.0, 0.01, count)))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def settings():
    desk = load_any("spx-chain")
    evaluation = desk.evaluation.model_copy(update={"resamples": 100})
    windows = desk.windows.model_copy(update={"test_start": pd.Timestamp("2019-05-16").date()})
    return desk.model_copy(update={"evaluation": evaluation, "windows": windows})


@pytest.fixture(scope="module")
def judged(settings, tables):
    days = sessions_between(pd.Timestamp("2019-05-01"), pd.Timestamp("2019-05-31"))
    rng = np.random.default_rng(5)
    spot = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(days))))
    quoted = [
        with_implied_vols(
            chain(f"{day:%Y-%m-%d}", float(price), ("06-21", "07-19"), np.arange(80.0, 121.0, 1.0))
        )[0]
        for day, price in zip(days, spot, strict=True)
    ]
    past = sessions_between(pd.Timestamp("2018-10-01"), days[-1])
    history = pd.DataFrame({"session": past, "implied_vol": rng.uniform(0.12, 0.2, len(past))})
    history["close"] = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(past))))
    times = pd.DataFrame({"event_time": days.tz_localize("UTC"), "risk_premium_30d": 0.001})
    vega = pd.DataFrame({"share": np.repeat([0.0, 1.0], 30), "pnl": rng.normal(size=60), "cost": 0.01})
    own = {
        "episodes": deals_of(desk_policies(settings.in_steps()), days[10:20]),
        "left_out": pd.DataFrame({"reason": ["no quote to close at"], "options": [2]}),
        "vega": vega,
        "networks": make_networks(),
        "quoted": pd.concat(quoted, ignore_index=True),
        "surface": times.assign(**dict.fromkeys(NAMES, 0.1)),
        "history": history,
        "days": pd.DataFrame({"day": days[:1], "file": "SPX_20190501.csv.gz", "quotes": 9}),
        "held": pd.DataFrame({"file": ["SPX_20190527.csv.gz"], "reason": ["a stale copy"], "count": [7]}),
        "intake": intake_table(
            [dict(zip(INTAKE, ("implied_vol", "vix.csv", 90, 1, *past[[0, -1]], 0), strict=True))]
        ),
        "quarantine": pd.DataFrame(
            [("implied_vol", "vix.csv", 3, "no value", "2018-10-03,")], columns=list(COLUMNS)
        ),
        "notes": pd.DataFrame({"note": ["SPX: 9 quotes on 1 days"]}),
    }
    return evaluate_chain(settings, {**tables, **own}, earlier_looks=2)


def test_report_and_summary_hold_what_real_quotes_say(judged, tmp_path):
    files = write_report(chain_report(judged, RunRecord("a-run", "abc")), tmp_path / "report")
    page = files["report"].read_text(encoding="utf-8")
    for said in (
        "Option by option",
        "Minimum-variance slope",
        "Future and one listed option",
        "a stale copy",
        "Arbitrage and quality of the chains",
        "Drift of market quality",
        "With fills one day later",
    ):
        assert said in page
    summary = json.loads(files["summary"].read_text(encoding="utf-8"))
    assert summary["kind"] == "chain"
    assert summary["episodes"] == 10
    assert set(summary["pooled"]) == {"all", "calls", "puts"}
    assert {row["slope"] for row in summary["slope_gains"]} == {"chain", "shrunk", "prior", "in_sample"}
    assert [row["share"] for row in summary["vega_frontier"]] == [0.0, 1.0]
    assert len(summary["quality"]) == len({row["day"] for row in summary["quality"]}) > 10
    assert {row["measure"] for row in summary["drift"]} >= {"quotes", "half_spread_bps"}
    assert summary["left_out"] == [{"reason": "no quote to close at", "options": 2}]
    files = {file["file"]: (file["table"], file["quarantined"]) for file in summary["data"]["files"]}
    assert files == {
        "SPX_20190501.csv.gz": ("option_quotes", 0),
        "SPX_20190527.csv.gz": ("", 7),
        "vix.csv": ("implied_vol", 1),
    }
    assert summary["data"]["notes"] == ["SPX: 9 quotes on 1 days"]
    assert "SPX: 9 quotes on 1 days" in page
    assert "2018-10-03," in page


def test_the_comparison_and_the_pooled_table_have_the_same_policies(judged):
    assert list(judged.comparison.index) == list(judged.pooled.loc["all"].index)
    assert len(judged.panel.starts) == 10


def test_the_late_twin_is_judged_on_its_own_fills(judged):
    assert list(judged.delayed.index) == list(judged.comparison.index)
    assert (judged.delayed["pnl_mean_bps"] != judged.comparison["pnl_mean_bps"]).all()
    days = judged.tables["episodes"].query("delay == 0").groupby(["policy", "start"])["pnl"].mean()
    mean = BPS_PER_UNIT * days.groupby("policy").mean()
    np.testing.assert_allclose(judged.comparison["pnl_mean_bps"], mean[judged.comparison.index])
