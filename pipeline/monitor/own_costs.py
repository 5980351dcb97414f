"""What own fills teach of latency and costs, with the market as it was known when each order was decided."""

from dataclasses import asdict
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayHedge
from pipeline.execution.arrivals import arrivals
from pipeline.execution.own_costs import (
    CostEstimate,
    LatencyEstimate,
    book_impact,
    costs_of_fills,
    latency_of,
    regressors,
)
from pipeline.features.book_at import nanoseconds

GRID: Final = ("time", "day", "mid", "half_spread", "depth", "variance_20", "step_seconds")
"""Columns of the decision grid that are read."""
SHOWN: Final = ["half_spread", "depth", "variance_20", "beyond", "taken"]
LATE: Final = 5.0
"""Decision intervals after which a row of the grid says nothing of an order."""
SECOND: Final = 1e9


class Learned(NamedTuple):
    """Latency and costs as own fills taught them."""

    latency: LatencyEstimate
    costs: CostEstimate


class Market(NamedTuple):
    """What the book's data say of the desk's order: `regressors` of it in their median, and Y."""

    typical: FloatArray
    impact: float

    @classmethod
    def of(cls, grid: pd.DataFrame, hedge: IntradayHedge) -> Self:
        """Return what rows of the decision grid `with_book` say.

        Raises
        ------
        DataError
            None of them knows spread, depth and volatility.
        """
        rows = grid.dropna(subset=SHOWN)
        rows = rows[(rows["depth"] > 0.0) & (rows["half_spread"] > 0.0)]
        if rows.empty:
            raise DataError("no decision of the grid knows half-spread, depth and volatility")
        half, depth, variance, beyond, taken = (rows[name].to_numpy(float) for name in SHOWN)
        steps = hedge.latency.median_seconds / rows["step_seconds"].to_numpy(float)
        whole, shown = (
            regressors(half, np.sqrt(variance), units / depth, steps) for units in (hedge.order_size, taken)
        )
        return cls(np.median(whole, axis=0), book_impact(beyond, shown[:, 1]))


def with_book(grid: pd.DataFrame, fills: pd.DataFrame, size: float) -> pd.DataFrame:
    """Return the decision grid with what an order of `size` units takes of the book that it meets, [T] each.

    `taken` are the units that the levels show of it, `beyond` what a unit of them pays beyond the best level,
    a fraction of the mid; the mean of both sides, NaN where the book is not sound. What is not shown is not
    filled, and costs nothing here: own fills know nothing of it either.

    Parameters
    ----------
    grid, fills : tables of the features, a row a decision, see `features.decision_day`.
    """
    met = arrivals(fills, np.empty((0, 0), dtype=np.int64), np.empty(0), 1.0)
    sides = [
        _beyond_best(price, units, size)
        for price, units in ((met.bid_price, met.bid_size), (met.ask_price, met.ask_size))
    ]
    beyond, taken = (0.5 * (first + second) for first, second in zip(*sides, strict=True))
    return grid.assign(beyond=beyond / met.mid, taken=np.where(np.isnan(met.mid), np.nan, taken))


def _beyond_best(price: FloatArray, shown: FloatArray, size: float) -> tuple[FloatArray, FloatArray]:
    """Return what a unit pays beyond the best of levels [T, L], money, and how many units are taken, [T]."""
    there = ~np.isnan(price)
    shown, away = np.where(there, shown, 0.0), np.where(there, np.abs(price - price[:, :1]), 0.0)
    take = np.clip(size - (np.cumsum(shown, axis=1) - shown), 0.0, shown)
    paid, taken = (take * away).sum(axis=1), take.sum(axis=1)
    return np.divide(paid, taken, out=np.zeros_like(paid), where=taken > 0.0), taken


def with_market(orders: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the orders of which the grid knows the market, with `day`, `vol`, `depth`, `step` and `paid`.

    An order is compared with the last row of the grid until its decision, a few intervals old at most and of
    the same day, and takes from it what was not told with the order: mid, half-spread, and then how old that
    mid is. `paid` is side · (price − mid) over mid.
    """
    times = nanoseconds(grid["time"])
    place = np.searchsorted(times, orders["decided"].to_numpy(), side="right") - 1
    rows = grid.iloc[np.maximum(place, 0)].reset_index(drop=True)
    age = (orders["decided"].to_numpy() - times[np.maximum(place, 0)]) / SECOND
    step = rows["step_seconds"].to_numpy(float)
    mid = orders["mid"].fillna(rows["mid"])
    found = orders.assign(
        day=rows["day"],
        mid=mid,
        half_spread=orders["half_spread"].fillna(rows["half_spread"]),
        wait=orders["wait"].fillna(pd.Series(age)),
        vol=np.sqrt(rows["variance_20"]),
        depth=rows["depth"],
        step=step,
        paid=orders["side"] * (orders["price"] - mid) / mid,
    )
    told = found[["mid", "half_spread", "vol", "depth"]].notna().all(axis=1).to_numpy()
    sound = told & (found["depth"] > 0.0).to_numpy() & (found["half_spread"] > 0.0).to_numpy()
    return found[(place >= 0) & (age <= LATE * step) & sound].reset_index(drop=True)


def seen_by(orders: pd.DataFrame, wait: "pd.Series[float] | float") -> FloatArray:
    """Return `regressors` of orders `with_market` that are filled so many seconds after the mid."""
    steps = np.broadcast_to(np.asarray(wait, dtype=np.float64), len(orders)) / orders["step"].to_numpy(float)
    share = (orders["units"] / orders["depth"]).to_numpy(float)
    return regressors(orders["half_spread"].to_numpy(float), orders["vol"].to_numpy(float), share, steps)


def learn(orders: pd.DataFrame, market: Market, hedge: IntradayHedge, weight: float) -> Learned:
    """Return what orders `with_market` teach, against a prior that weighs as much as so many of them."""
    seconds = orders["latency"].dropna().to_numpy(float)
    seen, paid = seen_by(orders, orders["wait"]), orders["paid"].to_numpy(float)
    return Learned(
        latency_of(seconds, hedge.latency, weight),
        costs_of_fills(paid, seen, market.typical, market.impact, weight),
    )


def told(learned: Learned) -> dict[str, Any]:
    """Return what was learned as plain numbers, each with its standard error and what it was before."""
    latency, costs = learned
    crossing, error = costs.crossing
    parts = zip(
        ("half_spread", "impact", "delay"),
        costs.coefficients.tolist(),
        costs.errors.tolist(),
        (1.0, costs.book_impact, 0.0),
        strict=True,
    )
    return {
        "orders": costs.orders,
        "latency": asdict(latency),
        "crossing": {"value": crossing, "error": error, "book": 1.0},
        **{name: {"value": value, "error": each, "book": book} for name, value, each, book in parts},
        "typical": costs.typical.tolist(),
    }
