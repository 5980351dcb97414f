"""Checks of the rows of a file with one row a session: their time, their order, and how many may fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import TimedFile
from pipeline.ingest.calendar import exchange_zone, session_closes, sessions_between
from pipeline.ingest.quarantine import NO_SESSION, Quarantine
from pipeline.ingest.raw_table import Text
from pipeline.ingest.screening import refuse
from pipeline.ingest.session_dates import session_dates
from pipeline.ingest.tables import PUBLICATION_DELAY

Sessions = NDArray[np.datetime64]
INTAKE: Final = ("table", "file", "rows", "quarantined", "first", "last", "missing")
"""Columns of the table `intake`: a row a file; `missing` are sessions without a value from first to last."""


@dataclass(frozen=True)
class Screened:
    """A file after its checks.

    Attributes
    ----------
    table : the canonical rows.
    quarantine : the rows that failed a check.
    notes : what the user should know, a sentence each.
    intake : the file's row in the table `intake`, see `INTAKE`.
    """

    table: pd.DataFrame
    quarantine: pd.DataFrame
    notes: tuple[str, ...]
    intake: Mapping[str, Any]


def placed_sessions(screened: Quarantine, texts: Text, settings: TimedFile, calendar: str) -> Sessions:
    """Return the session of each row, NaT where it has none; the rows without one go to quarantine.

    Parameters
    ----------
    screened : the verdict on each row so far.
    texts : [rows] the dates.
    settings : how they are written.
    calendar : name of the exchange's calendar.
    """
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
        refuse(screened, ~np.isin(placed, known), f"{NO_SESSION} {calendar}")
    return placed


def ordered(screened: Quarantine, sessions: Sessions) -> NDArray[np.intp]:
    """Return the sound rows in order of time, the first of each session."""
    rows = np.flatnonzero(screened.sound)
    order = rows[np.argsort(sessions[rows], kind="stable")]
    repeats = order[1:][np.diff(sessions[order]) == np.timedelta64(0, "D")]
    screened.put(repeats, "duplicate session: a row before it has the same")
    return order[screened.sound[order]]


def kept_rows(screened: Quarantine, order: NDArray[np.intp], limit: float) -> NDArray[np.intp]:
    """Return the rows of `order` that are sound.

    Raises
    ------
    DataError
        The share of rows in quarantine passes the limit, or no row is sound.
    """
    screened.check(limit)
    kept = order[screened.sound[order]]
    if not len(kept):
        raise DataError(
            f"{screened.raw.file}: no row passes the checks ({screened.counted()}): mend the file"
        )
    return kept


def finished(
    screened: Quarantine,
    kept: NDArray[np.intp],
    sessions: Sessions,
    table: pd.DataFrame,
    expected: Sessions,
) -> Screened:
    """Return the file with its counts and notes; `expected` are the sessions that should have a value."""
    total, held, file = len(screened.reasons), len(screened.reasons) - len(kept), screened.raw.file
    own = sessions[kept]
    verdict = f"{held} in quarantine ({screened.counted()})" if held else "none in quarantine"
    notes = [f"{file}: {total} rows read, {verdict}; {own[0]} to {own[-1]}"]
    if (np.diff(kept) < 0).any():
        notes.append(f"{file}: rows were not in order of time and were sorted")
    if not screened.raw.ended and screened.sound[-1]:
        notes.append(f"{file}: the last line has no end, its last field is as long as others: it was taken")
    missing = (expected >= own[0]) & (expected <= own[-1]) & ~np.isin(expected, own)
    counts = (screened.table, file, total, held, pd.Timestamp(own[0]), pd.Timestamp(own[-1]), missing.sum())
    return Screened(table, screened.rows(), tuple(notes), dict(zip(INTAKE, counts, strict=True)))


def lacking(found: Screened, bars: Sessions, consequence: str) -> tuple[str, ...]:
    """Return a note on the sessions of the bars without a value; raise where they are all."""
    own, file = found.table["session"].to_numpy().astype("datetime64[D]"), found.intake["file"]
    missing = int((~np.isin(bars, own)).sum())
    if not missing:
        return ()
    if missing == len(bars):
        raise DataError(
            f"{file}: runs from {own[0]} to {own[-1]} and has no value on any session of the bars, which run "
            f"from {bars[0]} to {bars[-1]}: give files of the same days"
        )
    before, after = int((bars < own[0]).sum()), int((bars > own[-1]).sum())
    where = f"{before} before it starts, {after} after it ends, {missing - before - after} between"
    return (f"{file}: no value for {missing} of {len(bars)} sessions ({where}): {consequence}",)


def intake_table(files: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the table `intake`, one row a file."""
    kinds = {"table": "str", "file": "str", "rows": "int64", "quarantined": "int64", "missing": "int64"}
    return pd.DataFrame(list(files), columns=list(INTAKE)).astype(kinds)


def timed(sessions: Sessions, calendar: str) -> pd.DataFrame:
    """Return `session, event_time, known_time`: known a quarter of an hour after the session's close."""
    days = pd.DatetimeIndex(sessions).as_unit("us")
    closes = session_closes(days, calendar)
    return pd.DataFrame({"session": days, "event_time": closes, "known_time": closes + PUBLICATION_DELAY})
