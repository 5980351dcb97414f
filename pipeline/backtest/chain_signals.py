"""What the hedgers of a desk on option chains are given: signals learned on the history of the underlying."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.backtest.signals import learn_signals
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.errors import DataError
from pipeline.ingest.pieces import Pieces, anew


def learn_chain(
    desk: ChainDesk,
    market: Mapping[str, pd.DataFrame],
    features: Mapping[str, pd.DataFrame],
    pieces: Pieces = anew,
) -> dict[str, pd.DataFrame | bytes]:
    """Learn regimes and forecasts on the history up to the last chain, and keep the quotes beside them.

    Returns
    -------
    Tables of `signals.learn_signals`; `quoted` and `surface` of `features.chain_matrix`, the surface with
    `risk_premium_30d`: implied less forecast variance over the next 30 days, as known in the session before;
    `closes` (`session`, `close`) on the days of the chain, and `history` (`session`, `close`, `implied_vol`).

    Raises
    ------
    DataError
        The history ends before the chain does.
    """
    quoted = features["quoted"]
    days = pd.DatetimeIndex(features["surface"]["event_time"]).tz_localize(None).normalize()
    bars = market["bars"]
    sessions = pd.DatetimeIndex(bars["session"])
    if sessions[-1] < days[-1]:
        raise DataError(
            f"data.history ends on {sessions[-1].date()}, the chains on {days[-1].date()}: give a longer file"
        )
    learned = learn_signals(desk.of_history(days[-1].date()), market, features, pieces)
    signals = learned["signals"]
    assert isinstance(signals, pd.DataFrame)
    rows = pd.DatetimeIndex(signals["session"]).searchsorted(days, side="left") - 1
    forecast = signals["forecast_variance_21"].to_numpy(np.float64)[rows] * 252 / 21
    surface = features["surface"].assign(
        risk_premium_30d=features["surface"]["atm_vol_30d"].to_numpy() ** 2 - forecast
    )
    history = features["features"][["session", "implied_vol"]].assign(close=bars["close"].to_numpy())
    return {
        **learned,
        "quoted": quoted,
        "surface": surface,
        "closes": bars.loc[sessions.isin(days), ["session", "close"]].reset_index(drop=True),
        "history": history,
    }
