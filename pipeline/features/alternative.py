"""Features of alternative data on any grid of times: what had been published by each, and nothing later."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.alternative_settings import table_of
from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.beside import Beside, Reader, values_beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.daily_series import NETWORK_FEES, NEWS_SENTIMENT
from pipeline.features.event_feature import EventFeature, EventRows, TimeArray
from pipeline.features.headline_topics import HeadlineTopics, headline_events, learn_topics
from pipeline.features.record_batch import record_batch
from pipeline.features.series_events import series_events
from pipeline.features.social_activity import SOCIAL_ACTIVITY, social_events
from pipeline.features.topic_intensity import TOPIC_INTENSITY

KINDS: Final[Mapping[str, EventFeature]] = {
    "news_sentiment": NEWS_SENTIMENT,
    "network_fees": NETWORK_FEES,
    "headlines": TOPIC_INTENSITY,
    "social": SOCIAL_ACTIVITY,
}
"""The feature of each kind of alternative data."""
UNSCORED: Final = frozenset({"social_sentiment_1d", "social_dispersion_1d", "social_author_dispersion_1d"})
"""Outputs that need a score of each text, which no desk file names: they are not offered."""


def alternative_names(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that some kinds of alternative data give, in their order.

    Examples
    --------
    >>> alternative_names(["network_fees"])
    ('network_fees_day', 'network_fees_momentum_30d')
    """
    return tuple(
        each.name
        for kind, feature in KINDS.items()
        if kind in kinds
        for each in feature.outputs
        if each.name not in UNSCORED
    )


def alternative_values(
    tables: Mapping[str, pd.DataFrame], kinds: Sequence[str], times: TimeArray, before: int, seed: int
) -> dict[str, FloatArray]:
    """Return the features of alternative data at some times, [T] each, NaN until the first event.

    Parameters
    ----------
    tables, kinds, before, seed : as of `alternative_beside`.
    times : nanoseconds UTC, never falling, [T].

    Raises
    ------
    FitError
        The rows before that time do not suffice.
    """
    return values_beside(alternative_beside(tables, kinds, before, seed), times, np.full(len(times), np.nan))


def alternative_beside(
    tables: Mapping[str, pd.DataFrame], kinds: Sequence[str], before: int, seed: int
) -> list[Beside]:
    """Return the features of alternative data with their parameters and events.

    Parameters
    ----------
    tables : canonical tables, whole; a row is seen from its `known_time` on.
    kinds : which are given, of `KINDS`.
    before : what is learned (topics, the autoregression of a surprise) is learned from rows known before
        this time, nanoseconds UTC.
    seed : of the topics.

    Raises
    ------
    FitError
        The rows before that time do not suffice.
    """
    found = []
    for kind, feature in KINDS.items():
        if kind not in kinds:
            continue
        rows, (source,) = tables[table_of(kind)], feature.sources
        try:
            reader = READERS[kind](rows, before, seed)
            events = reader(rows)
            learned = feature.fitted([{source.table: _until(events, before)}])
        except FitError as error:
            raise FitError(
                f"data.alternative.{kind} before windows.signals_start: {error}, give earlier rows or start "
                "the signals later"
            ) from None
        readers = {kind: (source.table, reader)}
        found.append(Beside(learned, alternative_names([kind]), {source.table: events}, readers))
    return found


def _until(events: EventRows, before: int) -> EventRows:
    return events[: int(np.searchsorted(events.known_time, before))]


def _series(series: str, rows: pd.DataFrame) -> EventRows:
    return series_events([record_batch(rows)], series)


def _social(rows: pd.DataFrame) -> EventRows:
    return social_events([record_batch(rows)])


def _headlines(learned: HeadlineTopics, rows: pd.DataFrame) -> EventRows:
    return headline_events([record_batch(rows)], learned)


def _topics(rows: pd.DataFrame, before: int, seed: int) -> Reader:
    known = nanoseconds(rows["known_time"])
    order = np.argsort(known, kind="stable")
    texts = rows["text"].iloc[order[known[order] < before]].tolist()
    return partial(_headlines, learn_topics(texts, seed))


READERS: Final[Mapping[str, Callable[[pd.DataFrame, int, int], Reader]]] = {
    "news_sentiment": lambda _rows, _before, _seed: partial(_series, "news_sentiment"),
    "network_fees": lambda _rows, _before, _seed: partial(_series, "network_fees"),
    "headlines": _topics,
    "social": lambda _rows, _before, _seed: _social,
}
"""What reads the rows of each kind, from those known before a time, which it may learn from, and a seed."""
