"""The price-of-regime-information map: its rows add up, and a broken run goes on where it stopped."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest import information_price
from pipeline.backtest.information_price import Cell
from pipeline.domain.errors import SettingsError
from pipeline.evaluate import information_map
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.store import DatasetStore


@pytest.fixture(scope="module")
def small():
    return Cell("jump", "-4 %", jump=-0.04, calm_bps=5.0, turbulent_bps=20.0, steps=5)


@pytest.fixture(scope="module")
def row(small):
    return information_price.information_price(small, 4000, 3)["cell"]


def test_a_cell_has_the_long_run_volatility_and_the_contrast_it_names(small):
    dynamics = small.dynamics
    calm, turbulent = dynamics.volatility
    assert turbulent / calm == pytest.approx(small.contrast)
    assert np.sqrt(5 / 7 * calm**2 + 2 / 7 * turbulent**2) == pytest.approx(small.volatility)
    assert dynamics.cost == pytest.approx((5e-4, 20e-4))


def test_the_base_is_market_b():
    assert Cell("cost", "10 bp").dynamics.volatility == pytest.approx((0.12, 0.35), rel=1e-3)


def test_what_tuning_filter_and_knowledge_add_is_the_whole(row):
    found = information_map.with_shares(row).iloc[0]
    parts = found["tuning_gains"] + found["filter_adds"] + found["hidden"]
    assert parts == pytest.approx(found["naive"] - found["known"])
    shares = found[["tuning_gains_share", "filter_adds_share", "hidden_share"]].sum()
    assert shares == pytest.approx(100.0)
    assert found["knowing_adds"] == pytest.approx(found["filter_adds"] + found["hidden"])
    assert found["filter_adds_error"] > 0.0


def test_who_knows_more_has_less_risk(row):
    found = row.iloc[0]
    assert found["rival"] in ("blind", "blind_optimum")
    assert found["naive"] > found[found["rival"]]
    assert found[found["rival"]] > found["known"]


def test_without_regimes_the_blind_optimum_is_the_optimum():
    """One volatility: tuned to it, the optimum leaves a filter nothing, whatever its shape adds."""
    cell = Cell("contrast", "1", contrast=1.0, calm_bps=50.0, turbulent_bps=50.0, steps=10)
    found = information_price.information_price(cell, 8000, 5)["cell"].iloc[0]
    assert found["rival"] == "blind_optimum"
    assert abs(found["blind_optimum_volatility"] - 1.0) < 0.1
    assert found["filter_adds"] < 2.0 * found["filter_adds_error"]
    assert found["blind"] > found["filter"]


def test_an_axis_that_does_not_exist_is_named():
    with pytest.raises(SettingsError, match="no axis jumps; did you mean jump"):
        next(information_map.mapped(["jumps"], 1000, InMemory()))


def test_it_goes_on_where_it_stopped_and_is_written_whole(tmp_path, monkeypatch, small):
    other = Cell("jump", "0 %", steps=5)
    monkeypatch.setattr(information_map, "AXES", {"jump": [small, other]})
    store = DatasetStore(tmp_path / "datasets")
    started = information_map.mapped(["jump"], 1000, store.piece)
    next(started)
    kept = {folder: folder.stat().st_mtime_ns for folder in store.root.glob("[a-z]*")}
    assert kept
    table = pd.concat(information_map.mapped(["jump"], 1000, store.piece), ignore_index=True)
    assert all(folder.stat().st_mtime_ns == time for folder, time in kept.items())
    information_map.write_map(table, tmp_path / "map")
    assert {file.name for file in (tmp_path / "map").iterdir()} == {
        "map.csv",
        "map.json",
        "map.md",
        "map.png",
    }
    assert [row["label"] for row in json.loads((tmp_path / "map" / "map.json").read_text())] == [
        "-4 %",
        "0 %",
    ]
    assert "| jump | -4 % |" in (tmp_path / "map" / "map.md").read_text(encoding="utf-8")
