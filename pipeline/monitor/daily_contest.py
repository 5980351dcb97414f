"""A daily desk's challenger beside its champion: both hedge options that neither learned from."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import Episodes, build_episodes
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import band_along
from pipeline.backtest.stream import FittedSignals, stream_signals
from pipeline.domain.desk import Desk
from pipeline.policies.base import Policy


class Models(NamedTuple):
    """What a daily desk decides with: the last fits of a walk, and the policy that gives the band.

    `seen_until` is the last session that its network was told of, None if it was told of none.
    """

    signals: FittedSignals
    policy: Policy
    seen_until: pd.Timestamp | None = None

    @property
    def since(self) -> pd.Timestamp:
        """The first day on which nothing was fitted or trained."""
        fitted = self.signals.boundary
        return fitted if self.seen_until is None else max(fitted, self.seen_until + pd.Timedelta(days=1))


def daily_pairs(
    desk: Desk, champion: Models, challenger: Models, close: "pd.Series[float]", features: pd.DataFrame
) -> pd.DataFrame:
    """Return what came of each option of the desk that has expired, as `contest` reads it.

    The options are those dealt from the first session of the younger one's last window on, and after all that
    a network was told of: neither learned from these, and the band of each decision follows from what was
    known then, so nothing has to be written down meanwhile. Both pay the same, what trading cost in the
    champion's units.

    Parameters
    ----------
    desk : settings.
    champion, challenger : who is compared.
    close : [T] closing prices, one row a session.
    features : [T rows] the feature matrix of the same sessions.

    Returns
    -------
    `start`, `champion_pnl`, `challenger_pnl` (money with the spot at 100) and `alarms`, which are none.

    Raises
    ------
    DataError
        No option has expired since, or the data lack what the models read.
    """
    both = champion, challenger
    tables = [stream_signals(each.signals, close, features) for each in both]
    since = max(each.since for each in both)
    known = set(tables[0]["session"]) & set(tables[1]["session"])
    first, second = (_since(desk, table, since, known) for table in tables)
    rows = [
        np.flatnonzero(np.isin(each.start, other.start)) for each, other in ((first, second), (second, first))
    ]
    market, delay = first.market.episodes(rows[0]), desk.hedge.delay_sessions
    pnl = [
        book(
            market, band_along(each.policy, episodes.state.episodes(own), market, delay, desk.limits), delay
        ).pnl
        for each, episodes, own in zip(both, (first, second), rows, strict=True)
    ]
    dealt = tables[0].loc[tables[0]["session"].isin(known) & (tables[0]["session"] >= since), "session"]
    starts = dealt.to_numpy()[first.start[rows[0]]]
    told = {"start": starts, "champion_pnl": pnl[0], "challenger_pnl": pnl[1]}
    return pd.DataFrame({**told, "alarms": [[] for _ in starts]})


def _since(desk: Desk, signals: pd.DataFrame, since: pd.Timestamp, known: set[pd.Timestamp]) -> Episodes:
    """Return the options of the desk on the sessions from one on of which both models know."""
    rows = signals[(signals["session"] >= since) & signals["session"].isin(known)]
    return build_episodes(desk, rows.reset_index(drop=True))
