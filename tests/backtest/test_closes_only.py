"""A desk whose bars hold closes only runs through, and says what it could not learn."""

import logging
from datetime import date

import numpy as np
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.signals import learn_signals
from pipeline.domain.desk import Desk
from pipeline.features.assemble import assemble
from pipeline.ingest.sources import load_tables
from pipeline.ingest.tables import OPTIONAL


@pytest.fixture(scope="module")
def desk():
    return Desk(
        name="closes",
        windows={
            "learn_start": date(2009, 1, 2),
            "signals_start": date(2014, 1, 2),
            "test_start": date(2015, 7, 1),
            "test_end": date(2015, 12, 31),
        },
        regimes={"features": ("return_1d",), "states": 2, "restarts": 1},
        forecasts={"horizons": (1, 21), "trees": 10},
        policies={"run": ("whalley_wilmott", "regime_switched"), "budget": 8},
    )


@pytest.fixture(scope="module")
def learned(desk):
    market = load_tables(desk.data)
    unknown = dict.fromkeys(OPTIONAL, np.nan)
    market["bars"] = market["bars"][lambda bars: bars["session"] <= "2016-01-29"].assign(**unknown)
    features = assemble(market["bars"], market["implied_vol"])
    return features["features"], learn_signals(desk, market, features)


def test_what_needs_a_missing_column_is_not_offered(learned):
    features, _ = learned
    assert not [name for name in features if "parkinson" in name or "volume" in name or "illiq" in name]
    assert features["realized_vol_22d"].notna().any()


def test_trading_costs_the_desks_constant_and_no_gap_is_forecast(learned):
    _, tables = learned
    signals = tables["signals"]
    assert (signals[["illiquidity_forecast", "illiquidity_next"]] == 1.0).all().all()
    assert (signals["gap_prob"] == signals["gap_base"]).all()
    assert set(tables["scores"]["target"]) == {"variance"}
    assert set(tables["events"]["event"]) == {"spike"}
    losses = tables["scores"].pivot_table(index="horizon", columns="model", values="qlike")
    assert (losses["lightgbm"] < losses["last_value"]).all()


def test_the_hedge_runs_and_the_constant_is_charged(desk, learned):
    _, tables = learned
    episodes = run_backtest(desk, tables)["episodes"]
    delta = episodes.query("policy == 'delta_implied' and delay == 0")
    assert delta["cost"].between(0.5e-4 * 100, 5e-4 * 100).all()
    assert np.isfinite(episodes["pnl"]).all()


def test_it_is_said(desk, learned, caplog):
    features, _ = learned
    from pipeline.backtest.learned_forecasts import learn_forecasts
    from pipeline.backtest.windows import refit_windows

    close = 100 * np.exp(features["return_1d"].fillna(0.0).cumsum())
    with caplog.at_level(logging.INFO):
        learn_forecasts(desk, features, close, refit_windows(desk.windows, features["session"])[-1:])
    assert "trading costs are the desk's constants" in caplog.text
