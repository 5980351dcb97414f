"""A small market with made-up signals, the shape of what the walk-forward gives."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.domain.desk import Desk

LIFE = 21


@pytest.fixture(scope="session")
def desk():
    return desk_of_the_room()


def desk_of_the_room():
    return Desk(
        name="small",
        policies={"run": ("none", "whalley_wilmott", "minimum_variance", "regime_switched"), "budget": 12},
        windows={"signals_start": "2014-01-02", "test_start": "2016-01-01", "test_end": "2016-12-30"},
        evaluation={"frontier": 0},
    )


@pytest.fixture(scope="session")
def known_sessions():
    """Three years of sessions, which no test may change: spot and volatility move against each other."""
    rng = np.random.default_rng(9)
    days = pd.bdate_range("2014-01-02", "2016-12-30")
    shocks = rng.standard_normal(len(days))
    vol = 0.15 * np.exp(-0.1 * np.convolve(shocks, 0.9 ** np.arange(40))[: len(days)])
    close = 2000 * np.exp(np.cumsum(vol / np.sqrt(252) * shocks))
    calm = np.clip(1.5 - vol / 0.2, 0.02, 0.98)
    boundary = pd.Timestamp("2016-01-01")
    per_session = vol**2 / 252
    to_go = {
        f"{kind}_variance_{m}": m * per_session for kind in ("forecast", "regime") for m in range(1, LIFE + 1)
    }
    return pd.DataFrame(
        {
            "session": days,
            "close": close,
            "implied_vol": vol * 1.25,
            "window": np.where(days < boundary, 0, 1) + (days >= "2016-07-01"),
            "tested": days >= boundary,
            "regime_prob_0": calm,
            "regime_prob_1": 1.0 - calm,
            **to_go,
            **{f"lower_variance_{m}": 0.4 * m * per_session for m in range(1, LIFE + 1)},
            **{f"upper_variance_{m}": 3.0 * m * per_session for m in range(1, LIFE + 1)},
            "lower_illiquidity": 0.5,
            "upper_illiquidity": 2.0 * np.exp(0.1 * rng.standard_normal(len(days))),
            "illiquidity_forecast": np.exp(0.1 * rng.standard_normal(len(days))),
            "illiquidity_next": np.exp(0.3 * rng.standard_normal(len(days))),
            "spike_prob": 0.1,
            "spike_base": 0.1,
            "gap_prob": 0.12,
            "gap_base": 0.1,
        }
    )


@pytest.fixture
def sessions(known_sessions):
    """Sessions that a test may change."""
    return known_sessions.copy()


@pytest.fixture
def rivals(sessions):
    return opposite(sessions)


def opposite(sessions):
    """Return the regimes of another detector: the same market seen with the opposite opinion."""
    learned = sessions.filter(like="regime_variance_").assign(session=sessions["session"], detector="kmeans")
    return learned.assign(regime_prob_0=sessions["regime_prob_1"], regime_prob_1=sessions["regime_prob_0"])


@pytest.fixture
def signals(sessions, rivals):
    return {"signals": sessions, "rival_regimes": rivals}


@pytest.fixture(scope="session")
def tables(known_sessions):
    """What the backtest of the small desk finds; no test may change it."""
    rivals = opposite(known_sessions)
    return run_backtest(desk_of_the_room(), {"signals": known_sessions, "rival_regimes": rivals})
