"""Signals that are made up, and the tables that judge them."""

import numpy as np
import pandas as pd

from pipeline.forecasts.interval_scores import interval_table
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.reliability import reliability_table
from pipeline.regimes.describe import describe, transition_table
from tests.made_episodes import LIFE, overlapping


def make_signals(sessions: pd.DatetimeIndex, regime: np.ndarray) -> pd.DataFrame:
    generator = np.random.default_rng(4)
    probabilities = 0.08 + 0.76 * np.eye(3)[regime]
    vol = np.array([0.08, 0.14, 0.3])[regime] * np.exp(0.1 * generator.normal(size=len(sessions)))
    realised = vol * np.exp(0.3 * overlapping(generator, len(sessions)))
    realised[-LIFE:] = np.nan
    return pd.DataFrame(
        {
            "session": sessions,
            "close": 2000 * np.exp(np.cumsum(generator.normal(3e-4, 0.01, size=len(sessions)))),
            "implied_vol": 1.2 * vol,
            "window": np.arange(len(sessions)) // 100,
            **{f"regime_prob_{k}": probabilities[:, k] for k in range(3)},
            "forecast_vol": vol,
            "realised_vol": realised,
            "spike_prob": generator.uniform(0, 0.3, len(sessions)),
            "gap_prob": generator.uniform(0, 0.3, len(sessions)),
        }
    )


def make_scores() -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = pd.DataFrame(
        [
            (
                target,
                horizon,
                model,
                0.2 + 0.01 * i,
                1e-5 * (1 + i),
                np.nan if model == "har" else 0.03 * i,
                np.nan if model == "log_har" else 0.02,
                0.3,
                0.5,
                700,
            )
            for target in ("variance", "illiquidity")
            for horizon in (1, 5, 21)
            for i, model in enumerate(("lightgbm", "log_har", "har", "log_linear", "last_value"))
        ],
        columns=[
            "target",
            "horizon",
            "model",
            "qlike",
            "mse",
            "dm_p",
            "dm_p_log_har",
            "dm_p_log_linear",
            "mcs_p",
            "n",
        ],
    )
    events = pd.DataFrame(
        [
            ("spike", "climatology", 0.057, 0.0, 0.06, 0.06, np.nan, 0.01, 750),
            ("spike", "logistic", 0.051, 0.11, 0.30, 0.06, 0.01, np.nan, 750),
            ("spike", "lightgbm_event", 0.05, 0.12, 0.31, 0.06, 0.01, 0.4, 750),
            ("gap", "climatology", 0.084, 0.0, 0.11, 0.11, np.nan, 0.03, 750),
            ("gap", "logistic", 0.079, 0.06, 0.23, 0.11, 0.03, np.nan, 750),
            ("gap", "lightgbm_event", 0.08, 0.05, 0.22, 0.11, 0.04, 0.6, 750),
        ],
        columns=[
            "event",
            "model",
            "brier",
            "brier_skill",
            "average_precision",
            "base_rate",
            "dm_p",
            "dm_p_logistic",
            "n",
        ],
    )
    return scores, events


def make_intervals() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    forecast = np.exp(rng.normal(-6.0, 0.5, 300))
    y = forecast * np.exp(rng.normal(0.0, 0.4, 300))
    widths = {"lightgbm_adaptive": 1.9, "lightgbm_fixed": 1.7, "log_har_normal": 2.1}
    edges = {name: Interval(forecast / width, forecast * width) for name, width in widths.items()}
    names, regime = ["calm", "normal", "turbulent"], np.arange(300) // 120
    tables = [
        interval_table(edges, y, regime, names, horizon).assign(target=target, horizon=horizon)
        for target, horizon in (("variance", 21), ("illiquidity", 1))
    ]
    return pd.concat(tables, ignore_index=True)


def make_reliability() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    probability = rng.uniform(0.0, 0.4, 600)
    event = (rng.uniform(size=600) < probability).astype(float)
    tables = [
        reliability_table(event, np.clip(probability + off, 0, 1)).assign(event="spike", model=model)
        for model, off in (("logistic", 0.2), ("lightgbm_event", 0.0))
    ]
    return pd.concat(tables, ignore_index=True)


def make_importance() -> pd.DataFrame:
    inputs = ("log parkinson_1d", "log parkinson_5d", "return_1d", *(f"more_{k}" for k in range(8)))
    rows = [
        (target, horizon, name, 0.3 / (1 + i), 0.02 * (1 + i % 3))
        for target, horizon in (("variance", 1), ("variance", 21), ("illiquidity", 1), ("spike", 1))
        for i, name in enumerate(inputs)
    ]
    return pd.DataFrame(rows, columns=["target", "horizon", "input", "linear", "trees"])


def make_regimes() -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ["calm", "normal", "turbulent"]
    rng = np.random.default_rng(5)
    prob = np.repeat(np.eye(3)[rng.integers(0, 3, 20)], 25, axis=0) * 0.9 + 0.1 / 3
    returns = rng.standard_normal(len(prob)) * np.array([0.005, 0.009, 0.02])[prob.argmax(axis=1)]
    chain = np.array([[0.97, 0.03, 0.0], [0.04, 0.93, 0.03], [0.01, 0.06, 0.93]])
    described = describe(prob, returns, names).reset_index(names="name")
    return described, transition_table(chain, names).reset_index(names="from")


def make_detectors() -> pd.DataFrame:
    measured = {
        "detector": ["hmm", "kmeans", "jump"],
        "own": [True, False, False],
        "mean_stay": [14.4, 2.6, np.nan],
        "switches_a_year": [17.0, 96.0, np.nan],
        "qlike_5": [0.469, 0.747, np.nan],
        "qlike_21": [0.325, 0.554, np.nan],
        "median_lag": [2.0, np.inf, np.nan],
        "missed": [0.049, 0.51, np.nan],
        "false_alarms_a_year": [4.2, 49.5, np.nan],
        "fit_seconds": [0.64, 0.04, np.nan],
    }
    return pd.DataFrame(measured)
