"""One day of market events on the decision grid: what is known at each decision, and what orders meet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_at import (
    SIDES,
    BookAt,
    Instants,
    best_of,
    book_at,
    nanoseconds,
    quotes_at,
    stacked,
)
from pipeline.features.event_catalogue import event_catalogue
from pipeline.features.event_feature import EventFeature, EventRows, Source
from pipeline.features.event_stream import over
from pipeline.features.funding_paid import funding_paid
from pipeline.ingest.dataset import Output
from pipeline.ingest.market_tables import ADD, CHANGE, DELETE, batch, padded
from pipeline.ingest.trade_side import trade_sides
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import merged, reported

SECOND: Final = 1_000_000_000
BPS: Final = 1e4
FUNDING: Final = "funding"
LEVELS_FOLLOWED: Final = 20
Events = Mapping[str, pd.DataFrame]


def decision_day(
    day: str,
    tables: Events,
    grid: GridSettings,
    hedge: IntradayHedge,
    seed: int,
    fitted: Mapping[str, Sequence[float]],
) -> Output:
    """Return the decisions of one day.

    Parameters
    ----------
    day : by the clock of the grid's zone.
    tables : canonical tables of the day, each in the order of `known_time`.
    grid, hedge : when decisions are made, which order and which depth are looked at, and the latency.
    seed : of the latency.
    fitted : parameters of the features that are learned, by name; one that is not there has no column.

    Returns
    -------
    Tables of one row a decision. `grid/<day>`: `time`, `day`, `minutes` since the open, `mid` (the last sound
    one of the day), every output of the event features, and means over the interval that ends with the
    decision: `half_spread` and `crossing_cost` (fractions of the mid), `depth` (units), `sound` (share of
    the time with a sound book) and `worst_cost` (largest crossing cost). `fills/<day>`: `time`, `latency` in
    seconds, the `state` of the book at the arrival (see `book_at`), and its levels `bid_price_0`, …

    Raises
    ------
    DataError
        There is nothing to trade against: the day has no quotes; or the funding of a perpetual is not known.
    """
    times, opened = decisions(day, grid)
    events = sided(quoted(tables))
    if "quotes" not in events:
        raise DataError(f"{day}: neither quotes nor a book, so nothing can be traded: look at data.files")
    look = partial(_looked, events, grid.stale_after_seconds)
    at = look(times)
    numbers = {
        "mid": pd.Series(at.mid).ffill().to_numpy(),
        **_interval_means(look, times, grid, hedge),
        **event_values(events, times, hedge, fitted),
    }
    if hedge.instrument == "perpetual":
        if "funding" not in tables:
            raise DataError(f"{day}: no funding of the perpetual: add the history of its venue to data.files")
        numbers[FUNDING] = funding_paid(day, tables["funding"], times, opened, _ended(events, times))
    clock = pd.to_datetime(times, utc=True)
    minutes = (times - opened) / (60.0 * SECOND)
    features = pd.DataFrame({"time": clock, "day": day, "minutes": minutes, **numbers})
    latency = drawn_latency(hedge, grid, len(times), [seed, date.fromisoformat(day).toordinal()])
    arrivals = times + (latency * SECOND).astype(np.int64)
    met = look(arrivals)
    fills = pd.DataFrame({"time": clock, "latency": latency, "state": met.state, **_levels(met)})
    return {f"grid/{day}": features, f"fills/{day}": fills}


def decisions(day: str, grid: GridSettings) -> tuple[Instants, int]:
    """Return the decision times of a day and its open, nanoseconds UTC: open + n · every, before the close.

    Examples
    --------
    >>> times, opened = decisions("2020-01-01", GridSettings(every_seconds=3600))
    >>> len(times), int(times[0] - opened) // SECOND
    (23, 3600)
    """
    zone, today = ZoneInfo(grid.zone), date.fromisoformat(day)
    opened = datetime.combine(today, grid.open, tzinfo=zone)
    if grid.close is None:
        closed = datetime.combine(today + timedelta(days=1), grid.open.min, tzinfo=zone)
    else:
        closed = datetime.combine(today, grid.close, tzinfo=zone)
    first, last = (int(each.timestamp()) * SECOND for each in (opened, closed))
    step = grid.every_seconds * SECOND
    return np.arange(first + step, last, step, dtype=np.int64), first


def drawn_latency(hedge: IntradayHedge, grid: GridSettings, count: int, seed: Sequence[int]) -> FloatArray:
    """Return the seconds from each decision to its arrival, [count]; at most one interval.

    Examples
    --------
    >>> drawn_latency(IntradayHedge(), GridSettings(), 3, [1]).round(3)
    array([0.059, 0.075, 0.059])
    """
    normal = np.random.default_rng(seed).standard_normal(count)
    drawn = hedge.latency.median_seconds * np.exp(hedge.latency.spread * normal)
    return np.asarray(np.minimum(drawn, float(grid.every_seconds)))


def quoted(tables: Events) -> dict[str, pd.DataFrame]:
    """Return the tables with the best quotes of the book, where there is a book and no table of quotes.

    A venue that tells book events is followed by `orderbook.order_book`, twenty levels deep. Books that it
    sends beside its orders start that book and correct it; beside level changes they are taken as they are.
    """
    found = {table: tables[table] for table in tables if table != "book_events"}
    if "book_events" in tables:
        events, books = tables["book_events"], tables.get("book")
        if books is None or events["kind"].isin((ADD, CHANGE, DELETE)).any():
            found["book"] = _followed(events, books)
    if "quotes" not in found and "book" in found:
        found["quotes"] = best_of(found["book"])
    return found


def _followed(events: pd.DataFrame, books: pd.DataFrame | None) -> pd.DataFrame:
    stamps = {name: nanoseconds(events[name]) for name in ("event_time", "known_time")}
    rest = [each.name for each in fields(BookEvents) if each.name not in stamps]
    columns: dict[str, Any] = {name: events[name].to_numpy() for name in rest}
    parts = [BookEvents(**{**columns, **stamps})]
    if books is not None:
        parts.append(_reported(books))
    rows = OrderBook(LEVELS_FOLLOWED).changes(merged(parts))
    found: pd.DataFrame = pa.Table.from_batches([rows.batch().rows]).to_pandas()
    return found


def _ended(events: Events, times: Instants) -> int:
    """Return until when the market of a day is known: to its last quote or its last decision, the earlier."""
    return min(int(nanoseconds(events["quotes"]["known_time"]).max()), int(times[-1]))


def _reported(books: pd.DataFrame) -> BookEvents:
    stamps = {name: nanoseconds(books[name]).view("datetime64[ns]") for name in ("event_time", "known_time")}
    levels = {name: padded(stacked(books[name])) for name in SIDES}
    rest = {name: books[name].to_numpy() for name in ("source_row", "sequence", "trusted", "levels")}
    return reported(batch("book", {**stamps, **levels, **rest}).rows)


def _looked(events: Events, stale_after: float, times: Instants) -> BookAt:
    """Return what stood at some instants: the book where there is one, else the best quotes."""
    if "book" in events:
        return book_at(events["book"], times, stale_after)
    return quotes_at(events["quotes"], times, stale_after)


def sided(tables: Events) -> dict[str, pd.DataFrame]:
    """Return the tables with a side on every trade that the quotes or the ticks tell."""
    found = {table: tables[table] for table in tables}
    if "trades" in found and "quotes" in found:
        trades, quotes = found["trades"], found["quotes"]
        sides = trade_sides(
            nanoseconds(trades["known_time"]),
            trades["price"].to_numpy(float),
            trades["side"].to_numpy(np.int8),
            nanoseconds(quotes["known_time"]),
            quotes["bid_price"].to_numpy(float),
            quotes["ask_price"].to_numpy(float),
        )
        found["trades"] = trades.assign(side=sides)
    return found


def event_values(
    events: Events, times: Instants, hedge: IntradayHedge, fitted: Mapping[str, Sequence[float]]
) -> dict[str, FloatArray]:
    """Return every output of the event features that the tables allow, by name, [T] each.

    Impact, cost of crossing and depth are those of the desk's order within the desk's reach.
    """
    found: dict[str, FloatArray] = {}
    for feature in known_features(events, hedge, fitted):
        rows = {source.table: event_table(source, events[source.table]) for source in feature.sources}
        values = over(feature, rows, times)
        found |= {each.name: values[:, place] for place, each in enumerate(feature.outputs)}
    return found


def known_features(
    tables: Events, hedge: IntradayHedge, fitted: Mapping[str, Sequence[float]]
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


def event_table(source: Source, rows: pd.DataFrame) -> EventRows:
    """Return what a feature reads of a canonical table; a list of levels counts each."""
    known = nanoseconds(rows["known_time"])
    if source.table == "book":
        parts = [
            np.stack([np.asarray(each, dtype=np.float64) for each in rows[name]])
            if name in SIDES
            else rows[[name]].to_numpy(float)
            for name in source.columns
        ]
        return EventRows(known, np.concatenate(parts, axis=1))
    return EventRows(known, rows[list(source.columns)].to_numpy(float))


def _interval_means(
    look: Callable[[Instants], BookAt], times: Instants, grid: GridSettings, hedge: IntradayHedge
) -> dict[str, FloatArray]:
    step, between = grid.every_seconds * SECOND, int(grid.sample_seconds * SECOND)
    back = np.arange(0, step, min(between, step), dtype=np.int64)
    looked = look((times[:, None] - back).ravel())
    cost = looked.crossing_cost(hedge.order_size)
    values = {
        "half_spread": looked.half_spread,
        "crossing_cost": cost,
        "depth": looked.depth(hedge.depth_bps / BPS),
    }
    shape = (len(times), len(back))
    means = {name: _mean(each.reshape(shape)) for name, each in values.items()}
    highest = np.where(looked.sound, cost, -np.inf).reshape(shape).max(axis=1)
    worst = np.where(np.isfinite(highest), highest, np.nan)
    return {**means, "sound": looked.sound.reshape(shape).mean(axis=1), "worst_cost": worst}


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean of what is known in each row; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total, np.nan) / np.maximum(count, 1))


def _levels(met: BookAt) -> dict[str, FloatArray]:
    return {
        f"{side}_{level}": getattr(met, side)[:, level]
        for side in SIDES
        for level in range(met.bid_price.shape[1])
    }
