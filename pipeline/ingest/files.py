"""The source `files`: a user's bars and volatility indices, screened row by row into canonical tables."""

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
from pipeline.ingest.jumps import spikes
from pipeline.ingest.missing_runs import LONGEST_GAP, name_missing
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import content_hash, read_raw
from pipeline.ingest.realized_file import realized
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.tables import Tables
from pipeline.ingest.timed_rows import (
    Screened,
    Sessions,
    finished,
    intake_table,
    kept_rows,
    ordered,
    placed_sessions,
    timed,
)
from pipeline.ingest.vol_files import implied_vol, vol_index, wide

PRICES: Final[tuple[str, ...]] = ("open", "high", "low", "close")


def content_of(data: FilesData) -> dict[str, str]:
    """Return the SHA-256 of each file, so that a dataset is known by what its files held.

    Raises
    ------
    DataError
        A file is missing or cannot be read.
    """
    files = {"bars": data.bars, "implied_vol": data.implied_vol, **data.vol_indices.given}
    if data.realized is not None:
        files["realized"] = data.realized
    return {name: content_hash(each.file) for name, each in files.items()}


def load(data: FilesData, content: Mapping[str, str]) -> Tables:
    """Return `bars`, `implied_vol`, of `vol_indices` and `realized` what the desk gives, and what to say.

    Parameters
    ----------
    data : which files, and how to read them.
    content : SHA-256 that a file must have, by table or index; a file that is not named is not compared.

    Returns
    -------
    tables : the canonical tables; `quarantine` (`table, file, row, reason, text`), one row for each row of
        the files that failed a check; `notes` (`note`), what the user should know, one sentence a row;
        `intake` (see `timed_rows.INTAKE`), one row a file.

    Raises
    ------
    DataError
        A file is missing, empty or damaged, lacks a column, fails too many checks, or lacks many sessions.
    """
    bars = _bars(data, content.get("bars"))
    sessions = bars.table["session"].to_numpy().astype("datetime64[D]")
    vol = implied_vol(data, content.get("implied_vol"), sessions)
    indices = {name: vol_index(data, name, content.get(name), sessions) for name in data.vol_indices.given}
    measures = (
        () if data.realized is None else (realized(data, data.realized, content.get("realized"), sessions),)
    )
    screened = (bars, vol, *indices.values(), *measures)
    tables = {"bars": bars.table, "implied_vol": vol.table}
    if indices:
        tables["vol_indices"] = wide([each.table for each in indices.values()])
    for each in measures:
        tables["realized"] = each.table
    notes = [note for each in screened for note in each.notes]
    return tables | {
        "quarantine": pd.concat([each.quarantine for each in screened], ignore_index=True),
        "notes": pd.DataFrame({"note": notes}, dtype="str"),
        "intake": intake_table([each.intake for each in screened]),
    }


def _bars(data: FilesData, expected: str | None) -> Screened:
    settings, names = data.bars, data.bars.columns.model_dump(exclude={"date"})
    raw = read_raw(settings.file, expected)
    screened = Quarantine("bars", raw)
    texts = {
        name: raw.column(column, f"data.bars.columns.{name}")
        for name, column in names.items()
        if column is not None
    }
    dates = raw.column(settings.columns.date, "data.bars.columns.date")
    sessions = placed_sessions(screened, dates, settings, data.calendar)
    name_missing(screened, texts, sessions)
    values = {name: numbers(screened, name, text) for name, text in texts.items()}
    prices = {name: values[name] * settings.price_scale for name in PRICES if name in values}
    for name, price in prices.items():
        refuse(screened, ~(price > 0.0), f"price not above zero: {name}")
        refuse(screened, ~np.isfinite(price), f"number too large: {name}")
    if "volume" in values:
        refuse(screened, ~(values["volume"] >= 0.0), "negative volume")
        refuse(screened, ~np.isfinite(values["volume"]), "number too large: volume")
    _refuse_crossed(screened, prices)
    order = ordered(screened, sessions)
    order = _alone(screened, order, sessions, data.calendar)
    jumps = spikes(prices, order, sessions, data.jump_limit, settings.file.name)
    screened.put(jumps, f"absurd jump: more than data.jump_limit {data.jump_limit:g}")
    kept = kept_rows(screened, order, data.quarantine_limit)
    table = timed(sessions[kept], data.calendar)
    for name in (*PRICES, "volume"):
        series = prices.get(name, values.get(name))
        table[name] = np.nan if series is None else series[kept]
    expected_sessions = _calendar_of(sessions[kept], data.calendar)
    found = finished(screened, kept, sessions, table, expected_sessions)
    return replace(
        found, notes=(*found.notes, *_check_gaps(screened, sessions, kept, expected_sessions, data))
    )


def _calendar_of(sessions: Sessions, calendar: str) -> Sessions:
    span = (pd.Timestamp(sessions[0]), pd.Timestamp(sessions[-1]))
    return sessions_between(*span, calendar).to_numpy().astype("datetime64[D]")


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
