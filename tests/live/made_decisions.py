"""Signals and books of one made day within the day, one row a decision, and a network that reads them."""

import numpy as np
import pandas as pd

from pipeline.backtest.decision_signals import CURVES, DecisionSignals
from pipeline.features.book_walk import SOUND
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.network import Layer, Network, matrix
from pipeline.policies.network_band import INPUTS, NetworkBand

EVENTS = ("spike", "gap")
STEPS, REACH, REGIMES = 60, 10, 2


def made_signals(seed=3):
    """Return the signals of a day, and the books that orders meet."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2020-03-05 15:00", periods=STEPS, freq="30s", tz="UTC")
    mid = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, STEPS)))
    table = {"time": time, "day": "2020-03-05", "mid": mid, "step_seconds": 30.0, "tested": True}
    step = 1e-6 * np.exp(0.3 * rng.normal(size=STEPS))
    for kind, scale in (("mark", 1.0), ("forecast", 1.1), ("lower", 0.6), ("upper", 1.9), ("regime", 1.05)):
        table |= {f"{kind}_variance_{m}": scale * m * step for m in range(1, REACH + 1)}
    calm = rng.uniform(0.1, 0.9, STEPS)
    table |= {"regime_prob_0": calm, "regime_prob_1": 1.0 - calm}
    table |= {f"cost_{name}": 1e-4 * k for k, name in enumerate(("lower", "forecast", "upper"), start=1)}
    table |= {f"{event}_{kind}": 0.1 for event in ("spike", "gap") for kind in ("prob", "base")}
    books = {"time": time, "latency": 0.05, "state": np.where(np.arange(STEPS) % 17 == 11, 2, SOUND)}
    for level in range(3):
        for side, sign in (("bid", -1.0), ("ask", 1.0)):
            books[f"{side}_price_{level}"] = mid * (1.0 + sign * 1e-4 * (level + 1))
            books[f"{side}_size_{level}"] = rng.uniform(0.01, 0.06, STEPS)
    return pd.DataFrame(table), pd.DataFrame(books)


def decision_signals(table):
    """Yield the rows of a table of signals as a live desk is told them."""
    model = np.full((REGIMES, REGIMES), 0.5), np.ones(REGIMES)
    for row in table.to_dict("records"):
        curves = np.array([[row[f"{name}_variance_{m}"] for m in range(1, REACH + 1)] for name in CURVES])
        plain = {name: row[name] for name in ("day", "mid", "step_seconds", "cost_lower", "cost_upper")}
        events = {f"{event}_{kind}": row[f"{event}_{kind}"] for event in EVENTS for kind in ("prob", "base")}
        yield DecisionSignals(
            at=row["time"].value,
            curves=curves,
            cost=row["cost_forecast"],
            half_spread=np.nan,
            depth=np.nan,
            regime_prob=np.array([row[f"regime_prob_{k}"] for k in range(REGIMES)]),
            regime_moves=model[0],
            regime_variance=model[1],
            outside=0.0,
            **plain,
            **events,
        )


def sees_the_state():
    """A network as training on stored days leaves it."""
    rows = np.random.default_rng(5).normal(0.0, 0.3, (2, len(INPUTS) + len(COLUMNS)))
    width = rows.shape[1]
    layer = Layer(matrix(rows), (0.1, -3.0))
    return NetworkBand(
        Network((layer,), (0.0,) * width, (3.0,) * width, (-9.0,) * width, (9.0,) * width), tuple(COLUMNS)
    )
