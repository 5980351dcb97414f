"""Which session a decision rests on, and whether a newer one should be known."""

from dataclasses import dataclass

import pandas as pd

from pipeline.ingest.calendar import session_closes, sessions_between
from pipeline.ingest.tables import PUBLICATION_DELAY

LONGEST_PAUSE = pd.Timedelta(days=15)
"""Longer than any exchange was closed since 1990."""


@dataclass(frozen=True)
class Freshness:
    """The newest session in the data, the newest that is known to the world, and what lies between."""

    session: pd.Timestamp
    expected: pd.Timestamp
    behind: int

    @property
    def stale(self) -> bool:
        """Tell whether a session is missing."""
        return self.behind > 0


def freshness(session: pd.Timestamp, now: pd.Timestamp, calendar: str) -> Freshness:
    """Compare the newest session in the data with the exchange's calendar.

    A session is known a quarter of an hour after its close, like its bar (`ingest.tables`).

    Parameters
    ----------
    session : the newest session in the data.
    now : time of the decision, with a time zone.
    calendar : name of the exchange.

    Examples
    --------
    >>> now = pd.Timestamp("2018-07-05 20:20", tz="UTC")
    >>> freshness(pd.Timestamp("2018-07-03"), now, "XNYS").behind
    1
    >>> freshness(pd.Timestamp("2018-07-03"), now - pd.Timedelta(hours=1), "XNYS").behind
    0
    """
    today = now.tz_convert("UTC").tz_localize(None).normalize()
    first = min(session, today - LONGEST_PAUSE)
    calendar_sessions = sessions_between(first, today + pd.Timedelta(days=1), calendar)
    known = calendar_sessions[session_closes(calendar_sessions, calendar) + PUBLICATION_DELAY <= now]
    return Freshness(session, known[-1], int((known > session).sum()))
