"""Desks and positions for the tests of the book."""

import numpy as np
import pandas as pd

from pipeline.policies.catalogue import POLICIES

FREE = {"costs": {"fee_bps": 0.0, "half_spread_bps": 0.0}, "market": {"rate": 0.0}}
DEAR = {
    "costs": {"fixed_fee_bps": 1.0},
    "execution": {"impact": 1.0, "notional_share": 0.05, "impact_half_life": 1.0, "lot": 0.01},
}


def changed(desk, **parts):
    return desk.model_copy(
        update={name: getattr(desk, name).model_copy(update=new) for name, new in parts.items()}
    )


def positions(**columns):
    """One short call, bought back never; any column can be replaced."""
    base = {
        "file": "held.csv",
        "row": 2,
        "quantity": -1.0,
        "kind": "call",
        "strike": 2000.0,
        "expiry": pd.Timestamp("2016-03-18"),
        "opened": pd.Timestamp("2016-02-24"),
        "price": np.nan,
    }
    return pd.DataFrame({**{name: [value] for name, value in base.items()}, **columns})


def unlearned(desk, names=("delta_implied", "whalley_wilmott", "zakamouline", "fixed_band", "leland")):
    return {name: {1: POLICIES[name](), 2: POLICIES[name]()} for name in names}
