"""Episodes within the day: an option dealt at a decision and hedged to its end through the book as it was."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import START_SPOT, Episodes
from pipeline.backtest.explain import StepEnd
from pipeline.backtest.folds import Fold
from pipeline.backtest.ledger import Market
from pipeline.domain.desk import BPS
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.market_state import MarketState
from pipeline.execution.arrivals import arrivals
from pipeline.execution.terms import Terms
from pipeline.features.book_at import SOUND
from pipeline.forecasts.harness import training_rows
from pipeline.pricing import book

FEWEST_TRAINING_LIVES = 8
"""Lives of an option that do not overlap, without which nothing is fitted."""
NEEDED = ("mid", "regime_prob_0", "forecast_variance_1", "mark_variance_1", "cost_forecast")


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
    there its hedge could not be closed. Carry and interest are nil within the day.

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
    state = _state(desk, signals, grid, price)
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
        income=nothing[..., None],
        margined=True,
        unwind=desk.costs.unwind,
        terms=_terms(desk),
        book=met,
    )
    ends = StepEnd(
        state.time_to_expiry - desk.step_years,
        price[:, 1:],
        np.concatenate([state.implied_vol[:, 1:], state.implied_vol[:, -1:]], axis=1),
    )
    return IntradayEpisodes(Episodes(state, market, ends, grid[:, 0], grid[:, -1]), left_out)


def _terms(desk: IntradayDesk) -> Terms:
    size = desk.hedge.size
    return Terms(
        fee=desk.costs.fee_bps * BPS, fixed_fee=desk.costs.fixed_fee / size, lot=desk.hedge.lot / size
    )


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


def _state(
    desk: IntradayDesk, signals: pd.DataFrame, grid: NDArray[np.int64], price: FloatArray
) -> MarketState:
    decisions, life = grid[:, :-1], desk.option.steps
    left = np.broadcast_to(np.arange(life, 0, -1), decisions.shape)
    to_expiry: FloatArray = np.asarray(left * desk.step_years, dtype=np.float64)
    regimes = sum(1 for name in signals.columns if name.startswith("regime_prob_"))

    def column(name: str) -> FloatArray:
        return signals[name].to_numpy(float)[decisions]

    def vol(kind: str) -> FloatArray:
        sums = np.stack([signals[f"{kind}_variance_{m}"].to_numpy(float) for m in range(1, life + 1)], axis=1)
        return np.asarray(np.sqrt(sums[decisions, left - 1] / to_expiry))

    fee = desk.costs.fee_bps * BPS
    spot = price[:, :-1]
    known = signals.loc[~signals["tested"], "crossing_cost"].median()
    return MarketState(
        liability=Liability.of(desk.option.kind, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=desk.step_years,
        rate=0.0,
        step=np.arange(life),
        time_to_expiry=to_expiry,
        strike=np.full(spot.shape, START_SPOT * desk.option.moneyness),
        forward=spot,
        price=spot[..., None],
        forward_slope=np.ones(spot.shape),
        implied_vol=vol("mark"),
        forecast_vol=vol("forecast"),
        forecast_vol_lower=vol("lower"),
        forecast_vol_upper=vol("upper"),
        regime_vol=vol("regime"),
        regime_prob=np.stack([column(f"regime_prob_{k}") for k in range(regimes)], axis=-1),
        cost=fee + column("cost_forecast"),
        cost_lower=fee + column("cost_lower"),
        cost_upper=fee + column("cost_upper"),
        desk_cost=fee + float(known),
        fixed_fee=_terms(desk).fixed_fee,
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
    )


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
        lives = _apart(episodes.start[learned], desk.option.steps)
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


def _apart(starts: NDArray[np.int64], life: int) -> int:
    """Return how many of ascending starts can be chosen whose lives do not overlap."""
    count, free = 0, -1
    for start in starts.tolist():
        if start >= free:
            count, free = count + 1, start + life
    return count
