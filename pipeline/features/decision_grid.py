"""The decision grid of all days: each day's rows, what is learned for them, and how far each looks back."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk, instant
from pipeline.features.beside import values_beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.book_close import OpenedDay, opened_days
from pipeline.features.book_days import book_days, check_books
from pipeline.features.day_events import DayEvents
from pipeline.features.decision_day import decision_day
from pipeline.features.decision_history import GridRows, days_before, decision_history
from pipeline.features.early_tables import EarlyTables
from pipeline.features.event_catalogue import event_catalogue
from pipeline.features.grid_beside import grid_beside
from pipeline.features.own import check_own_fills
from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.market_days import DAYS
from pipeline.ingest.pieces import InMemory, KeptPieces, Piece
from pipeline.ingest.sources import NOTES

BOOK_DAYS: Final = "book_days"
TRADED: Final = ("quotes", "book", "book_events")
"""Tables without which a day has nothing to trade against, such as one of which only the funding is known."""
log = logging.getLogger(__name__)


def decision_features(
    desk: IntradayDesk, market: Mapping[str, pd.DataFrame], pieces: KeptPieces | None = None
) -> dict[str, pd.DataFrame | bytes]:
    """Return the decision grid of every day of the market; a day that is known is not made again.

    Parameters
    ----------
    desk : settings; only what the grid is made of is read.
    market : the table `days` of `market_days.load_days`, and those of the desk's alternative and own data.
    pieces : keeps the days.

    Returns
    -------
    Tables `features` (see `decision_day`, `decision_history`, `alternative`) and `fills`, one row a decision
    in the order of time, `event_parameters` (what was learned for features of events, on rows before the
    signals start), `book_days` (see there) and `notes` (what is to be said of it).

    Raises
    ------
    DataError
        No day of the market begins before the signals start, or no decision had a sound book.
    """
    pieces = pieces or InMemory()
    index, name = market[DAYS], desk.data.instrument
    traded = index[index["table"].isin(TRADED)] if index["table"].isin(TRADED).any() else index
    days = opened_days(index, sorted(traded["day"].unique()), pieces, name)
    fitted = _fitted(desk, days, pieces)
    units = {
        each.day: {"day": each.day, "tables": Known(each, each.digest), "fitted": fitted} for each in days
    }
    shared = {"grid": desk.grid, "hedge": desk.hedge, "seed": desk.seed}
    made = dict(
        zip(units, pieces.partitions("decision_day", decision_day, name, units, **shared), strict=True)
    )
    rows = {day: len(piece[f"grid/{day}"]) for day, piece in made.items()}
    keys = {day: piece.key for day, piece in made.items()}
    looked = {
        day: {"day": day, "rows": Known(found := GridRows(chosen, pieces.shelf), found.digest)}
        for day in made
        if (chosen := {each: keys[each] for each in (*days_before(day, rows), day)})
    }
    history = pieces.partitions("decision_history", decision_history, name, looked)
    learned = [
        (feature, place, value) for feature, found in fitted.items() for place, value in enumerate(found)
    ]
    grid = _joined(dict(zip(looked, history, strict=True)), "features")
    books = book_days(grid)
    return {
        BOOK_DAYS: books,
        NOTES: pd.DataFrame({"note": check_books(books, name)}, dtype="str"),
        "features": grid.assign(step_seconds=_mean_step(desk, grid), **_beside(desk, market, grid, pieces)),
        "fills": _joined(made, "fills"),
        "event_parameters": pd.DataFrame(learned, columns=["feature", "place", "value"]),
    }


def _beside(
    desk: IntradayDesk, market: Mapping[str, pd.DataFrame], grid: pd.DataFrame, pieces: KeptPieces
) -> dict[str, FloatArray]:
    """Return the features of records at every decision; their files are small: one pass.

    The account is marked at the mid of each decision.
    """
    times, mid = nanoseconds(grid["time"]), grid["mid"].to_numpy(float)
    if "fills" in desk.data.own.given:
        check_own_fills(market["fills"], desk.data.own, times, mid)
    return values_beside(grid_beside(desk, market, list(grid["day"].unique()), pieces.shelf), times, mid)


def _mean_step(desk: IntradayDesk, grid: pd.DataFrame) -> float:
    """Return the mean seconds between decisions of one day, before the signals start: annual figures need it.

    A grid of seconds has them exactly; one of events has no other step.
    """
    early = grid[grid["time"] < pd.Timestamp(instant(desk.windows.signals_start, desk.zone))]
    steps = early["time"].diff()[early["day"].eq(early["day"].shift())]
    if steps.empty:
        raise DataError(
            f"{desk.data.instrument}: fewer than two decisions of one day before windows.signals_start "
            f"{desk.windows.signals_start}, {desk.grid.told}: decide more often or start the signals later"
        )
    return float(steps.dt.total_seconds().mean())


def _joined(days: Mapping[str, Piece], table: str) -> pd.DataFrame:
    return pd.concat([piece[f"{table}/{day}"] for day, piece in days.items()], ignore_index=True)


def _fitted(desk: IntradayDesk, days: list[OpenedDay], pieces: KeptPieces) -> dict[str, Any]:
    before = instant(desk.windows.signals_start, desk.zone)
    used = [each for each in days if each.day <= before.astimezone(desk.zone).date().isoformat()]
    if not used:
        raise DataError(
            f"{desk.data.instrument}: no data up to windows.signals_start {desk.windows.signals_start}, the "
            f"first day is {days[0].day}: nothing can be learned: give earlier files or move signals_start"
        )
    piece = pieces(
        "event_parameters",
        event_parameters,
        tables=Known(used, " ".join(each.digest for each in used)),
        before=int(before.timestamp() * 1e9),
    )
    found: dict[str, Any] = json.loads(piece.read_bytes("parameters.json"))
    return found


def event_parameters(tables: list[OpenedDay], before: int) -> Output:
    """Return what the features of events learn from events known before an instant, `parameters.json`.

    It is learned from the days that have all tables of a feature. A feature that cannot be learned from them
    is left out with a warning, and has no column.
    """
    days = [DayEvents(EarlyTables(day, before)) for day in tables]
    found: dict[str, list[float]] = {}
    for feature in event_catalogue():
        whole = [day for day in days if all(source.table in day for source in feature.sources)]
        if feature.fit is None or not whole:
            continue
        try:
            learned = feature.fitted(*(day.of(feature.sources) for day in whole))
            found[feature.name] = learned.constants().tolist()
        except FitError as error:
            log.warning("%s: left out, for it cannot be learned: %s", feature.name, error)
    return {"parameters.json": json.dumps(found).encode()}
