"""A book that is made up, and what explains its P&L."""

import numpy as np
import pandas as pd

from pipeline.backtest.attribution import COMPONENTS
from tests.made_episodes import COST, NOISE, POLICIES, sources_of


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
