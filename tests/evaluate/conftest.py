"""Synthetic backtest tables: 13 policies, two delays, 300 overlapping starts."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.attribution import COMPONENTS
from pipeline.backtest.frontier import COLUMNS as FRONTIER
from pipeline.domain.desk import Desk, EvaluationSettings, load_desk
from pipeline.forecasts.interval_scores import interval_table
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.reliability import reliability_table
from pipeline.regimes.describe import describe, transition_table

POLICIES = (
    "none",
    "delta_implied",
    "delta_forecast",
    "fixed_band",
    "leland",
    "whalley_wilmott",
    "zakamouline",
    "minimum_variance",
    "regime_map",
    "regime_switched",
    "regime_switched_no_regimes",
    "regime_switched_no_forecasts",
    "regime_switched_no_bands",
)
NOISE = dict(
    zip(POLICIES, (1.9, 0.62, 0.6, 0.63, 0.61, 0.6, 0.59, 0.5, 0.6, 0.49, 0.5, 0.52, 0.49), strict=True)
)
COST = dict(zip(POLICIES, (0, 3.1, 3.0, 1.9, 2.9, 1.8, 1.7, 3.2, 2.0, 1.9, 1.8, 1.9, 3.0), strict=True))
LIFE = 21


def overlapping(generator, size, life=LIFE):
    """Sums over `life` sessions, started every session: an MA process with unit variance."""
    shocks = generator.standard_t(5, size=size + life) / np.sqrt(5 / 3)
    return np.convolve(shocks, np.ones(life) / np.sqrt(life), mode="valid")[:size]


def sources_of(cost):
    """A cost by source, with nothing fixed and no impact."""
    nothing = np.zeros_like(cost)
    return {"fee": 0.25 * cost, "spread": cost - 0.25 * cost, "fixed_fee": nothing, "impact": nothing}


def make_episodes(desk: Desk, starts: pd.DatetimeIndex, regime: np.ndarray) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    common = overlapping(generator, len(starts)) * np.array([0.6, 1.0, 1.8])[regime]
    tables = []
    for delay in (0, 1):
        for policy in POLICIES:
            own = overlapping(generator, len(starts))
            noise = NOISE[policy] * (1 + 0.2 * delay)
            trading = noise * (0.8 * common + 0.6 * own)
            cost = 0.01 * COST[policy] * generator.uniform(0.6, 1.4, size=len(starts))
            payoff = np.maximum(common, 0.0) * 2
            premium, carry = 1.2 + payoff, np.full(len(starts), 0.02)
            tables.append(
                pd.DataFrame(
                    {
                        "policy": policy,
                        "delay": delay,
                        "start": starts,
                        "window": np.arange(len(starts)) // 100,
                        "regime": regime,
                        "market_return": 0.04 * common,
                        "pnl": premium + trading + carry - cost - payoff,
                        "premium": premium,
                        "trading": trading,
                        "carry": carry,
                        "cost": cost,
                        **sources_of(cost),
                        "payoff": payoff,
                        "turnover": cost * 70,
                        "trades": np.round(cost * 600),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


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


def make_path(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    generator = np.random.default_rng(5)
    spot = 100 * np.exp(np.cumsum(generator.normal(-2e-3, 0.015, size=LIFE)))
    centre = 1 / (1 + np.exp(-(spot - 98)))
    rows = []
    for policy in POLICIES:
        half = 0.0 if policy in ("none", "delta_implied", "delta_forecast", "leland") else 0.12
        lower, upper = centre - half, centre + half
        position, held = [], 0.0
        for low, high in zip(lower, upper, strict=True):
            held = float(np.clip(held, low, high))
            position.append(held)
        rows.append(
            pd.DataFrame(
                {
                    "session": sessions[:LIFE],
                    "policy": policy,
                    "spot": spot,
                    "lower": lower,
                    "upper": upper,
                    "position": position,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


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


def make_frontier() -> pd.DataFrame:
    """Two policies of which the first one heeds the risk aversion."""
    rows = [
        (
            policy,
            aversion,
            10.0,
            50.0 - 10 * moves * aversion,
            140.0,
            5.0 + aversion + moves,
            cost,
            12.0,
            moves,
        )
        for policy, moves, cost in (("whalley_wilmott", True, 1.5), ("delta_implied", False, 2.0))
        for aversion in (0.1, 1.0, 10.0)
    ]
    return pd.DataFrame(rows, columns=list(FRONTIER))


def make_detector_episodes(desk: Desk, starts: pd.DatetimeIndex, regime: np.ndarray) -> pd.DataFrame:
    """The flagship on the regimes of kmeans as it is, and on those of jump at a fifth of its cost more."""
    episodes = make_episodes(desk, starts, regime).query("policy == 'regime_switched' and delay == 0")
    dear = episodes.assign(cost=1.2 * episodes["cost"], pnl=episodes["pnl"] - 0.2 * episodes["cost"])
    return pd.concat([episodes.assign(policy="kmeans"), dear.assign(policy="jump")])


def make_book(sessions: pd.DatetimeIndex, options: int = 21) -> pd.DataFrame:
    """Days whose components add up; the options earn the same whoever hedges them."""
    generator = np.random.default_rng(8)
    days = len(sessions) - 1
    greeks = ("gamma", "theta", "vega", "vanna", "volga")
    common = {f"from_{greek}": 0.5 * generator.standard_t(4, days) for greek in greeks}
    common |= {"residual": 0.1 * generator.standard_normal(days), "dealt": np.zeros(days)}
    tables = []
    for policy in POLICIES:
        own = NOISE[policy] * generator.standard_normal(days)
        cost = 0.001 * COST[policy] * generator.uniform(0.5, 1.5, days)
        position = 10 + np.cumsum(0.3 * generator.standard_normal(days))
        table = pd.DataFrame(
            {
                "policy": policy,
                "session": sessions[:-1],
                "next_session": sessions[1:],
                "lower": -np.inf if policy == "none" else position - 0.2,
                "upper": np.inf if policy == "none" else position + 0.2,
                "from_delta": own,
                "carry": 0.002,
                "cost": cost,
                **sources_of(cost),
                **common,
                "traded": 10 * cost,
                "trades": (cost > 0).astype(float),
                "position": position,
                "option_value": -30.0 + generator.standard_normal(days),
                "delta": own,
                "gamma": -0.5 + 0.1 * generator.standard_normal(days),
                "vega": -2.0 + 0.2 * generator.standard_normal(days),
                "theta": 0.8 + 0.1 * generator.standard_normal(days),
                "capital": 60.0 + generator.standard_normal(days),
                "options": options,
            }
        )
        parts = table[["from_delta", "carry", *common]].sum(axis=1)
        tables.append(table.assign(pnl=parts - cost))
    return pd.concat(tables, ignore_index=True)


def make_explained(book: pd.DataFrame) -> pd.DataFrame:
    """Two views with the same numbers, the zones of the first three policies in all colours."""
    colours = dict(zip(POLICIES, ("green", "amber", "red"), strict=False))
    rows = []
    for view, tested in (("book", 250.0), ("episodes", 6300.0)):
        for policy, days in book.groupby("policy", sort=False):
            sizes = {f"rms_{name}": np.sqrt((days[name] ** 2).mean()) for name in ("pnl", *COMPONENTS)}
            means = {f"mean_{name}": days[name].mean() for name in ("pnl", *COMPONENTS)}
            rows.append(
                {
                    "view": view,
                    "policy": policy,
                    "days": float(len(days)),
                    **means,
                    **sizes,
                    "residual_of_options": 0.04,
                    "residual_of_hedged": 0.12,
                    "tested_days": tested,
                    "spearman": 0.97,
                    "ks": 0.031,
                    "zone": colours.get(str(policy), "green"),
                }
            )
    return pd.DataFrame(rows)


STRESS = (
    {"name": "2008-10", "start": "2008-09-29", "end": "2008-10-31"},
    {"name": "A fall, in 2016", "start": "2016-05-02", "end": "2016-05-31"},
)


@pytest.fixture(scope="session")
def desk() -> Desk:
    shipped = load_desk("spx-daily")
    evaluation = EvaluationSettings.model_validate({"resamples": 400, "stress": STRESS})
    return shipped.model_copy(update={"evaluation": evaluation})


@pytest.fixture(scope="session")
def tables(desk) -> dict[str, pd.DataFrame]:
    sessions = pd.bdate_range("2016-01-04", periods=340)
    regime = np.repeat([0, 1, 0, 2, 1, 0, 1], 50)[: len(sessions)]
    scores, events = make_scores()
    regimes, transition = make_regimes()
    book = make_book(sessions[:322])
    tuned = pd.DataFrame(
        [
            (window, policy, parameter, value + 0.1 * window, 2.1 - 0.05 * window)
            for window in range(3)
            for policy, parameter, value in (
                ("fixed_band", "half_width", 0.05),
                ("whalley_wilmott", "width_multiple", 1.2),
                ("regime_switched", "width_calm", 1.4),
                ("regime_switched", "width_turbulent", 0.7),
            )
        ],
        columns=["window", "policy", "parameter", "value", "training_score"],
    )
    return {
        "episodes": make_episodes(desk, sessions[:300], regime[:300]),
        "path": make_path(sessions),
        "signals": make_signals(sessions, regime),
        "scores": scores,
        "events": events,
        "intervals": make_intervals(),
        "importance": make_importance(),
        "reliability": make_reliability(),
        "regimes": regimes,
        "transition": transition,
        "detectors": make_detectors(),
        "frontier": make_frontier(),
        "detector_episodes": make_detector_episodes(desk, sessions[:300], regime[:300]),
        "tuned": tuned,
        "book": book,
        "explained": make_explained(book),
        "replays": make_book(sessions[80:102], options=1).assign(stress="A fall, in 2016"),
        "positions": pd.DataFrame(columns=["row"]),
        "held_back": pd.DataFrame(columns=["row"]),
    }


@pytest.fixture(scope="session")
def evaluation(desk, tables):
    from pipeline.evaluate.evaluate import evaluate

    return evaluate(desk, tables)
