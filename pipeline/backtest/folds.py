"""Walk-forward folds: what a hedger may learn from, how it is scored, and what it is tested on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.ledger import Ledger, Market, book
from pipeline.backtest.stepping import band_along
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.domain.risk_measures import measure
from pipeline.forecasts.harness import training_rows
from pipeline.policies import exposure
from pipeline.policies.base import Policy, Score, Training
from pipeline.policies.remembering import remembering

FEWEST_TRAINING_SESSIONS = 252


@dataclass(frozen=True)
class Fold:
    """One tested window: its number, and the episodes (rows) to train on and to test on."""

    window: int
    training: NDArray[np.int64]
    test: NDArray[np.int64]


def walk_forward_folds(desk: Desk, sessions: pd.DataFrame, episodes: Episodes) -> list[Fold]:
    """Return the tested windows in time order; each trains on what expired before it, less the embargo.

    Raises
    ------
    DataError
        A window has too little to train on, or no window has an episode.
    """
    last = int(sessions["session"].searchsorted(pd.Timestamp(desk.windows.test_end), side="right")) - 1
    window_of = sessions["window"].to_numpy()[episodes.start]
    tested = sessions.loc[sessions["tested"], "window"].unique()
    folds = []
    for window in tested:
        boundary = int(np.flatnonzero(sessions["window"] == window)[0])
        learned = training_rows(episodes.expiry, boundary, desk.windows.embargo_sessions)
        training = np.flatnonzero(learned)
        test = np.flatnonzero((window_of == window) & (episodes.expiry <= last))
        span = episodes.expiry[training[-1]] - episodes.start[training[0]] if len(training) else 0
        if span < FEWEST_TRAINING_SESSIONS:
            day = sessions["session"].iloc[boundary].date()
            raise DataError(
                f"the test window that starts on {day} has {span} sessions of finished episodes before it to "
                f"train on, {FEWEST_TRAINING_SESSIONS} are needed: move windows.test_start later or "
                "windows.signals_start earlier"
            )
        if len(test):
            folds.append(Fold(int(window), training, test))
    if not folds:
        raise DataError(
            f"no episode of {desk.option.sessions} sessions starts and ends between windows.test_start "
            f"{desk.windows.test_start} and windows.test_end {desk.windows.test_end}: widen the test period"
        )
    return folds


def training_of(desk: Desk, episodes: Episodes, rows: NDArray[np.int64]) -> Training:
    """Return finished episodes (rows) as what a policy may learn from."""
    return Training(episodes.state.episodes(rows), scorer(desk, episodes, rows), desk.policies.budget)


def scorer(desk: Desk, episodes: Episodes, rows: NDArray[np.int64]) -> Callable[[Policy], Score]:
    """Return the function that hedges some episodes with a policy and gives the desk's risk measure.

    The mean return m of the hedge instrument over these episodes is taken out of what the desk *as a whole*
    is exposed to, as if the instrument had no drift:

        pnl − m Σ_t (position_t − δ_t) price_t,

    with δ the position that offsets the options at their implied volatility. So a policy is chosen for the
    risk that it removes, and not for leaning with the drift of a few years. Taken out of the hedge's gains
    only, it would leave the drift of the options in: a P&L that moves with the market without any lack of
    hedge, and that a hedge on one side of delta would seem to lessen (docs/research.md).
    """
    state, market = remembering(episodes.state.episodes(rows)), episodes.market.episodes(rows)
    drift, neutral = mean_return(episodes.market, rows), offset(state)

    def score(policy: Policy) -> Score:
        delay = desk.hedge.delay_sessions
        ledger = book(market, band_along(policy, state, market, delay, desk.limits), delay)
        return judged(desk, ledger.pnl - drift * (carried(ledger, market) - neutral))

    return score


def carried(ledger: Ledger, market: Market) -> FloatArray:
    """Return Σ position × price over the steps of each episode, [N] money: what a drift of 1 a step earns."""
    return np.asarray(np.einsum("nth,nth->n", ledger.position, market.price[:, :-1]))


def offset(state: MarketState) -> FloatArray:
    """Return Σ δ × price over the steps of each episode, [N]: `carried` by delta at implied volatility."""
    vol = exposure.known(state.implied_vol, "training score", "implied_vol")
    return np.asarray((exposure.target(state, vol) * state.price[..., 0]).sum(axis=1))


def mean_return(market: Market, rows: NDArray[np.int64]) -> float:
    """Return the mean return of the hedge instrument over one step of some episodes."""
    price = market.price[rows]
    return float(np.mean(np.diff(price, axis=1) / price[:, :-1]))


def judged(desk: Desk, pnl: FloatArray) -> Score:
    """Return the desk's risk of successive episodes [N], over all and over blocks of start days."""
    count = max(4, len(pnl) // desk.evaluation.block_sessions)
    least, longer = divmod(len(pnl), count)  # as `np.array_split`: the first ones hold one more
    edge = longer * (least + 1)
    blocks = (pnl[:edge].reshape(longer, least + 1), pnl[edge:].reshape(-1, least))
    return Score(
        float(measure(pnl, desk.risk)), np.concatenate([measure(part, desk.risk) for part in blocks])
    )
