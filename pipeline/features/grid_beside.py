"""What a desk within the day reads beside its market's events: funding, alternative data, its own records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd

from pipeline.domain.alternative_settings import AlternativeData
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk, instant
from pipeline.features.alternative import alternative_beside
from pipeline.features.beside import Beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_day import FUNDING
from pipeline.features.decision_times import SECOND
from pipeline.features.event_feature import EventRows
from pipeline.features.funding_level import FUNDING_LEVEL
from pipeline.features.own import own_beside
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.market_days import DAYS
from pipeline.ingest.pieces import Shelf


def grid_beside(
    desk: IntradayDesk, market: Mapping[str, pd.DataFrame], days: Sequence[str], shelf: Shelf
) -> list[Beside]:
    """Return the features of records of a desk, in the order of their columns.

    Parameters
    ----------
    desk : settings.
    market : the table `days` of `market_days.load_days`, and those of the desk's alternative and own data.
    days : of the grid, in order; funding is read from the day before the first on, as far as it goes: a desk
        that lives on knows what its files told before it began.
    shelf : opens the market's pieces.

    Raises
    ------
    DataError
        The funding is of several venues, or a table of the desk's own has no row of its instrument.
    FitError
        What is learned cannot be, of the rows before the signals start.
    """
    given, own = desk.data.alternative, desk.data.own
    found = _funding(market[DAYS], days, shelf)
    if given.given:
        before = int(instant(desk.windows.signals_start, desk.zone).timestamp() * 1e9)
        made = alternative_beside(market, list(given.given), before, desk.seed)
        found += [replace(each, stale_after=_stale_after(given, each)) for each in made]
    if own.given:
        found.append(own_beside({table: market[table] for table in own.given}, own))
    return found


def _stale_after(given: AlternativeData, feature: Beside) -> float:
    told = [each.stale_after_seconds for kind in feature.readers for each in given.given[kind]]
    return min((seconds for seconds in told if seconds is not None), default=math.inf)


def _funding(index: pd.DataFrame, days: Sequence[str], shelf: Shelf) -> list[Beside]:
    """Return the level of a perpetual's funding, where it is told."""
    before = str(pd.Timestamp(days[0]).date() - timedelta(days=1))
    told = index.loc[index["table"] == "funding", "day"]
    wanted = sorted(told[told >= before].unique())
    if not wanted:
        return []
    rows = pd.concat([DayTables(index, day, shelf)["funding"] for day in wanted], ignore_index=True)
    known = nanoseconds(rows["known_time"])
    reader = partial(settlements, int(known.min()))
    names = tuple(each.name for each in FUNDING_LEVEL.outputs)
    (source,) = FUNDING_LEVEL.sources
    table = source.table
    return [Beside(FUNDING_LEVEL, names, {table: reader(rows)}, {FUNDING: (table, reader)})]


def settlements(since: int, funding: pd.DataFrame) -> EventRows:
    """Return settlements known from a time on as events: rate, hours, and when it was settled in seconds UTC.

    Parameters
    ----------
    since : ns.
    funding : rows of the canonical table.

    Raises
    ------
    DataError
        They are of several venues.
    """
    venues = sorted(funding["venue"].unique())
    if len(venues) > 1:
        raise DataError(f"funding of {' and '.join(venues)}: name the file of one venue in data.files")
    known, settled = (nanoseconds(funding[name]) for name in ("known_time", "event_time"))
    order = np.argsort(known, kind="stable")
    order = order[known[order] >= since]
    told = np.c_[funding[["rate", "hours"]].to_numpy(float), settled / SECOND]
    return EventRows(known[order], told[order])
