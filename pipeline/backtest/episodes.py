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


@dataclass(frozen=True)
class _Lives:
    """The life of every episode: rows of the session table [N, T+1], clock, prices."""

    grid: NDArray[np.int64]
    to_expiry: FloatArray
    elapsed: FloatArray
    spot: FloatArray
    forward: FloatArray
    strike: FloatArray


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
    lives = _lives(desk, sessions)
    state = _state(desk, sessions, lives)
    return Episodes(state, _market(desk, sessions, lives, state), lives.grid[:, 0], lives.grid[:, -1])


def _lives(desk: Desk, sessions: pd.DataFrame) -> _Lives:
    grid = _starts(desk, sessions)[:, None] + np.arange(desk.option.sessions + 1)
    close = _floats(sessions, "close")[grid]
    days = sessions["session"].to_numpy().astype("datetime64[D]").astype(np.int64)[grid]
    spot = START_SPOT * close / close[:, :1]
    to_expiry = (days[:, -1:] - days) / YEAR
    forward = spot * np.exp((desk.market.rate - desk.market.dividend_yield) * to_expiry)
    strike = np.full(spot.shape, START_SPOT * desk.option.moneyness)
    return _Lives(grid, to_expiry, np.diff(days, axis=1) / YEAR, spot, forward, strike)


def _state(desk: Desk, sessions: pd.DataFrame, lives: _Lives) -> MarketState:
    decisions, to_expiry = lives.grid[:, :-1], lives.to_expiry[:, :-1]
    regimes = sum(1 for name in sessions.columns if name.startswith("regime_prob_"))

    def column(name: str) -> FloatArray:
        return _floats(sessions, name)[decisions]

    def vol_to_go(kind: str) -> FloatArray:
        sums = [_floats(sessions, f"{kind}_variance_{m}") for m in range(desk.option.sessions, 0, -1)]
        variance = np.stack(sums, axis=1)[decisions, np.arange(len(sums))]
        return np.asarray(np.sqrt(variance / to_expiry), dtype=np.float64)

    return MarketState(
        liability=Liability.of(desk.option.kind, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=1.0 / SESSIONS_A_YEAR,
        rate=desk.market.rate,
        step=np.arange(desk.option.sessions),
        time_to_expiry=to_expiry,
        strike=lives.strike[:, :-1],
        forward=lives.forward[:, :-1],
        price=_hedge_price(desk, lives)[:, :-1],
        forward_slope=np.ones_like(to_expiry) if _future(desk) else (lives.forward / lives.spot)[:, :-1],
        implied_vol=column("implied_vol") * desk.market.atm_ratio,
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


def _market(desk: Desk, sessions: pd.DataFrame, lives: _Lives, state: MarketState) -> Market:
    value = book.value(
        state.liability,
        state.forward[:, 0],
        state.strike[:, 0],
        state.time_to_expiry[:, 0],
        state.implied_vol[:, 0],
        desk.market.rate,
    )
    realised = one_way_cost(desk.costs, _floats(sessions, "illiquidity_next")[lives.grid[:, :-1]])
    dividends = 0.0 if _future(desk) else desk.market.dividend_yield
    return Market(
        price=_hedge_price(desk, lives),
        cost=np.concatenate([realised, realised[:, -1:]], axis=1)[..., None],
        premium=-value,
        payoff=-state.liability.payoff(lives.spot[:, -1], lives.strike[:, -1]),
        interest=np.expm1(desk.market.rate * lives.elapsed),
        income=np.expm1(dividends * lives.elapsed)[..., None],
        margined=_future(desk),
        unwind=desk.costs.unwind,
    )


def _future(desk: Desk) -> bool:
    return desk.hedge.instrument == "future"


def _hedge_price(desk: Desk, lives: _Lives) -> FloatArray:
    return (lives.forward if _future(desk) else lives.spot)[..., None]


def _floats(sessions: pd.DataFrame, name: str) -> FloatArray:
    return np.asarray(sessions[name], dtype=np.float64)


def _starts(desk: Desk, sessions: pd.DataFrame) -> NDArray[np.int64]:
    """Return the first row of every episode: implied volatility and signals known throughout its life."""
    life = desk.option.sessions
    needed = sessions[["implied_vol", "regime_prob_0", "forecast_variance_1", "illiquidity_next"]]
    unknown = np.flatnonzero(needed.isna().any(axis=1))
    candidates = np.arange(len(sessions) - life)
    following = np.append(unknown, len(sessions))[np.searchsorted(unknown, candidates)]
    starts = candidates[following - candidates >= life]
    if not len(starts):
        raise DataError(
            f"no episode of {life} sessions has an implied volatility and signals on every session: "
            "check windows.signals_start against the data"
        )
    return np.asarray(starts[(starts - starts[0]) % desk.option.start_every == 0])
