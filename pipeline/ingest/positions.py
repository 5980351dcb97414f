"""The options that a desk holds, read from the user's file or database and screened row by row."""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.book_settings import PositionsFile
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import EXCHANGE, exchange_zone, sessions_between
from pipeline.ingest.quarantine import UNENDED, Quarantine, remedy_for, shown
from pipeline.ingest.raw_sql import read_sql, sql_hash
from pipeline.ingest.raw_table import RawTable, Text, content_hash, read_raw
from pipeline.ingest.screening import MISSING, numbers, refuse
from pipeline.ingest.session_dates import session_dates
from pipeline.ingest.tables import Tables

KINDS: Final = {"call": "call", "c": "call", "put": "put", "p": "put", "straddle": "straddle"}
OPTIONAL: Final = ("opened", "price")
DATES: Final = ("expiry", "opened")
TEXTS: Final = ("file", "kind")


def content_of(settings: PositionsFile) -> str:
    """Return the SHA-256 of the file or of the table, so that the dataset is known by what it held.

    Raises
    ------
    DataError
        The file is missing or cannot be read.
    """
    if settings.file is None:
        return sql_hash(settings.database, settings.table)
    return content_hash(settings.file)


def load_positions(settings: PositionsFile, content: str | None = None, calendar: str = EXCHANGE) -> Tables:
    """Return `positions`, `quarantine` and `notes` of a user's file of options.

    Parameters
    ----------
    settings : which file, and how to read it.
    content : SHA-256 that the file must have; None takes any.
    calendar : name of the exchange whose sessions options are dealt and expire on.

    Returns
    -------
    tables : `positions` (`file, row, kind, strike, expiry, quantity, opened, price`), strike and price in the
        file's money, `opened` NaT and `price` NaN where they are not given; `quarantine`, one row for each
        row of the file that failed a check; `notes` (`note`), one sentence a row. Rows that say the same are
        lots of one option: each is kept.

    Raises
    ------
    DataError
        The file is missing, empty or damaged, lacks a column, or fails too many checks.
    """
    if settings.file is None:
        raw = read_sql(settings.database, settings.table, content)
    else:
        raw = read_raw(settings.file, content, settings.header)
    screened = Quarantine("positions", raw)
    if not raw.ended:
        screened.put([len(raw.number) - 1], UNENDED)
    texts = {name: _column(raw, settings, name) for name in settings.columns.model_dump()}
    kind = np.array([KINDS.get(text.lower(), "") for text in texts["kind"]], dtype=object)
    refuse(screened, kind == "", f"kind is none of {', '.join(dict.fromkeys(KINDS.values()))}")
    values = {
        name: numbers(screened, name, texts[name], optional=name in OPTIONAL)
        for name in ("strike", "quantity", "price")
    }
    refuse(screened, ~(values["strike"] > 0.0), "strike not above zero")
    refuse(screened, values["quantity"] == 0.0, "quantity of zero")
    refuse(screened, values["price"] < 0.0, "price below zero")
    for name, column in values.items():
        refuse(screened, np.isinf(column), f"number too large: {name}")
    days = _dates(screened, texts, settings, calendar)
    refuse(screened, days["expiry"] <= days["opened"], "expiry not after opened")
    table = pd.DataFrame(
        {
            "file": raw.file,
            "row": raw.number,
            "kind": kind,
            "strike": values["strike"],
            "expiry": pd.DatetimeIndex(days["expiry"]).as_unit("us"),
            "quantity": values["quantity"],
            "opened": pd.DatetimeIndex(days["opened"]).as_unit("us"),
            "price": values["price"],
        }
    ).astype(dict.fromkeys(TEXTS, "str"))
    screened.check(settings.quarantine_limit, "book.positions.quarantine_limit")
    kept = table[screened.sound].reset_index(drop=True)
    if kept.empty:
        raise DataError(f"{raw.file}: no row passes the checks ({screened.counted()}): mend the file")
    notes = pd.DataFrame({"note": [_said(screened, kept), *_lots(kept)]}, dtype="str")
    return {"positions": kept, "quarantine": screened.rows(), "notes": notes}


def left_out(quarantine: pd.DataFrame) -> list[str]:
    """Return one sentence for each row in quarantine: where it stands, why, and what to do.

    Examples
    --------
    >>> held = {"file": "a.csv", "row": [3], "reason": "quantity of zero", "text": "call,9,2019-01-18,0"}
    >>> left_out(pd.DataFrame(held))
    ["a.csv: row 3 'call,9,2019-01-18,0' fails a check (quantity of zero): correct the row or take it out"]
    """
    return [
        f"{each['file']}: row {each['row']} {shown(str(each['text']))!r} fails a check ({each['reason']}): "
        f"{remedy_for(str(each['reason']), 'correct the row')} or take it out"
        for each in quarantine.to_dict("records")
    ]


def check_none_left_out(quarantine: pd.DataFrame) -> None:
    """Refuse to decide for a book that lacks an option of the file: its order would be that of another book.

    Raises
    ------
    DataError
        A row is in quarantine, whatever `book.positions.quarantine_limit` allows.
    """
    if sentences := left_out(quarantine):
        more = f"; so do {len(sentences) - 1} more rows of the file" if len(sentences) > 1 else ""
        raise DataError(f"{sentences[0]}{more}; an order that leaves an option out would be wrong")


def _column(raw: RawTable, settings: PositionsFile, name: str) -> Text:
    """Return the text of a column; nothing where an optional one is neither there nor named."""
    written = str(getattr(settings.columns, name))
    absent = written.lower() not in {each.lower() for each in raw.header}
    if name in OPTIONAL and absent and name not in settings.columns.model_fields_set:
        return np.full(len(raw.number), "", dtype=object)
    return raw.column(written, f"book.positions.columns.{name}")


def _dates(
    screened: Quarantine, texts: dict[str, Text], settings: PositionsFile, calendar: str
) -> dict[str, NDArray[np.datetime64]]:
    """Return the sessions that options are dealt and expire on; the file's dates are all read alike."""
    rows = len(texts["expiry"])
    written = np.concatenate([texts[name] for name in DATES])
    given = np.array([text.lower() not in MISSING for text in written], dtype=np.bool_)
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
    read, reasons = session_dates(list(written[given]), exchange_zone(calendar), zone, settings.date_formats)
    placed = np.full(2 * rows, np.datetime64("NaT"), dtype="datetime64[D]")
    placed[given] = read
    for place, reason in zip(np.flatnonzero(given).tolist(), reasons, strict=True):
        if reason:
            screened.put([place % rows], f"{reason}: {DATES[place // rows]}")
    refuse(screened, ~given[:rows], "no value: expiry")
    dated = placed[~np.isnat(placed)]
    if len(dated):
        span = pd.Timestamp(dated.min()), pd.Timestamp(dated.max())
        known = sessions_between(*span, calendar).to_numpy().astype("datetime64[D]")
        for name, column in zip(DATES, np.split(placed, 2), strict=True):
            wrong = ~np.isnat(column) & ~np.isin(column, known)
            refuse(screened, wrong, f"no session of {calendar}: {name}")
    return dict(zip(DATES, np.split(placed, 2), strict=True))


def _said(screened: Quarantine, kept: pd.DataFrame) -> str:
    total, held = len(screened.reasons), len(screened.reasons) - len(kept)
    verdict = f"{held} in quarantine ({screened.counted()})" if held else "none in quarantine"
    expiries = kept["expiry"]
    span = f"expiring {expiries.min():%Y-%m-%d} to {expiries.max():%Y-%m-%d}"
    return f"{screened.raw.file}: {total} options read, {verdict}; {span}"


def _lots(kept: pd.DataFrame) -> list[str]:
    """Say which rows are alike: several lots of one option, or a row that was written twice."""
    alike = kept[kept.drop(columns="row").duplicated(keep=False)]
    if alike.empty:
        return []
    rows = ", ".join(str(row) for row in alike["row"])
    return [
        f"{kept['file'].iloc[0]}: rows {rows} say what another one says: all are held, as lots of their own"
    ]
