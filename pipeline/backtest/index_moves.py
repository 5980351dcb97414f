"""What delta leaves of an option that is marked at a volatility index, over a long history."""

import numpy as np
import pandas as pd

from pipeline.backtest.contract_moves import ContractMoves, slopes
from pipeline.backtest.episodes import SESSIONS_A_YEAR, START_SPOT
from pipeline.domain.instruments import Right
from pipeline.policies.minimum_variance import DELTA_RANGE, Coefficients
from pipeline.pricing import black

LIFE = 21
"""Sessions of each option, at the money at its start; one starts in every session."""


def index_moves(history: pd.DataFrame, atm_ratio: float) -> ContractMoves:
    """Return every pair of sessions of calls and puts marked at `atm_ratio` times the index, without rates.

    Parameters
    ----------
    history : `session`, `close` and `implied_vol`, one row a session; pairs without a value are left out.
    atm_ratio : at-the-money volatility over the index.

    Returns
    -------
    moves : `day` is the row of the session, `contract` that of the option's start; money with the close at
        the pair's start scaled to 100.
    """
    close, vol = (
        history["close"].to_numpy(np.float64),
        atm_ratio * history["implied_vol"].to_numpy(np.float64),
    )
    start = np.arange(max(len(close) - LIFE, 0))[:, None]
    day = start + np.arange(LIFE - 1)
    option = np.broadcast_to(start, day.shape)
    left = np.broadcast_to((LIFE - np.arange(LIFE - 1)) / SESSIONS_A_YEAR, day.shape)
    scale = START_SPOT / close[day]
    strike, spot, after = close[start] * scale, np.full(day.shape, START_SPOT), close[day + 1] * scale
    move = after - spot
    parts = []
    rights: tuple[tuple[int, Right], ...] = ((1, "call"), (-1, "put"))
    for right, name in rights:
        terms = (spot, strike, left, vol[day])
        delta = black.delta(name, *terms)
        value = black.price(name, after, strike, left - 1.0 / SESSIONS_A_YEAR, vol[day + 1])
        excess = value - black.price(name, *terms) - delta * move
        slope = black.vega(*terms) / np.sqrt(left) * move / spot
        size = np.abs(delta)
        use = (size > DELTA_RANGE[0]) & (size < DELTA_RANGE[1]) & np.isfinite(excess)
        parts.append((day[use], option[use], np.full(use.sum(), right), delta[use], excess[use], slope[use]))
    joined = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return ContractMoves(*joined).where(np.argsort(joined[0], kind="stable"))


def history_slopes(
    history: pd.DataFrame, before: pd.Timestamp, atm_ratio: float
) -> tuple[Coefficients, Coefficients]:
    """Return (a, b, c) of calls and of puts on the sessions before a day, see `contract_moves.slopes`.

    Raises
    ------
    FitError
        There are too few sessions.
    """
    known = history[(pd.DatetimeIndex(history["session"]) < before)]
    own = index_moves(known, atm_ratio)
    return slopes(own.where(own.right > 0)), slopes(own.where(own.right < 0))
