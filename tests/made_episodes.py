"""Episodes that are made up: 13 policies, two delays, overlapping starts."""

import numpy as np
import pandas as pd

from pipeline.backtest.frontier import COLUMNS as FRONTIER
from pipeline.domain.desk import Desk
from pipeline.policies.served_networks import COLUMNS as NETWORKS

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


def make_tuned() -> pd.DataFrame:
    return pd.DataFrame(
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


def make_networks() -> pd.DataFrame:
    """Two networks of a policy that remembers, and one of a policy that does not."""
    told = ("network_band", "2016-01-04", "a.npz", False, 400.0, 2.5, 2.5, 2.4, 0.08, 0.5)
    regimes = ((0.8, 1.2, 0.99, 0.97), (0.75, 1.3, 0.98, 0.96))
    nothing = (float("nan"),) * 4
    rows = [
        (*told, *nothing),
        ("recurrent_band", "2016-01-04", "b.npz", False, 400.0, 2.6, 2.6, 2.45, 0.08, 0.5, *regimes[0]),
        ("recurrent_band", "2016-07-01", "c.npz", True, 40.0, 2.59, 2.44, 2.43, 0.08, 0.6, *regimes[1]),
    ]
    table = pd.DataFrame(rows, columns=list(NETWORKS))
    return table.assign(first=pd.to_datetime(table["first"]))
