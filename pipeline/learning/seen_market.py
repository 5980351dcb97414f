"""What is known before a day, as a hedger that learns in simulated markets is told it."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from pipeline.backtest.quote_sight import StoredQuotes
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import SimulatedDesk, hedged
from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.learning.known_market import KnownMarket
from pipeline.policies.network_slope import SLOPE_INPUTS
from pipeline.regimes.hmm import HiddenMarkovDetector

SESSIONS_A_YEAR = 252.0
MARGIN = 1.25
"""Factor by which volatilities may leave the range that was seen."""
REGIMES = 2


def seen_volatility(desk: SimulatedDesk, tables: Mapping[str, pd.DataFrame], before: date) -> KnownMarket:
    """Return the market with the range of volatilities that options were marked at before a day.

    Volatilities are `market.atm_ratio` times the desk's volatility indices in the sessions before it, of a
    desk on one contract `level.ratio` times them; of a desk on option chains the implied ones of the quotes
    before it that `quote_sight.StoredQuotes` holds. With a margin of a quarter; no later row is read.

    Parameters
    ----------
    tables : what the desk's run has learned: `signals`, one row a session with `session` and the desk's
        volatility indices; `level` of one contract; `quoted` of option chains.

    Raises
    ------
    DataError
        No index has a value before the day.

    Examples
    --------
    >>> days = pd.to_datetime(["2015-12-30", "2015-12-31", "2016-01-04"])
    >>> table = pd.DataFrame({"session": days, "implied_vol": [0.1, 0.2, 0.9]})
    >>> desk = Desk(name="x", policies={"run": ()}, market={"atm_ratio": 1.0})
    >>> seen_volatility(desk, {"signals": table}, date(2016, 1, 1)).volatility
    (0.08, 0.25)
    """
    seen = _marked_at(desk, tables, before)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        raise DataError(
            f"no implied volatility before the window from {before} on: nothing tells which "
            "markets a hedger is to learn in; move the test later, or leave out policies.train"
        )
    edges = float(seen.min()) / MARGIN, float(seen.max()) * MARGIN
    return KnownMarket(volatility=(round(edges[0], 4), round(edges[1], 4)))


def _marked_at(desk: SimulatedDesk, tables: Mapping[str, pd.DataFrame], before: date) -> FloatArray:
    if isinstance(desk, ChainDesk):
        seen = StoredQuotes.of(tables["quoted"], before).seen.own
        return np.asarray(np.exp(seen[:, SLOPE_INPUTS.index("log_vol")]))
    own = isinstance(desk, ContractDesk)
    ratio = float(tables["level"]["ratio"].iloc[0]) if own else desk.market.atm_ratio
    tenors = list(hedged(desk).data.tenors)
    return _known(tables["signals"], before)[tenors].to_numpy(np.float64) * ratio


def seen_regimes(desk: Desk, tables: Mapping[str, pd.DataFrame], before: date) -> KnownMarket:
    """Return `seen_volatility` with the regimes of the desk's own returns before a day.

    A hidden Markov model of two regimes is fitted to the close-to-close returns as deviations of what was
    marked the evening before, log(S_t/S_{t−1})/(σ_{t−1} √(1/252)), in the sessions before the day; no later
    session is read.

    Parameters
    ----------
    tables : `signals`, one row a session: `session`, `close` and the desk's volatility indices.

    Raises
    ------
    DataError
        No index has a value before the day.
    FitError
        The returns before it are too few, or have no two regimes.
    """
    known = seen_volatility(desk, tables, before)
    moves = _moves(desk, _known(tables["signals"], before))
    table = pd.DataFrame({"move": moves})
    try:
        found = HiddenMarkovDetector(states=REGIMES, seed=desk.seed).fit(table, moves)
    except FitError as error:
        raise FitError(
            f"returns before the window from {before} on tell no regimes to a hedger that remembers "
            f"({error}): move windows.test_start later, or train it with hedge train --policy"
        ) from error
    ratio = tuple(round(float(each), 4) for each in np.sqrt(found.state_variance_))
    chances = tuple(tuple(map(float, each)) for each in found.transition_)
    return KnownMarket(volatility=known.volatility, ratio=ratio, moves=chances)


def _known(sessions: pd.DataFrame, before: date) -> pd.DataFrame:
    return sessions[sessions["session"] < pd.Timestamp(before)]


def _moves(desk: Desk, sessions: pd.DataFrame) -> FloatArray:
    tenor = next(iter(desk.data.tenors))
    marked = sessions[tenor].to_numpy(np.float64)[:-1] * desk.market.atm_ratio
    returns = np.diff(np.log(sessions["close"].to_numpy(np.float64)))
    return np.asarray(returns / (marked * np.sqrt(1.0 / SESSIONS_A_YEAR)))
