"""Records of a desk on a venue's stream: files as they come, and its own account from its journal."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.intraday_desk import IntradayDesk, MarketFiles
from pipeline.domain.orders import Report
from pipeline.features.beside import Beside
from pipeline.features.decision_day import FUNDING
from pipeline.features.decision_row import DecisionRow
from pipeline.features.event_feature import EventRows
from pipeline.features.own_account import OWN_ACCOUNT
from pipeline.features.running_beside import RunningBeside
from pipeline.features.running_funding import PERPETUAL, Settled
from pipeline.ingest.folder_files import fits
from pipeline.live.control import Control
from pipeline.live.funding_watch import FundingFiles
from pipeline.live.order_path import OrderPath
from pipeline.live.own_fills import booked, fill_events
from pipeline.live.record_watch import Fact, RecordsOf, RecordWatch, Source

FILLS: Final = "fills"
POSITIONS: Final = "positions"
OF_ACCOUNT: Final = (FILLS, POSITIONS)
"""Kinds of records that are those of the desk's own account once it lives."""
DAY: Final = 86_400.0
"""Seconds from which on funding is old: every venue settles more often."""


class StreamRecords(Control):
    """Features of records while a desk lives; see `features.running_beside.Records`.

    The files tell the account until the desk's journal begins. From there on it is flat, and then what the
    journal's fills make of it, so what it holds is what the desk's gateway is reconciled with.

    Parameters
    ----------
    features : of `grid_beside`.
    own : whose fills become events: the desk.
    watch : looks at the files.
    before : the decision grid until now.
    opened : of the day that it begins with, ns: what was settled until then is booked if it was missed.

    Attributes
    ----------
    names : of the numbers that are added to a row.
    """

    def __init__(
        self,
        features: Sequence[Beside],
        desk: IntradayDesk,
        watch: RecordWatch,
        before: pd.DataFrame,
        opened: int = 0,
    ) -> None:
        pays = desk.hedge.instrument == PERPETUAL
        self.names = (*((FUNDING,) if pays else ()), *(name for each in features for name in each.names))
        self._settled: Settled | None = None
        self._opened, self._pays = opened, pays
        self._features, self._multiplier = list(features), desk.data.own.multiplier
        self._watch, self._before = watch, before
        self._begun = 0
        self._running = RunningBeside(features, before)  # compiled here, not while the venue's line waits

    @contextmanager
    def beside(self, path: OrderPath) -> Iterator[None]:
        """Begin with the files and the journal, and look at files meanwhile."""
        orders, reports = path.journal.orders(), path.journal.reports()
        self._begun = path.journal.turns()[0].at
        self._settled = Settled(self._opened, self._begun) if self._pays else None
        fills = fill_events(list(booked(orders, reports)), self._begun, self._multiplier)
        features = [lived(each, self._begun, fills) for each in self._features]
        for each in features:
            self._settle(each.events)
        self._running = RunningBeside(features, self._before)
        path.listeners.append(self._hear)
        try:
            with self._watch.going():
                yield
        finally:
            path.listeners.remove(self._hear)

    def step(self, row: DecisionRow, mid: float) -> DecisionRow:
        """Return a decision with what is known of the records then."""
        for table, events in self._watch.found():
            self._settle({table: events})
            self._running.add(table, events)
        if self._settled is not None:
            row = self._settled.step(row)
        return self._running.step(row, mid)

    def age(self, at: int) -> float:
        """Return the age of the most stale source, seconds."""
        return self._running.age(at)

    def facts(self) -> list[Fact]:
        """Return how each source is."""
        return self._watch.facts()

    def _settle(self, events: Mapping[str, EventRows]) -> None:
        if self._settled is not None and FUNDING in events:
            self._settled.add(events[FUNDING])

    def _hear(self, report: Report) -> None:
        if report.filled:
            self._running.add(FILLS, fill_events([report], self._begun, self._multiplier))


def lived(feature: Beside, begun: int, fills: EventRows) -> Beside:
    """Return the account of a desk with the files until it began, and its own fills from there on.

    Parameters
    ----------
    feature : any; another than the account stays as it is.
    begun : ns; it is stated to be flat just before.
    fills : its own.
    """
    if feature.feature.name != OWN_ACCOUNT.name:
        return feature
    told = {table: feature.events[table] for table in OF_ACCOUNT}
    early = {table: rows[: int(np.searchsorted(rows.known_time, begun))] for table, rows in told.items()}
    flat = EventRows(np.array([begun - 1]), np.array([[0.0, np.nan]]))
    account = {
        FILLS: EventRows.joined([early[FILLS], fills]),
        POSITIONS: EventRows.joined([early[POSITIONS], flat]),
    }
    return replace(feature, events={**feature.events, **account})


def watched(features: Sequence[Beside], data: MarketFiles, days: pd.DataFrame) -> list[Source]:
    """Return the files that are looked at: all but those of the account.

    Parameters
    ----------
    features : of `grid_beside`.
    data : where the files are.
    days : the index of the market's files, see `market_days.load_days`.
    """
    names, records = days.loc[days["table"] == FUNDING, "file"].unique(), data.records
    patterns = tuple(each for each in data.files if any(fits(name, each) for name in names))
    history = FundingFiles(data.url, patterns, data.terms)
    return [
        Source(
            kind,
            table,
            history if kind == FUNDING else RecordsOf(kind, tuple(records[kind])),
            reader,
            each.events[table],
            DAY if kind == FUNDING else each.stale_after,
        )
        for each in features
        for kind, (table, reader) in each.readers.items()
        if kind not in OF_ACCOUNT
    ]
