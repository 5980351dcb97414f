"""One day of market events on the decision grid: what is known at each decision, and what orders meet."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_at import SIDES, BookAt, Instants, book_at
from pipeline.features.book_days import BOOK_STATE
from pipeline.features.day_events import QUOTES, TRADES, DayEvents
from pipeline.features.decision_times import SECOND, decision_times
from pipeline.features.event_catalogue import event_catalogue
from pipeline.features.event_feature import EventFeature, EventRows
from pipeline.features.event_values import EventValues
from pipeline.features.funding_paid import funding_paid
from pipeline.features.price_levels import PriceLevels
from pipeline.features.standing_book import StandingBook
from pipeline.ingest.dataset import Output
from pipeline.ingest.day_tables import TimedTables

BPS: Final = 1e4
FUNDING: Final = "funding"


def decision_day(
    day: str,
    tables: TimedTables,
    grid: GridSettings,
    hedge: IntradayHedge,
    seed: int,
    fitted: Mapping[str, Sequence[float]],
) -> Output:
    """Return the decisions of one day.

    Parameters
    ----------
    day : by the clock of the grid's zone.
    tables : canonical tables of the day.
    grid, hedge : when decisions are made, which order and which depth are looked at, and the latency.
    seed : of the latency.
    fitted : parameters of the features that are learned, by name; one that is not there has no column.

    Returns
    -------
    Tables of one row a decision. `grid/<day>`: `time`, `day`, `minutes` since the open, `mid` (the last sound
    one of the day), `book_state` (see `book_at`), every output of the event features, and means over the
    interval that ends with the decision: `half_spread` and `crossing_cost` (fractions of the mid), `depth`
    (units), `sound` (share of the time with a sound book) and `worst_cost` (largest crossing cost).
    `fills/<day>`: `time`, `latency` in seconds, the levels `bid_price_0`, … of the book at the arrival, and
    `state`: why nothing is filled, see `book_at`. That is so where the book is not sound when it arrives, or
    was not at the decision, which then sends nothing.

    Raises
    ------
    DataError
        There is nothing to trade against: the day has no quotes; its trades lie far from them; or the funding
        of a perpetual is not known.
    """
    events = DayEvents(tables, hedge.instrument)
    if "quotes" not in events:
        raise DataError(f"{day}: neither quotes nor a book, so nothing can be traded: look at data.files")
    perpetual = hedge.instrument == "perpetual"
    if perpetual and FUNDING not in tables:
        raise DataError(f"{day}: no funding of the perpetual: add the history of its venue to data.files")
    made = decision_times(day, grid, events)
    times, opened = made.times, made.opened
    latency = drawn_latency(hedge, made.until / SECOND, [seed, date.fromisoformat(day).toordinal()])
    arrivals = times + np.rint(latency * SECOND).astype(np.int64)
    between, first = sampled(times, made.since, grid)
    features = known_features(events, hedge, fitted)
    seen = followed(day, events, features, times, np.concatenate([times, between, arrivals]))
    look = partial(book_at, seen.standing, stale_after=grid.stale_after_seconds)
    at = look(times)
    numbers: dict[str, NDArray[Any]] = {
        "mid": pd.Series(at.mid).ffill().to_numpy(),
        BOOK_STATE: at.state,
        **interval_means(look(between), first, hedge),
        **seen.outputs,
    }
    if perpetual:
        ended = min(seen.ended, made.last)
        numbers[FUNDING] = funding_paid(day, tables[FUNDING], times, opened, ended)
    clock = pd.to_datetime(times, utc=True)
    minutes = (times - opened) / (60.0 * SECOND)
    rows = pd.DataFrame({"time": clock, "day": day, "minutes": minutes, **numbers})
    met = look(arrivals)
    state = np.where(at.sound, met.state, at.state)
    fills = pd.DataFrame({"time": clock, "latency": latency, "state": state, **_levels(met)})
    return {f"grid/{day}": rows, f"fills/{day}": fills}


@dataclass(frozen=True)
class Seen:
    """What is left of a day's events when they have gone by.

    Attributes
    ----------
    standing : the rows of the book, or quotes, that stood at the instants that were asked for.
    outputs : [T] of every feature at the decisions, by name.
    ended : when the last quote was known, nanoseconds UTC.
    """

    standing: EventRows
    outputs: dict[str, FloatArray]
    ended: int


def followed(
    day: str, events: DayEvents, features: Sequence[EventFeature], times: Instants, looked: Instants
) -> Seen:
    """Go through a day's events once.

    Parameters
    ----------
    day : for messages.
    events : of the day.
    features : whose tables are there.
    times : [T] the decisions, rising.
    looked : instants of which the standing book is kept.

    Raises
    ------
    DataError
        The prices of two tables lie far apart.
    """
    standing = StandingBook("book" in events, looked)
    values, levels, ended = EventValues(features, times), PriceLevels(), 0
    sources = [QUOTES, TRADES, *(source for each in features for source in each.sources)]
    for part in events.parts(sources):
        for follower in (standing, values, levels):
            follower.take(part)
        if (quotes := part.tables.get("quotes")) is not None:
            ended = int(quotes.known_time[-1])
    levels.check(day)
    return Seen(standing.rows(), values.columns(), ended)


def drawn_latency(hedge: IntradayHedge, until: FloatArray, seed: Sequence[int]) -> FloatArray:
    """Return the seconds from each decision to its arrival, [T]; at most those `until` the next decision.

    Examples
    --------
    >>> drawn_latency(IntradayHedge(), np.array([60.0, 0.01, 60.0]), [1]).round(3)
    array([0.059, 0.01 , 0.059])
    """
    return np.asarray(np.minimum(latencies(hedge, np.random.default_rng(seed), len(until)), until))


def latencies(hedge: IntradayHedge, dice: np.random.Generator, count: int) -> FloatArray:
    """Return the seconds that the next orders travel, [count], however long it is to the next decision."""
    drawn = hedge.latency.median_seconds * np.exp(hedge.latency.spread * dice.standard_normal(count))
    return np.asarray(drawn)


def known_features(
    tables: Container[str], hedge: IntradayHedge, fitted: Mapping[str, Sequence[float]]
) -> list[EventFeature]:
    """Return the event features, for the desk, whose tables are there and whose parameters are known."""
    found = []
    for feature in event_catalogue():
        if not all(source.table in tables for source in feature.sources):
            continue
        if feature.fit is None:
            found.append(feature.for_desk(hedge.order_size, hedge.depth_bps))
        elif feature.name in fitted:
            found.append(replace(feature, parameters=np.array(fitted[feature.name], dtype=np.float64)))
    return found


def sampled(times: Instants, since: Instants, grid: GridSettings) -> tuple[Instants, Instants]:
    """Return the instants of each interval, from its decision backwards, and where each interval begins.

    Examples
    --------
    >>> sampled(np.array([5, 7]) * SECOND, np.array([3, 2]) * SECOND, GridSettings())[0] // SECOND
    array([5, 4, 3, 7, 6])
    """
    between = int(grid.sample_seconds * SECOND)
    counts = -(-since // between)
    first = np.cumsum(counts) - counts
    back = between * (np.arange(counts.sum()) - np.repeat(first, counts))
    return np.repeat(times, counts) - back, first


MEANS: Final = ("half_spread", "crossing_cost", "depth", "sound", "worst_cost")
"""What `interval_means` gives, in its order."""


def interval_means(looked: BookAt, first: Instants, hedge: IntradayHedge) -> dict[str, FloatArray]:
    """Return means over the interval before each decision, of what stood at its instants."""
    cost = looked.crossing_cost(hedge.order_size)
    values = {
        "half_spread": looked.half_spread,
        "crossing_cost": cost,
        "depth": looked.depth(hedge.depth_bps / BPS),
        "sound": looked.sound.astype(np.float64),
    }
    means = {name: _means(each, first) for name, each in values.items()}
    highest = np.maximum.reduceat(np.where(looked.sound, cost, -np.inf), first)
    return {**means, "worst_cost": np.where(np.isfinite(highest), highest, np.nan)}


def _means(values: FloatArray, first: Instants) -> FloatArray:
    """Return the mean of what is known in each stretch that begins at `first`; NaN where nothing is."""
    known = np.isfinite(values)
    count = np.add.reduceat(known.astype(np.int64), first)
    total = np.add.reduceat(np.where(known, values, 0.0), first)
    return np.asarray(np.where(count > 0, total, np.nan) / np.maximum(count, 1))


def _levels(met: BookAt) -> dict[str, FloatArray]:
    return {
        f"{side}_{level}": getattr(met, side)[:, level]
        for side in SIDES
        for level in range(met.bid_price.shape[1])
    }
