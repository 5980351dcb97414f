"""A user's realised measures, screened row by row."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.domain.file_settings import RealizedFile
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.jumps import spikes
from pipeline.ingest.missing_runs import name_missing
from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import read_raw
from pipeline.ingest.screening import numbers, refuse
from pipeline.ingest.tables import REALIZED_NAMES
from pipeline.ingest.timed_rows import (
    Screened,
    Sessions,
    finished,
    kept_rows,
    lacking,
    ordered,
    placed_sessions,
    timed,
)
from pipeline.ingest.vol_files import HIGHEST_VOL, PLAUSIBLE_VOL

SESSIONS_A_YEAR: Final = 252
ADD_UP: Final = 0.01
"""Largest believed share of RV by which the two semivariances miss it: files are rounded."""
QUARTICITY_JUMP: Final = math.log(1000.0)
"""Largest believed move |ln(q/q before)| of q = RQ/RV². By Cauchy and Schwarz q spans a factor of at most M,
the number of returns in a session (78 of five minutes, 390 of one), whatever the unit of RQ."""
ODD_QUARTICITY: Final = "absurd RQ: RQ/RV² moves more than 1000-fold"
SCALED: Final[Mapping[str, int]] = {"rv": 1, "rq": 2, "rs_plus": 1, "rs_minus": 1}
"""Power of the scale that each measure takes."""


def realized(data: FilesData, settings: RealizedFile, expected: str | None, bars: Sessions) -> Screened:
    """Return the canonical `realized` of a desk's file: daily variances as decimals.

    Parameters
    ----------
    data : the desk's settings.
    settings : of the file.
    expected : SHA-256 that the file must have; None takes any.
    bars : sessions of the bars, in order.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, fails too many checks, or changes the unit of a measure.
    """
    raw = read_raw(settings.file, expected, settings.header)
    screened = Quarantine("realized", raw)
    texts = {
        name: raw.column(column, f"data.realized.columns.{name}")
        for name in REALIZED_NAMES
        if (column := getattr(settings.columns, name)) is not None
    }
    dates = raw.column(settings.columns.date, "data.realized.columns.date")
    sessions = placed_sessions(screened, dates, settings, data.calendar)
    name_missing(screened, texts, sessions)
    values = {
        name: numbers(screened, name, text) * settings.scale ** SCALED[name] for name, text in texts.items()
    }
    refuse(screened, ~(values["rv"] > 0.0), "RV not above zero")
    _check_unit(settings, values["rv"][screened.sound])
    _refuse_impossible(screened, values)
    order = ordered(screened, sessions)
    if "rq" in values:
        screened.put(_odd_quarticity(values, order, sessions, settings.file.name), ODD_QUARTICITY)
    kept = kept_rows(screened, order, data.quarantine_limit)
    table = timed(sessions[kept], data.calendar).assign(**{name: each[kept] for name, each in values.items()})
    found = finished(screened, kept, sessions, table, bars)
    unknown = lacking(
        found,
        bars,
        "LightGBM does without them there, the other forecasts are missing, and nothing is scored",
    )
    return replace(found, notes=(*found.notes, *unknown))


def _refuse_impossible(screened: Quarantine, values: Mapping[str, FloatArray]) -> None:
    highest = HIGHEST_VOL**2 / SESSIONS_A_YEAR
    refuse(screened, ~(values["rv"] < highest), "RV of 500 % a year or more")
    if "rq" in values:
        refuse(screened, ~(values["rq"] > 0.0), "RQ not above zero")
        refuse(screened, ~np.isfinite(values["rq"]), "number too large: rq")
    halves = [values[name] for name in ("rs_plus", "rs_minus") if name in values]
    for half in halves:
        refuse(screened, ~(half >= 0.0), "negative semivariance")
    if halves:
        gap = np.abs(sum(halves) - values["rv"])
        refuse(screened, ~(gap <= ADD_UP * values["rv"]), "semivariances do not add up to RV")


def _check_unit(settings: RealizedFile, rv: FloatArray) -> None:
    if not len(rv):
        return
    vol, (low, high) = math.sqrt(SESSIONS_A_YEAR * float(np.median(rv))), PLAUSIBLE_VOL
    if not low < vol < high:
        raise DataError(
            f"{settings.file.name}: the median RV is a volatility of {vol:.4g} a year, read with "
            f"data.realized.scale {settings.scale:g}: RV is the variance of a day as a decimal (percent "
            "squared: scale 1e-4), so set the scale, or name another column"
        )


def _odd_quarticity(
    values: Mapping[str, FloatArray], order: NDArray[np.intp], sessions: Sessions, file: str
) -> list[int]:
    ratio = np.full(len(sessions), np.nan)
    ratio[order] = values["rq"][order] / values["rv"][order] ** 2
    return spikes(
        {"close": ratio},
        order,
        sessions,
        QUARTICITY_JUMP,
        file,
        moved="ratio RQ/RV²",
        remedy="RQ changes its unit there: cut the file, bring RQ to one unit, or leave out columns.rq",
    )
