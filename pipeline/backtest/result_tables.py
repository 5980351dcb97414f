"""Rows of the backtest's tables."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.folds import Fold
from pipeline.backtest.ledger import SOURCES, Ledger
from pipeline.domain.band import Band
from pipeline.policies.base import Policy


def result_rows(
    policy: str, delay: int, fold: Fold, episodes: Episodes, dates: NDArray[np.datetime64], ledger: Ledger
) -> pd.DataFrame:
    """Return the books of a fold's test episodes as rows of the table `episodes`.

    `market_return` is that of the hedge instrument from the start of the episode to its end.
    """
    price = episodes.market.price[fold.test, :, 0]
    regime = episodes.state.regime_prob[fold.test, 0].argmax(axis=-1)
    books = ("pnl", "premium", "trading", "carry", "cost", *SOURCES, "payoff", "turnover", "trades")
    return pd.DataFrame(
        {
            "policy": policy,
            "delay": delay,
            "start": dates[episodes.start[fold.test]],
            "window": fold.window,
            "regime": regime,
            "market_return": price[:, -1] / price[:, 0] - 1.0,
            **{name: getattr(ledger, name) for name in books},
        }
    )


def path_rows(
    policy: str,
    dates: NDArray[np.datetime64],
    spot: NDArray[np.float64],
    band: Band,
    ledger: Ledger,
    row: int,
) -> pd.DataFrame:
    """Return one episode (row of the ledger) session by session, as rows of the table `path`."""
    return pd.DataFrame(
        {
            "session": dates[: len(spot)],
            "policy": policy,
            "spot": spot,
            "lower": band.lower[row, :, 0],
            "upper": band.upper[row, :, 0],
            "position": ledger.position[row, :, 0],
        }
    )


def parameter_rows(window: int, policy: Policy, score: float) -> list[tuple[int, str, str, float, float]]:
    """Return a fitted policy's parameters and its training score, as rows of the table `tuned`."""
    return [(window, policy.name, key, value, score) for key, value in policy.parameters().items()]
