"""Signals of single decisions as the table that `stream_intraday` gives."""

import pandas as pd

from pipeline.backtest.decision_signals import CURVES

PLAIN = {
    "mid": "mid",
    "step_seconds": "step_seconds",
    "cost": "cost_forecast",
    "cost_lower": "cost_lower",
    "cost_upper": "cost_upper",
    "half_spread": "half_spread_forecast",
    "depth": "depth_forecast",
    "spike_prob": "spike_prob",
    "spike_base": "spike_base",
    "gap_prob": "gap_prob",
    "gap_base": "gap_base",
}


def signals_table(told):
    return pd.DataFrame(
        [{"time": pd.Timestamp(each.at, tz="UTC"), "day": each.day, **_numbers(each)} for each in told]
    )


def _numbers(told):
    found = {column: getattr(told, name) for name, column in PLAIN.items()}
    for name, curve in zip(CURVES, told.curves, strict=True):
        found |= {f"{name}_variance_{m}": value for m, value in enumerate(curve, start=1)}
    regimes = range(len(told.regime_prob))
    found |= {f"regime_prob_{k}": told.regime_prob[k] for k in regimes}
    found |= {f"regime_move_{i}_{j}": told.regime_moves[i, j] for i in regimes for j in regimes}
    return found | {f"regime_session_variance_{k}": told.regime_variance[k] for k in regimes}
