"""The shipped desks within the day and on option chains, on short windows of their real files."""

import json
import os
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import shipped_desks
from pipeline.domain.home import Home
from pipeline.ingest.store import DatasetStore
from pipeline.tracking.database import connect
from tests.processes import hedge_in_this_process

pytestmark = pytest.mark.slow
DATA = Path(__file__).parents[3] / "shared" / "data"
LEDGER = ("premium", "trading", "carry", "cost", "payoff", "pnl")
SOURCES = ("fee", "spread", "fixed_fee", "impact")
SHORT = {
    "bac-intraday": (
        "ticks/lean_equity/bac",
        (
            ('"*_quote.zip", "*_trade.zip"', '"2013100[789]_quote.zip", "2013100[789]_trade.zip"'),
            ("test_end = 2013-10-11", "test_end = 2013-10-09"),
        ),
    ),
    "btc-intraday": (
        "book/bitstamp_btcusd",
        (
            ("test_end = 2015-05-01T16:00:00", "test_end = 2015-05-01T13:00:00"),
            ("refit_minutes = 180", "refit_minutes = 360"),
        ),
    ),
    "spx-chain": (
        "options/spx_chains_2019",
        (
            ("learn_start = 2008-01-02", "learn_start = 2014-01-02"),
            ("signals_start = 2018-04-02", "signals_start = 2019-03-01"),
            ("test_end = 2019-07-12", "test_end = 2019-05-24"),
            ("tenor_days = [7, 14, 30, 60, 90, 180]", "tenor_days = [14, 30]"),
            ("deltas = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]", "deltas = [0.25, 0.5, 0.75]"),
            ("[evaluation]", "[policies.train]\nnetwork_slope = { steps = 10 }\n\n[evaluation]"),
            ('"SPX_*.csv.gz"', '"SPX_20190[45]*.csv.gz", "SPX_2019060[34]*.csv.gz", "SPX_20190620.csv.gz"'),
        ),
    ),
}


def shortened(text, changes):
    """The desk's own text with other windows and few policies."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("run = ["))
    stop = next(place for place in range(start, len(lines)) if lines[place].rstrip().endswith("]"))
    learned = '"network_slope", ' if "network_slope = {" in text else ""
    lines[start : stop + 1] = [f'run = ["delta_implied", "whalley_wilmott", {learned}"regime_switched"]']
    text = "\n".join(lines).replace("budget = 60", "budget = 8").replace("trees = 60", "trees = 10")
    return text.replace("frontier = 5 ", "frontier = 3 ").replace("resamples = 2000", "resamples = 200")


@pytest.fixture(scope="module", params=SHORT)
def run(request, prefect, tmp_path_factory):
    """The summary of a desk's run, its home and its datasets."""
    name = request.param
    where, changes = SHORT[name]
    if not (DATA / where).is_dir():
        pytest.skip(f"no real data at {DATA / where}")
    folder = tmp_path_factory.mktemp(name)
    desk = folder / "desk.toml"
    desk.write_text(shortened(shipped_desks()[name], changes), encoding="utf-8")
    home = Home(folder / "home")
    with mock.patch.dict(os.environ, {"PREFECT_API_URL": prefect}):
        done = hedge_in_this_process("run", desk, "--data", DATA / where, "--home", home.root, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), home


def table(run, dataset, name):
    summary, home = run
    return DatasetStore(home.data / "datasets").open(summary["dataset_keys"][dataset])[name]


def test_report_summary_and_tracked_run_are_there(run):
    summary, home = run
    folder = home.data / "reports" / summary["run"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert summary["verdicts"][0]["question"] in page
    assert "Drift of market quality" in page
    assert set(summary["policies"]) >= {"delta_implied", "whalley_wilmott", "regime_switched"}
    assert all(np.isfinite(policy["pnl_sd_bps"]) for policy in summary["policies"].values())
    assert sum(file["rows"] for file in summary["data"]["files"]) > 1000
    client = connect(home.mlruns)
    experiment = client.get_experiment_by_name(summary["desk"]["name"])
    runs = client.search_runs([experiment.experiment_id], "tags.kind = 'pipeline'")
    assert [each.info.status for each in runs] == ["FINISHED"]
    assert runs[0].data.tags["report"] == summary["run"]


def test_a_chain_s_network_is_trained_judged_and_registered(run):
    summary, home = run
    if summary["kind"] != "chain":
        pytest.skip("it trains none")
    (network,) = table(run, "backtest", "networks").to_dict("records")
    assert network["first"] == pd.Timestamp(summary["windows"][0]["first"])
    assert summary["trained"]["network_slope"]["delta_implied"]["risk_bps"]
    (version,) = connect(home.mlruns).search_model_versions("name = 'spx-chain.network_slope'")
    assert version.tags["network"] == network["network"]
    assert "network_slope" in (home.data / "reports" / summary["run"] / "report.html").read_text("utf-8")


def test_the_books_add_up(run):
    books = table(run, "backtest", "episodes")
    sides = books["premium"] + books["trading"] + books["carry"] - books["cost"] - books["payoff"]
    np.testing.assert_allclose(books["pnl"], sides, atol=1e-9)
    np.testing.assert_allclose(books["cost"], books[list(SOURCES)].sum(axis=1), atol=1e-9)
    assert (books[["turnover", "trades"]] >= 0.0).all(axis=None)
    assert np.isfinite(books[list(LEDGER)]).all(axis=None)


def test_nothing_is_filled_beyond_what_the_book_shows(run):
    summary, _ = run
    if summary["kind"] == "chain":
        pytest.skip("the forward of a chain has no book")
    fills, desk = table(run, "signals", "fills"), summary["desk"]
    levels = [name for name in fills if name.startswith(("bid_size_", "ask_size_"))]
    most = fills[levels].T.groupby(lambda name: name[:3]).sum().T.max(axis=1).max() / desk["hedge"]["size"]
    path = table(run, "backtest", "path")
    moves = path.groupby("policy")["position"].diff().abs()
    assert moves.max() <= most + 1e-9
    lot = desk["hedge"]["lot"] / desk["hedge"]["size"]
    steps = moves.dropna() / lot
    np.testing.assert_allclose(steps, steps.round(), atol=1e-6)


def test_options_are_dealt_within_their_windows(run):
    summary, _ = run
    starts = pd.to_datetime(table(run, "backtest", "episodes")["start"])
    assert starts.min() >= pd.Timestamp(summary["windows"][0]["first"])
    assert starts.max() <= pd.Timestamp(summary["windows"][-1]["last"]) + pd.Timedelta("1s")
