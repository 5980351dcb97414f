"""The source `files`: a user's bars and volatility index, screened row by row into canonical tables."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.data_settings import BarsFile, FilesData, ImpliedVolFile
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import exchange_zone, session_closes, sessions_between
from pipeline.ingest.jumps import spikes
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import RawTable, content_hash, read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.session_dates import session_dates
from pipeline.ingest.tables import PUBLICATION_DELAY, Tables

PRICES: Final[tuple[str, ...]] = ("open", "high", "low", "close")
LONGEST_GAP: Final = 5
"""Sessions without a bar that may follow each other; the longest closure since 1990 is no session at all."""
PLAUSIBLE_VOL: Final = (0.02, 3.0)
"""Where the median of a volatility index lies, as a decimal, whatever the market."""


def content_of(data: FilesData) -> dict[str, str]:
    """Return the SHA-256 of each file, so that a dataset is known by what its files held.

    Raises
    ------
    DataError
        A file is missing or cannot be read.
    """
    return {"bars": content_hash(data.bars.file), "implied_vol": content_hash(data.implied_vol.file)}


def load(data: FilesData, content: Mapping[str, str]) -> Tables:
    """Return `bars`, `implied_vol`, `quarantine` and `notes` of a user's files.

    Parameters
    ----------
    data : which files, and how to read them.
    content : SHA-256 that a file must have, by table; a table that is not named is not compared.

    Returns
    -------
    tables : the canonical tables; `quarantine` (`table, file, row, reason, text`), one row for each row of
        the files that failed a check; `notes` (`note`), what the user should know, one sentence a row.

    Raises
    ------
    DataError
        A file is missing, empty or damaged, lacks a column, fails too many checks, or lacks many sessions.
    """
    bars, held_bars, notes_bars = _bars(data, content.get("bars"))
    vol, held_vol, notes_vol = _implied_vol(data, content.get("implied_vol"))
    notes = pd.DataFrame({"note": [*notes_bars, *notes_vol]}, dtype="str")
    held = pd.concat([held_bars, held_vol], ignore_index=True)
    return {"bars": bars, "implied_vol": vol, "quarantine": held, "notes": notes}


def _bars(data: FilesData, expected: str | None) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    settings, names = data.bars, data.bars.columns.model_dump(exclude={"date"})
    raw = read_raw(settings.file, expected)
    screened = Quarantine("bars", raw)
    texts = {
        name: raw.column(column, f"data.bars.columns.{name}")
        for name, column in names.items()
        if column is not None
    }
    sessions = _sessions(screened, raw, settings, data.calendar, "bars")
    values = {name: numbers(screened, name, text) for name, text in texts.items()}
    prices = {name: values[name] * settings.price_scale for name in PRICES if name in values}
    for name, price in prices.items():
        refuse(screened, ~(price > 0.0), f"price not above zero: {name}")
        refuse(screened, ~np.isfinite(price), f"number too large: {name}")
    if "volume" in values:
        refuse(screened, ~(values["volume"] >= 0.0), "negative volume")
        refuse(screened, ~np.isfinite(values["volume"]), "number too large: volume")
    _refuse_crossed(screened, prices)
    order = _ordered(screened, sessions)
    order = _alone(screened, order, sessions, data.calendar)
    jumps = spikes(prices, order, sessions, data.jump_limit, settings.file.name)
    screened.put(jumps, f"absurd jump: more than data.jump_limit {data.jump_limit:g}")
    kept = _kept(screened, order, data.quarantine_limit)
    table = _timed(sessions[kept], data.calendar)
    for name in (*PRICES, "volume"):
        series = prices.get(name, values.get(name))
        table[name] = np.nan if series is None else series[kept]
    missing = _check_gaps(sessions[kept], data)
    return table, screened.rows(), [*_said(screened, kept, sessions), *missing]


def _implied_vol(data: FilesData, expected: str | None) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    settings = data.implied_vol
    raw = read_raw(settings.file, expected)
    screened = Quarantine("implied_vol", raw)
    text = raw.column(settings.columns.implied_vol, "data.implied_vol.columns.implied_vol")
    sessions = _sessions(screened, raw, settings, data.calendar, "implied_vol")
    vol = numbers(screened, "implied_vol", text) / (100.0 if settings.unit == "points" else 1.0)
    refuse(screened, ~(vol > 0.0), "volatility not above zero")
    _check_unit(settings, vol[screened.sound])
    refuse(screened, ~(vol < 5.0), "volatility of 500 % or more")
    order = _ordered(screened, sessions)
    kept = _kept(screened, order, data.quarantine_limit)
    table = _timed(sessions[kept], data.calendar).assign(
        implied_vol=vol[kept], tenor_days=settings.tenor_days
    )
    return table, screened.rows(), _said(screened, kept, sessions)


def _sessions(
    screened: Quarantine, raw: RawTable, settings: BarsFile | ImpliedVolFile, calendar: str, table: str
) -> NDArray[np.datetime64]:
    """Return the session of each row, NaT where it has none; the rows without one go to quarantine."""
    texts = raw.column(settings.columns.date, f"data.{table}.columns.date")
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
    sessions, reasons = session_dates(
        list(texts[screened.sound]), exchange_zone(calendar), zone, settings.date_formats
    )
    placed = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    rows = np.flatnonzero(screened.sound)
    placed[rows] = sessions
    for row, reason in zip(rows.tolist(), reasons, strict=True):
        screened.put([row], reason)
    dated = placed[~np.isnat(placed)]
    if len(dated):
        first, last = pd.Timestamp(dated.min()), pd.Timestamp(dated.max())
        known = sessions_between(first, last, calendar).to_numpy().astype("datetime64[D]")
        refuse(screened, ~np.isin(placed, known), f"no session of {calendar}")
    return placed


def _refuse_crossed(screened: Quarantine, prices: Mapping[str, NDArray[np.float64]]) -> None:
    for name, price in prices.items():
        if "high" in prices:
            refuse(screened, prices["high"] < price, f"crossed high and low: high lies below {name}")
        if "low" in prices:
            refuse(screened, prices["low"] > price, f"crossed high and low: low lies above {name}")


def _ordered(screened: Quarantine, sessions: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the sound rows in order of time, the first of each session."""
    rows = np.flatnonzero(screened.sound)
    order = rows[np.argsort(sessions[rows], kind="stable")]
    repeats = order[1:][np.diff(sessions[order]) == np.timedelta64(0, "D")]
    screened.put(repeats, "duplicate session: a row before it has the same")
    return order[screened.sound[order]]


def _alone(
    screened: Quarantine, order: NDArray[np.intp], sessions: NDArray[np.datetime64], calendar: str
) -> NDArray[np.intp]:
    """Put a first or last row in quarantine that lies far from all others: its year is mistyped."""
    for edge, neighbour in ((0, 1), (-1, -2)):
        if len(order) > 2:
            first, last = sorted(pd.Timestamp(sessions[order[i]]) for i in (edge, neighbour))
            if len(sessions_between(first, last, calendar)) - 2 > LONGEST_GAP:
                screened.put([order[edge]], "date far from all others")
    return order[screened.sound[order]]


def _check_unit(settings: ImpliedVolFile, vol: NDArray[np.float64]) -> None:
    if not len(vol):
        return
    median, (low, high) = float(np.median(vol)), PLAUSIBLE_VOL
    if not low < median < high:
        other = "decimal" if settings.unit == "points" else "points"
        raise DataError(
            f"{settings.file.name}: the median volatility is {median:.4g} a year, read with "
            f"data.implied_vol.unit {settings.unit!r}: try {other!r}, or another column"
        )


def _check_gaps(sessions: NDArray[np.datetime64], data: FilesData) -> list[str]:
    """Return a note on the sessions that have no bar, or raise where they are too many."""
    file = data.bars.file.name
    expected = sessions_between(pd.Timestamp(sessions[0]), pd.Timestamp(sessions[-1]), data.calendar)
    place = np.flatnonzero(np.isin(expected.to_numpy().astype("datetime64[D]"), sessions))
    gaps = np.diff(place) - 1
    missing = int(gaps.sum())
    if not missing:
        return []
    longest = int(gaps.argmax())
    since = f"{expected[place[longest] + 1]:%Y-%m-%d}"
    if gaps[longest] > LONGEST_GAP:
        raise DataError(
            f"{file}: has no bar for {gaps[longest]} sessions of {data.calendar} from {since} on: add them, "
            "or cut the file there"
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


def _kept(screened: Quarantine, order: NDArray[np.intp], limit: float) -> NDArray[np.intp]:
    screened.check(limit)
    kept = order[screened.sound[order]]
    if not len(kept):
        raise DataError(
            f"{screened.raw.file}: no row passes the checks ({screened.counted()}): mend the file"
        )
    return kept


def _said(screened: Quarantine, kept: NDArray[np.intp], sessions: NDArray[np.datetime64]) -> list[str]:
    total, held = len(screened.reasons), len(screened.reasons) - len(kept)
    verdict = f"{held} in quarantine ({screened.counted()})" if held else "none in quarantine"
    span = f"{sessions[kept[0]]} to {sessions[kept[-1]]}"
    notes = [f"{screened.raw.file}: {total} rows read, {verdict}; {span}"]
    if (np.diff(kept) < 0).any():
        notes.append(f"{screened.raw.file}: rows were not in order of time and were sorted")
    return notes


def _timed(sessions: NDArray[np.datetime64], calendar: str) -> pd.DataFrame:
    days = pd.DatetimeIndex(sessions).as_unit("us")
    closes = session_closes(days, calendar)
    known = closes + PUBLICATION_DELAY
    return pd.DataFrame({"session": days, "event_time": closes, "known_time": known})
