"""What is held of the hedge now, read from the user's file and never guessed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.naming import hint
from pipeline.ingest.calendar import exchange_zone
from pipeline.ingest.quarantine import UNENDED, Quarantine, remedy_for
from pipeline.ingest.raw_table import read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.session_dates import session_dates

COLUMNS = ("instrument", "position", "as_of")


@dataclass(frozen=True)
class HedgePosition:
    """Units of the hedge instrument that are held.

    Attributes
    ----------
    units : one a unit of the underlying, negative where short.
    source : where they come from.
    as_of : the time they were held at as it is written there; None where none is.
    session : date of `as_of` on the exchange's clock; None where there is none.
    """

    units: float
    source: str
    as_of: str | None = None
    session: pd.Timestamp | None = None


FLAT = HedgePosition(0.0, "assumed flat")


def given_position(units: float) -> HedgePosition:
    """Return a position that came with the request.

    Raises
    ------
    DataError
        It is no finite number.

    Examples
    --------
    >>> given_position(0.42)
    HedgePosition(units=0.42, source='given with --position', as_of=None, session=None)
    """
    if not np.isfinite(units):
        raise DataError(f"--position is {units}: give the units of the hedge instrument that are held")
    return HedgePosition(units, "given with --position")


def read_hedge_position(file: Path, instrument: str, calendar: str) -> HedgePosition:
    """Read what is held of an instrument.

    Parameters
    ----------
    file : CSV or Parquet, columns `instrument`, `position` (units of the underlying) and `as_of` (a date, or
        a time with or without an offset); one row an instrument, those of others are not read.
    instrument : what the file calls the hedge.
    calendar : name of the exchange, whose clock tells the date of a time.

    Raises
    ------
    DataError
        The file is missing, empty, damaged or half written, lacks a column, has no row of the instrument or
        several, or its row has no number, or no date.
    """
    raw = read_raw(file)
    if not raw.ended:
        raise DataError(
            f"{raw.file}: row {raw.number[-1]} is {raw.text[-1]!r}: {UNENDED}: {remedy_for(UNENDED)} and run "
            "again"
        )
    texts = {name: raw.column(name) for name in COLUMNS}
    own = np.flatnonzero(texts["instrument"] == instrument)
    if not len(own):
        raise DataError(
            f"{raw.file}: has no row of {instrument}; {hint(instrument, sorted(set(texts['instrument'])))}"
        )
    if len(own) > 1:
        rows = " and ".join(map(str, raw.number[own]))
        raise DataError(f"{raw.file}: rows {rows} are both of {instrument}: leave the one that holds now")
    screened = Quarantine("position", raw)
    units = numbers(screened, "position", texts["position"])
    refuse(screened, ~np.isfinite(units), "number too large: position")
    row = int(own[0])
    (session,), (reason,) = session_dates([texts["as_of"][row]], exchange_zone(calendar))
    screened.put([row], f"{reason}: as_of" if reason else "")
    if fault := screened.reasons[row]:
        raise DataError(f"{raw.file}: row {raw.number[row]} is {raw.text[row]!r}: {fault}: mend it")
    source = f"{raw.file}, row {raw.number[row]}"
    return HedgePosition(float(units[row]), source, str(texts["as_of"][row]), pd.Timestamp(session))


def check_current(held: HedgePosition, session: pd.Timestamp, today: pd.Timestamp) -> None:
    """Raise where a position was written down before the session that is decided on, or after today.

    What the last decision ordered is filled by the close of the session, so a position from before it may
    lack that trade.

    Parameters
    ----------
    held : the position.
    session : that is decided on.
    today : date of the decision on the exchange's clock.

    Raises
    ------
    DataError
        The message says what to give instead.
    """
    if held.session is None:
        return
    if held.session < session:
        raise DataError(
            f"{held.source}: is as of {held.as_of}, before the session of {session.date()} that is decided "
            "on: write down what is held after it, or give --position"
        )
    if held.session > today:
        raise DataError(f"{held.source}: is as of {held.as_of}, later than today, {today.date()}: mend as_of")
