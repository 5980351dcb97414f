"""Whether own fills teach anything: each day's orders forecast from those before, against the desk file."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayHedge, LatencySettings
from pipeline.domain.own_cost_settings import OwnCosts
from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.execution.own_costs import SHORTEST
from pipeline.features.book_at import nanoseconds
from pipeline.ingest.dataset import Output
from pipeline.ingest.sources import NOTES
from pipeline.live.own_orders import OwnOrders
from pipeline.monitor.own_costs import Market, learn, seen_by, told, with_book, with_market

COSTS: Final = "costs.json"
ORDERS: Final = "orders"
NO_MARKET: Final = "at a time of which there are no market data"
FEWEST: Final = 30
"""Orders that were forecast, without which a part is not believed."""
NEWEST: Final = 2000
"""Orders that are judged, the newest of those that were forecast."""
BLOCK, RESAMPLES, SEED, CONFIDENCE = 6.0, 2000, 0, 0.95
DEAREST: Final = 10.0
"""Times what the book shows that a desk may be told."""


class Score(NamedTuple):
    """Squared error of the desk file less that of what was learned, the mean over orders of later days.

    Attributes
    ----------
    orders : that were forecast.
    gain, low : the mean, and the end of its one-sided interval; None where there are too few.
    failed : why it is not believed; empty where it is.
    """

    orders: int
    gain: float | None
    low: float | None
    failed: str


def learn_costs(
    hedge: IntradayHedge, own_costs: OwnCosts, orders: OwnOrders, grid: pd.DataFrame, fills: pd.DataFrame
) -> Output:
    """Return what own orders teach, see `taught`; `grid` and `fills` are those of the features."""
    return taught(hedge, own_costs, orders, with_book(grid, fills, hedge.order_size))


def taught(hedge: IntradayHedge, own_costs: OwnCosts, orders: OwnOrders, grid: pd.DataFrame) -> Output:
    """Return what own orders teach: `costs.json`, `orders` with what was forecast of each, and `notes`.

    What is believed is learned from all orders; whether it is, from forecasts (`forecast`) alone.

    Parameters
    ----------
    hedge : the desk file's, with its latency.
    own_costs : how far own fills are believed.
    orders : of journals and files.
    grid : of the features, through the newest day, `own_costs.with_book`.
    """
    known, refused = with_market(orders.rows, grid), dict(orders.refused)
    if lost := len(orders.rows) - len(known):
        refused[NO_MARKET] = lost
    scored = forecast(known, grid, hedge, own_costs.prior_fills)
    scores = {name: score(scored[f"{name}_gain"].dropna().to_numpy()) for name in ("latency", "crossing")}
    learned = learn(known, Market.of(grid, hedge), hedge, own_costs.prior_fills)
    crossing = learned.costs.crossing[0]
    if not 0.0 < crossing <= DEAREST:
        said = f"{crossing:.3g} times the book is not between 0 and {DEAREST:g}"
        scores["crossing"] = scores["crossing"]._replace(failed=said)
    latency = LatencySettings(median_seconds=learned.latency.median, spread=learned.latency.spread)
    found = LearnedCosts(
        None if scores["latency"].failed else latency,
        None if scores["crossing"].failed else crossing,
        told(learned) | {"refused": refused, "scores": {name: x._asdict() for name, x in scores.items()}},
    )
    return {COSTS: found.to_json().encode(), ORDERS: scored, NOTES: _notes(found)}


def forecast(orders: pd.DataFrame, grid: pd.DataFrame, hedge: IntradayHedge, weight: float) -> pd.DataFrame:
    """Return orders `with_market` with what the desk file and the orders of days before say of each.

    Added are `paid_book` and `paid_learned`, forecasts of `paid`, and the squared error of the former less
    that of the latter: `crossing_gain`, over the variance that the market explains, and `latency_gain`, of
    logs. All are NaN on days before which no own order was known. An order waits for the median latency.
    """
    book, learned, gained = (np.full(len(orders), np.nan) for _ in range(3))
    times = nanoseconds(grid["time"])
    for day in orders["day"].unique():
        began = int(times[(grid["day"] == day).to_numpy()][0])
        rows = (orders["day"] == day).to_numpy()
        before = orders[orders["known"] < began]
        if before.empty:
            continue
        market = Market.of(grid[times < began], hedge)
        today, found = orders[rows], learn(before, market, hedge, weight)
        prior = learn(before.iloc[:0], market, hedge, weight)
        for paid, each in ((book, prior), (learned, found)):
            wait = today["wait"].where(today["latency"].isna(), each.latency.median)
            paid[rows] = seen_by(today, wait) @ each.costs.coefficients
        log = np.log(np.maximum(today["latency"].to_numpy(float), SHORTEST))
        centres = (np.log(max(each.latency.median, SHORTEST)) for each in (prior, found))
        first, second = ((log - centre) ** 2 for centre in centres)
        gained[rows] = first - second
    paid, noise = orders["paid"].to_numpy(float), _noise(orders)
    gain = ((paid - book) ** 2 - (paid - learned) ** 2) / noise
    return orders.assign(paid_book=book, paid_learned=learned, crossing_gain=gain, latency_gain=gained)


def _noise(orders: pd.DataFrame) -> FloatArray:
    seen = seen_by(orders, orders["wait"])
    return np.asarray(seen[:, 0] ** 2 + seen[:, 2] ** 2)


def score(gains: FloatArray) -> Score:
    """Judge gains in the order of time by a stationary bootstrap (Politis and Romano 1994) of the newest.

    Examples
    --------
    >>> score(np.full(40, 0.5))
    Score(orders=40, gain=0.5, low=0.5, failed='')
    >>> score(np.empty(0)).failed
    '0 orders were forecast, 30 are needed'
    """
    newest = gains[-NEWEST:]
    number = len(newest)
    if number < FEWEST:
        return Score(number, None, None, f"{number} orders were forecast, {FEWEST} are needed")
    gain = float(newest.mean())
    drawn = newest[stationary_indices(number, BLOCK, RESAMPLES, SEED)].mean(axis=1)
    low = float(np.quantile(drawn, 1.0 - CONFIDENCE))
    chance = f"the error falls by {gain:.3g}, which chance explains: the interval begins at {low:.3g}"
    return Score(number, gain, low, "" if low > 0.0 else chance)


def _notes(found: LearnedCosts) -> pd.DataFrame:
    """Return what is to be said of it."""
    known = found.told
    if not (known["orders"] or known["refused"]):
        return pd.DataFrame({"note": []}, dtype="str")
    crossing, latency, scores = known["crossing"], known["latency"], known["scores"]
    values = {
        "latency": f"median {latency['median']:.3g} s (in logs ± {latency['log_error']:.2g})",
        "crossing": f"{crossing['value']:.3g} ± {crossing['error']:.2g} times the book",
    }
    lines = [f"{count} orders {why}: nothing is learned from them" for why, count in known["refused"].items()]
    lines.append(f"{known['orders']} orders teach latency and costs")
    for name, value in values.items() if known["orders"] else ():
        failed = scores[name]["failed"]
        lines.append(f"{name} {value}" + (f", not believed: {failed}" if failed else ""))
    return pd.DataFrame({"note": [f"own fills: {line}" for line in lines]}, dtype="str")
