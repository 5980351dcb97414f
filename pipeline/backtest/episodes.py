"""Episodes on real sessions: an option started every session and hedged to expiry."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.ledger import Market
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.execution.costs import one_way_cost
from pipeline.pricing import book

START_SPOT = 100.0
YEAR = 365.0
SESSIONS_A_YEAR = 252.0


@dataclass(frozen=True)
class Episodes:
    """N episodes: what is known while they run, what they go through, and when.

    `start` [N] and `expiry` [N] are rows of the session table.
    """

    state: MarketState
    market: Market
    start: NDArray[np.int64]
    expiry: NDArray[np.int64]


def build_episodes(desk: Desk, sessions: pd.DataFrame) -> Episodes:
    """Build every episode whose whole life has signals, scaled to a starting spot of 100.

    Parameters
    ----------
    desk : the desk's option, hedge, costs and constants.
    sessions : one row a session: `session`, `close`, `implied_vol` (the volatility index, decimal) and the
        signals of `signals.learn_signals`; NaN before the first signal.

    Notes
    -----
    Step k of an episode started in session i is decided after the close of session i + k and filled in the
    interval that follows, so the forecast cost is the one made in session i + k and the cost charged is the
    one realised in session i + k + 1; the final unwind pays what the last session's trading cost.
    Variances to go are sums over sessions, σ²τ with τ in calendar years is the same variance.

    Raises
    ------
    DataError
        No session range is long enough for one episode.
    """
    life = desk.option.sessions
    start = _starts(desk, sessions)
    grid = start[:, None] + np.arange(life + 1)
    decisions = grid[:, :-1]

    close = sessions["close"].to_numpy(dtype=float)
    days = sessions["session"].to_numpy().astype("datetime64[D]").astype(np.int64)
    spot = START_SPOT * close[grid] / close[start][:, None]
    to_expiry = (days[grid[:, -1:]] - days[grid]) / YEAR
    carry = desk.market.rate - desk.market.dividend_yield
    forward = spot * np.exp(carry * to_expiry)
    strike = np.full(forward.shape, START_SPOT * desk.option.moneyness)
    future = desk.hedge.instrument == "future"
    price = (forward if future else spot)[..., None]
    liability = Liability.of(desk.option.kind, desk.option.side)

    def column(name: str) -> FloatArray:
        return sessions[name].to_numpy(dtype=float)[decisions]

    def vol_to_go(kind: str) -> FloatArray:
        names = [f"{kind}_variance_{m}" for m in range(life, 0, -1)]
        variance = np.stack([sessions[name].to_numpy(dtype=float) for name in names], axis=1)
        return np.sqrt(variance[decisions, np.arange(life)] / to_expiry[:, :-1])

    implied_vol = column("implied_vol") * desk.market.atm_ratio
    regimes = sum(1 for name in sessions.columns if name.startswith("regime_prob_"))
    state = MarketState(
        liability=liability,
        risk_aversion=desk.risk.aversion,
        interval=1.0 / SESSIONS_A_YEAR,
        rate=desk.market.rate,
        step=np.arange(life),
        time_to_expiry=to_expiry[:, :-1],
        strike=strike[:, :-1],
        forward=forward[:, :-1],
        price=price[:, :-1],
        forward_slope=np.ones_like(decisions, dtype=float) if future else np.exp(carry * to_expiry[:, :-1]),
        implied_vol=implied_vol,
        forecast_vol=vol_to_go("forecast"),
        regime_vol=vol_to_go("regime"),
        regime_prob=np.stack([column(f"regime_prob_{k}") for k in range(regimes)], axis=-1),
        cost=one_way_cost(desk.costs, column("illiquidity_forecast")),
        desk_cost=desk.costs.one_way,
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
    )
    mark = book.value(
        liability, forward[:, 0], strike[:, 0], to_expiry[:, 0], implied_vol[:, 0], desk.market.rate
    )
    realised = one_way_cost(desk.costs, column("illiquidity_next"))
    elapsed = np.diff(days[grid], axis=1) / YEAR
    income = np.zeros_like(elapsed) if future else np.expm1(desk.market.dividend_yield * elapsed)
    market = Market(
        price=price,
        cost=np.concatenate([realised, realised[:, -1:]], axis=1)[..., None],
        premium=-mark,
        payoff=-liability.payoff(spot[:, -1], strike[:, -1]),
        interest=np.expm1(desk.market.rate * elapsed),
        income=income[..., None],
        margined=future,
        unwind=desk.costs.unwind,
    )
    return Episodes(state, market, start, grid[:, -1])


def _starts(desk: Desk, sessions: pd.DataFrame) -> NDArray[np.int64]:
    """Return the first row of every episode: implied volatility and signals known throughout its life."""
    life = desk.option.sessions
    known = sessions[["implied_vol", "regime_prob_0", "forecast_variance_1", "illiquidity_next"]].notna().all(axis=1)
    run = np.lib.stride_tricks.sliding_window_view(known.to_numpy(), life).all(axis=1)
    starts = np.flatnonzero(run[: len(sessions) - life])
    if not len(starts):
        raise DataError(
            f"no episode of {life} sessions has an implied volatility and signals on every session: "
            "check windows.signals_start against the data"
        )
    return starts[(starts - starts[0]) % desk.option.start_every == 0]
