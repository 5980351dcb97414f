"""A user's bars, screened row by row and adjusted for splits and dividends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.factors import PRICES, Adjustment, adjustment, read_factors, screened_factors
from pipeline.ingest.jumps import spikes
from pipeline.ingest.missing_runs import LONGEST_GAP, name_missing
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.timed_rows import (
    Screened,
    Sessions,
    finished,
    kept_rows,
    ordered,
    placed_sessions,
    timed,
)

SINGLE: Final = 2.0**-23
"""Relative spacing of numbers of single precision."""


def bars(data: FilesData, content: Mapping[str, str]) -> tuple[Screened, ...]:
    """Return the canonical `bars` of a desk's file, and `adjustment` if the desk gives factors.

    Parameters
    ----------
    data : the desk's settings.
    content : SHA-256 that the files `bars` and `factors` must have; one that is not named is not compared.

    Raises
    ------
    DataError
        A file cannot be read, lacks a column, fails too many checks, or lacks many sessions; the factors are
        not those of these bars.
    """
    settings = data.bars
    raw = read_raw(settings.file, content.get("bars"), settings.header)
    screened = Quarantine("bars", raw)
    sessions, series, rounded = _series(screened, data)
    order = ordered(screened, sessions)
    order = _alone(screened, order, sessions, data.calendar)
    factors = None
    if data.factors is not None and len(order):
        factors = read_factors(data.factors, settings.file, content.get("factors"), data.calendar)
        adjusted = adjustment(factors, sessions[order], series["close"][order])
        series = _adjusted(series, adjusted, order)
    prices = {name: series[name] for name in PRICES if name in series}
    jumps = spikes(prices, order, sessions, data.jump_limit, settings.file.name)
    screened.put(jumps, f"absurd jump: more than data.jump_limit {data.jump_limit:g}")
    kept = kept_rows(screened, order, data.quarantine_limit)
    table = timed(sessions[kept], data.calendar)
    for name in (*PRICES, "volume"):
        table[name] = series[name][kept] if name in series else np.nan
    expected = _calendar_of(sessions[kept], data.calendar)
    found = finished(screened, kept, sessions, table, expected)
    gaps = _check_gaps(screened, sessions, kept, expected, data)
    wider = int(rounded[kept].sum())
    said = [f"{raw.file}: high or low of {wider} rows missed another price by a rounding and was moved to it"]
    found = replace(found, notes=(*found.notes, *gaps, *(said if wider else ())))
    return (found,) if factors is None else (found, screened_factors(factors, sessions[order], adjusted))


def _series(
    screened: Quarantine, data: FilesData
) -> tuple[Sessions, dict[str, FloatArray], NDArray[np.bool_]]:
    """Return the sessions, the columns as quoted, prices in the desk's unit, and which rows were rounded.

    Bad rows go to quarantine.
    """
    settings, raw = data.bars, screened.raw
    texts = {
        name: raw.column(column, f"data.bars.columns.{name}")
        for name, column in settings.columns.model_dump(exclude={"date"}, exclude_none=True).items()
    }
    dates = raw.column(settings.columns.date, "data.bars.columns.date")
    sessions = placed_sessions(screened, dates, settings, data.calendar)
    name_missing(screened, texts, sessions)
    series = {name: numbers(screened, name, text) for name, text in texts.items()}
    prices = {name: series[name] * settings.price_scale for name in PRICES if name in series}
    for name, price in prices.items():
        refuse(screened, ~(price > 0.0), f"price not above zero: {name}")
        refuse(screened, ~np.isfinite(price), f"number too large: {name}")
    if "volume" in series:
        refuse(screened, ~(series["volume"] >= 0.0), "negative volume")
        refuse(screened, ~np.isfinite(series["volume"]), "number too large: volume")
    prices, rounded = _widened(prices)
    _refuse_crossed(screened, prices)
    return sessions, series | prices, rounded


def _adjusted(
    series: Mapping[str, FloatArray], adjusted: Adjustment, order: NDArray[np.intp]
) -> dict[str, FloatArray]:
    """Return the columns with the rows of `order` adjusted, and nothing in the others."""
    found = {}
    for name, quoted in series.items():
        found[name] = np.full(len(quoted), np.nan)
        found[name][order] = quoted[order] * (adjusted.volume if name == "volume" else adjusted.prices)
    return found


def _calendar_of(sessions: Sessions, calendar: str) -> Sessions:
    span = (pd.Timestamp(sessions[0]), pd.Timestamp(sessions[-1]))
    return sessions_between(*span, calendar).to_numpy().astype("datetime64[D]")


def _widened(prices: Mapping[str, FloatArray]) -> tuple[dict[str, FloatArray], NDArray[np.bool_]]:
    """Return the prices with high and low moved to the highest and lowest of a row, and where that was done.

    It is where they miss it by less than numbers of single precision are rounded by: columns of one file may
    have been written in several precisions.
    """
    found, moved = dict(prices), np.zeros(len(prices["close"]), dtype=np.bool_)
    for name, outermost in (("high", np.maximum), ("low", np.minimum)):
        if name in found:
            edge = outermost.reduce(list(found.values()))
            with np.errstate(invalid="ignore"):
                gap = np.abs(edge - found[name])
            near = np.isfinite(edge) & (gap > 0.0) & (gap <= SINGLE * edge)
            found[name] = np.where(near, edge, found[name])
            moved |= near
    return found, moved


def _refuse_crossed(screened: Quarantine, prices: Mapping[str, FloatArray]) -> None:
    for name, price in prices.items():
        if "high" in prices:
            refuse(screened, prices["high"] < price, f"crossed high and low: high lies below {name}")
        if "low" in prices:
            refuse(screened, prices["low"] > price, f"crossed high and low: low lies above {name}")


def _alone(
    screened: Quarantine, order: NDArray[np.intp], sessions: Sessions, calendar: str
) -> NDArray[np.intp]:
    """Put a first or last row in quarantine that lies far from all others: its year is mistyped."""
    for edge, neighbour in ((0, 1), (-1, -2)):
        if len(order) > 2:
            first, last = sorted(pd.Timestamp(sessions[order[i]]) for i in (edge, neighbour))
            if len(sessions_between(first, last, calendar)) - 2 > LONGEST_GAP:
                screened.put([order[edge]], "date far from all others")
    return order[screened.sound[order]]


def _check_gaps(
    screened: Quarantine,
    sessions: Sessions,
    kept: NDArray[np.intp],
    expected: Sessions,
    data: FilesData,
) -> list[str]:
    """Return a note on the sessions that have no bar, or raise where they are too many."""
    file = data.bars.file.name
    place = np.flatnonzero(np.isin(expected, sessions[kept]))
    gaps = np.diff(place) - 1
    missing = int(gaps.sum())
    if not missing:
        return []
    longest = int(gaps.argmax())
    since = expected[place[longest] + 1]
    if gaps[longest] > LONGEST_GAP:
        held = _held_there(screened, sessions, expected[place[longest] + 1 : place[longest + 1]])
        raise DataError(
            f"{file}: has no bar for {gaps[longest]} sessions of {data.calendar} from {since} on{held}: add "
            "them, or cut the file there"
        )
    if missing > data.quarantine_limit * len(expected):
        raise DataError(
            f"{file}: has no bar for {missing} of {len(expected)} sessions of {data.calendar}, more than "
            f"data.quarantine_limit {data.quarantine_limit:g} allows: add them, or name another data.calendar"
        )
    return [
        f"{file}: no bar for {missing} of {len(expected)} sessions, the longest gap is {gaps[longest]} from "
        f"{since} on: returns and option lives run across them"
    ]


def _held_there(screened: Quarantine, sessions: Sessions, gap: Sessions) -> str:
    """Say how many rows of a gap are in quarantine, and the first one's reason."""
    rows = [row for row in np.flatnonzero(np.isin(sessions, gap)) if screened.reasons[row]]
    return f" ({len(rows)} rows there are in quarantine, {screened.reasons[rows[0]]})" if rows else ""
