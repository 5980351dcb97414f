"""Episodes within the day: an option dealt at a decision and hedged to its end through the book as it was."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import START_SPOT, Episodes
from pipeline.backtest.explain import StepEnd
from pipeline.backtest.folds import Fold
from pipeline.backtest.intraday_state import NEEDED, intraday_state, intraday_terms, known_cost
from pipeline.backtest.ledger import Market
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.arrivals import arrivals
from pipeline.features.book_walk import SOUND
from pipeline.features.decision_day import FUNDING
from pipeline.forecasts.harness import training_rows
from pipeline.pricing import book

FEWEST_TRAINING_LIVES = 8
"""Lives of an option that do not overlap, without which nothing is fitted."""


@dataclass(frozen=True)
class IntradayEpisodes:
    """Episodes, and how many starts could not be used, by reason."""

    episodes: Episodes
    left_out: dict[str, int]


def build_intraday_episodes(
    desk: IntradayDesk, signals: pd.DataFrame, fills: pd.DataFrame
) -> IntradayEpisodes:
    """Build every episode that lies within one day and whose decisions all have signals, scaled to 100.

    Parameters
    ----------
    desk : settings.
    signals, fills : one row a decision, see `intraday_signals.learn_intraday`.

    Notes
    -----
    Step k of an episode started at row i is decided at row i + k with what is known there; its order meets
    the book of that row of `fills`. The option ends at row i + T, where it is settled at the mid and the
    hedge is closed through the book; a start whose last row has no sound book is left out and counted, for
    there its hedge could not be closed. Interest is nil within the day, and so is carry but for the funding
    of a perpetual: what is held over step k pays position · price · rate for each settlement in it, at the
    mid of its end.

    Raises
    ------
    DataError
        No start is left.
    """
    life = desk.option.steps
    starts, left_out = _starts(desk, signals, fills)
    if not len(starts):
        raise DataError(
            f"no option of {life} steps lies within a day's trading hours with signals at every decision: "
            "shorten option.steps or look at the data"
        )
    grid = starts[:, None] + np.arange(life + 1)
    mid = signals["mid"].to_numpy(float)[grid]
    scale = START_SPOT / mid[:, 0]
    price = mid * scale[:, None]
    decisions, left = grid[:, :-1], np.broadcast_to(np.arange(life, 0, -1), (len(grid), life))
    cost = known_cost(desk, signals)
    state = intraday_state(desk, signals, decisions, left, price[:, :-1], cost, scale[:, None])
    met = arrivals(fills, grid, scale, desk.hedge.size)
    nothing = np.zeros((len(grid), life))
    value = book.value(
        state.liability,
        state.forward[:, 0],
        state.strike[:, 0],
        state.time_to_expiry[:, 0],
        state.implied_vol[:, 0],
        0.0,
    )
    market = Market(
        price=price[..., None],
        cost=np.zeros((len(grid), life + 1, 1)),
        premium=-value,
        payoff=-state.liability.payoff(price[:, -1], state.strike[:, -1]),
        interest=nothing,
        income=_funding(desk, signals, grid, mid)[..., None],
        margined=True,
        unwind=desk.costs.unwind,
        terms=intraday_terms(desk),
        book=met,
    )
    ends = StepEnd(
        state.time_to_expiry - state.interval,
        price[:, 1:],
        np.concatenate([state.implied_vol[:, 1:], state.implied_vol[:, -1:]], axis=1),
    )
    return IntradayEpisodes(Episodes(state, market, ends, grid[:, 0], grid[:, -1]), left_out)


def _funding(
    desk: IntradayDesk, signals: pd.DataFrame, grid: NDArray[np.int64], mid: FloatArray
) -> FloatArray:
    """Return what a unit of money in the hedge earns over each step, [N, T]: minus the funding it pays."""
    if desk.hedge.instrument == "spot":
        return np.zeros(mid[:, 1:].shape)
    return np.asarray(-signals[FUNDING].to_numpy(float)[grid[:, 1:]] * mid[:, 1:] / mid[:, :-1])


def _starts(
    desk: IntradayDesk, signals: pd.DataFrame, fills: pd.DataFrame
) -> tuple[NDArray[np.int64], dict[str, int]]:
    life, every = desk.option.steps, desk.option.start_every
    day = signals["day"]
    place = signals.groupby("day", sort=False).cumcount().to_numpy()
    left = (signals.groupby("day", sort=False)["mid"].transform("size") - 1).to_numpy() - place
    wanted = np.flatnonzero((place % every == 0) & (left >= life))
    unknown = np.concatenate([[0], np.cumsum(signals[list(NEEDED)].isna().any(axis=1).to_numpy())])
    known = unknown[wanted + life + 1] == unknown[wanted]
    closable = fills["state"].to_numpy()[wanted + life] == SOUND
    left_out = {
        "no signal at one of its decisions": int((~known).sum()),
        "no sound book at its end": int((known & ~closable).sum()),
    }
    assert day.is_monotonic_increasing
    return wanted[known & closable], left_out


def intraday_folds(desk: IntradayDesk, signals: pd.DataFrame, episodes: Episodes) -> list[Fold]:
    """Return the tested windows in time order; each trains on what ended before it, less the embargo.

    Raises
    ------
    DataError
        A window has too little to train on, or no window has an episode.
    """
    window_of = signals["window"].to_numpy()[episodes.start]
    folds = []
    for window in signals.loc[signals["tested"], "window"].unique():
        boundary = int(np.flatnonzero(signals["window"] == window)[0])
        learned = np.flatnonzero(training_rows(episodes.expiry, boundary, desk.windows.embargo_steps))
        test = np.flatnonzero(window_of == window)
        lives = apart(episodes.start[learned], desk.option.steps)
        if lives < FEWEST_TRAINING_LIVES:
            raise DataError(
                f"the test window that starts at {signals['time'].iloc[boundary]} has {lives} finished "
                f"options before it that do not overlap, {FEWEST_TRAINING_LIVES} are needed: move "
                "windows.test_start later or windows.signals_start earlier"
            )
        if len(test):
            folds.append(Fold(int(window), learned, test))
    if not folds:
        raise DataError("no option lies within a tested window: lengthen it or shorten option.steps")
    return folds


def apart(starts: NDArray[np.int64], life: int) -> int:
    """Return how many of ascending starts can be chosen whose lives do not overlap."""
    count, free = 0, -1
    for start in starts.tolist():
        if start >= free:
            count, free = count + 1, start + life
    return count
