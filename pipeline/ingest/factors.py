"""Prices adjusted for splits and dividends, forward in time: a price that was known never changes later."""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import FactorsFile
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.calendar import exchange_zone
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import RawTable, read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.session_dates import session_dates
from pipeline.ingest.timed_rows import INTAKE, Screened

PRICES: Final[tuple[str, ...]] = ("open", "high", "low", "close")
REFERENCE_OFF: Final = math.log(1.01)
"""Largest believed |ln(reference price / close)|: both are quotes of the same session."""


@dataclass(frozen=True)
class Factors:
    """A factor file: row k holds for the sessions after row k − 1 up to and with its own date.

    Attributes
    ----------
    file : its name.
    until : [K] last sessions, rising.
    price, split : [K] factors of dividends and of splits; ones where the file has none.
    reference : [K] close as quoted on `until`; NaN where it is not given.
    quarantine : rows that failed a check: none, since one stops the run.
    """

    file: str
    until: NDArray[np.datetime64]
    price: FloatArray
    split: FloatArray
    reference: FloatArray
    quarantine: pd.DataFrame


@dataclass(frozen=True)
class Adjustment:
    """What quoted prices and volumes are multiplied with, ones before the first change of a factor.

    Attributes
    ----------
    prices, volume : [T] factors of the sessions that were asked for.
    changes : dates within these sessions after which a factor changes.
    notes : what the user should know, a sentence each.
    """

    prices: FloatArray
    volume: FloatArray
    changes: NDArray[np.datetime64]
    notes: tuple[str, ...]


def read_factors(settings: FactorsFile, bars: Path, expected: str | None, calendar: str) -> Factors:
    """Read a factor file; one bad row would shift every later price, so it stops the run.

    Parameters
    ----------
    settings : of the file.
    bars : the file that it adjusts; of a factor file of the same name messages say the folder too.
    expected : SHA-256 that the file must have; None takes any.
    calendar : name of the exchange's calendar.

    Raises
    ------
    DataError
        The file is missing, empty or damaged, lacks a column, has a row without a date or with a factor that
        is no number above zero, or its dates do not rise.
    """
    raw, file = read_raw(settings.file, expected, settings.header), settings.file
    name = f"{file.parent.name}/{file.name}" if file.name == bars.name else file.name
    screened = Quarantine("factors", raw, even=False)  # Lean ends with a short row of the year 2050
    columns = settings.columns.model_dump(exclude_none=True)
    texts = {each: raw.column(column, f"data.factors.columns.{each}") for each, column in columns.items()}
    until, reasons = session_dates(
        list(texts.pop("date")), exchange_zone(calendar), None, settings.date_formats
    )
    for row, reason in enumerate(reasons):
        screened.put([row] if reason else [], reason)
    values = {each: numbers(screened, each, text) for each, text in texts.items()}
    for each in values.keys() - {"reference_price"}:
        wrong = ~((values[each] > 0.0) & np.isfinite(values[each]))
        refuse(screened, wrong, f"{each} is no number above zero")
    _stop_at_fault(raw, screened, name)
    for row, (before, after) in enumerate(pairwise(until.tolist()), start=1):
        if after <= before:
            raise DataError(
                f"{name}: line {raw.number[row]} is of {after}, after a row of {before}: sort the file by "
                "date, with one row a date"
            )
    ones = np.ones(len(until))
    reference = values.get("reference_price", np.full(len(until), np.nan))
    price, split = (values.get(each, ones) for each in ("price_factor", "split_factor"))
    return Factors(name, until, price, split, reference, screened.rows())


def adjustment(factors: Factors, sessions: NDArray[np.datetime64], close: FloatArray) -> Adjustment:
    """Return what the quoted prices of each session are multiplied with.

    With F the product of both factors and k(t) the first row whose date is t or later, A(t) = F(k(t)) /
    F(k(0)): 1 in the first session, growing by 1 / (1 − D/P) after each dividend D and by the ratio of each
    split. A(t) reads the first session's row and its own, so a later dividend changes no earlier price, and
    returns are total returns. Volume is divided by the splits since the first session and not by dividends.

    Parameters
    ----------
    factors : of the file.
    sessions : [T] dates of the bars, rising.
    close : [T] closes as quoted.

    Returns
    -------
    adjustment : [T] factors of prices and of volume.

    Raises
    ------
    DataError
        The last row ends before the bars do, no factor changes within the bars, or the reference prices are
        not the closes of these bars.

    Examples
    --------
    >>> until = np.array(["2018-01-03", "2050-12-31"], dtype="datetime64[D]")
    >>> factors = Factors("f.csv", until, np.array([0.99, 1.0]), np.ones(2), np.array([50.0, 0.0]),
    ...                   pd.DataFrame())
    >>> days = np.array(["2018-01-02", "2018-01-03", "2018-01-04"], dtype="datetime64[D]")
    >>> adjustment(factors, days, np.array([49.0, 50.0, 49.5])).prices.round(4).tolist()
    [1.0, 1.0, 1.0101]
    """
    place = np.searchsorted(factors.until, sessions)
    if place[-1] == len(factors.until):
        raise DataError(
            f"{factors.file}: its last row holds up to {factors.until[-1]}, and the bars go on to "
            f"{sessions[-1]}: add the rows after it, or a last row with a date far ahead"
        )
    total = factors.price * factors.split
    changed = np.flatnonzero(np.diff(total)) if len(total) > 1 else np.array([], dtype=np.intp)
    within = changed[(changed >= place[0]) & (changed < place[-1])]
    if not len(within):
        raise DataError(
            f"{factors.file}: no factor changes within the bars, from {sessions[0]} to {sessions[-1]}: leave "
            "out data.factors, or give the file that belongs to the bars"
        )
    prices = total[place] / total[place[0]]
    volume = factors.split[place[0]] / factors.split[place]
    notes = (
        f"{factors.file}: {len(within)} dividends and splits, the last after {factors.until[within[-1]]}: "
        f"prices are as quoted in the first session, {prices[-1]:.6g} times the quoted ones in the last",
    )
    differing = _compared(factors, within, sessions, close)
    return Adjustment(prices, volume, factors.until[within], notes + differing)


def screened_factors(factors: Factors, sessions: NDArray[np.datetime64], adjusted: Adjustment) -> Screened:
    """Return the file after its checks, its table the factor of each session: `session, factor`."""
    days = pd.DatetimeIndex(sessions).as_unit("us")
    first, last = (pd.Timestamp(adjusted.changes[i]) for i in (0, -1))
    counts = ("factors", factors.file, len(factors.until), 0, first, last, 0)
    return Screened(
        pd.DataFrame({"session": days, "factor": adjusted.prices}),
        factors.quarantine,
        adjusted.notes,
        dict(zip(INTAKE, counts, strict=True)),
    )


def as_quoted(bars: pd.DataFrame, adjusted: pd.DataFrame) -> pd.DataFrame:
    """Return bars whose prices are in the quoted money of the last one, all divided by its factor.

    Parameters
    ----------
    bars : canonical bars, adjusted.
    adjusted : the table `adjustment`.

    Examples
    --------
    >>> days = pd.to_datetime(["2018-01-03", "2018-01-04"])
    >>> bars = pd.DataFrame({"session": days, **dict.fromkeys(PRICES, [50.0, 52.0])})
    >>> factors = pd.DataFrame({"session": days, "factor": [1.0, 1.25]})
    >>> as_quoted(bars, factors)["close"].tolist()
    [40.0, 41.6]
    """
    factor = adjusted.set_index("session")["factor"].loc[bars["session"].iloc[-1]]
    return bars.assign(**{name: bars[name] / factor for name in PRICES})


def _stop_at_fault(raw: RawTable, screened: Quarantine, name: str) -> None:
    faults = np.flatnonzero(~screened.sound)
    if len(faults):
        first = int(faults[0])
        raise DataError(
            f"{name}: line {raw.number[first]} is {raw.text[first]!r}: {screened.reasons[first]}: mend it, "
            "every row of a factor file counts"
        )


def _compared(
    factors: Factors, within: NDArray[np.intp], sessions: NDArray[np.datetime64], close: FloatArray
) -> tuple[str, ...]:
    """Raise where the reference prices are those of other bars; return a note on the few that differ."""
    row = np.searchsorted(sessions, factors.until[within])
    known = (sessions[row] == factors.until[within]) & (factors.reference[within] > 0.0)
    if not known.any():
        return ()
    dates, quoted, found = factors.until[within][known], factors.reference[within][known], close[row[known]]
    off = np.abs(np.log(quoted / found)) > REFERENCE_OFF
    if not off.any():
        return ()
    first = int(off.argmax())
    said = (
        f"{factors.file}: {off.sum()} of {len(off)} reference prices are not the quoted close, the first on "
        f"{dates[first]}: {quoted[first]:g}, the bars have {found[first]:g}"
    )
    if 2 * off.sum() > len(off):
        raise DataError(
            f"{said}: give quoted bars of the same instrument, and set data.bars.price_scale to their unit"
        )
    return (said,)
