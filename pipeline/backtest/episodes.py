"""Episodes on real sessions: an option started every session and hedged to expiry."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.explain import StepEnd
from pipeline.backtest.ledger import Market
from pipeline.backtest.marks import is_marked, marked_vol
from pipeline.backtest.regime_window import regime_model
from pipeline.backtest.volume import RELATIVE_VOLUME
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.execution.costs import one_way_cost
from pipeline.execution.impact import square_root_impact
from pipeline.execution.terms import terms_of
from pipeline.pricing import book

START_SPOT = 100.0
YEAR = 365.0
SESSIONS_A_YEAR = 252.0
NEEDED: Final = {
    "implied_vol": "implied volatility",
    "regime_prob_0": "regimes",
    "forecast_variance_1": "forecast of volatility",
}
"""Columns without which no option is dealt in a session, and what they hold; all but the first are needed in
every session of its life, in which `marks.marked_vol` goes on with the last volatility for a few sessions."""


@dataclass(frozen=True)
class Episodes:
    """N episodes: what is known while they run, what they go through, where each step ends, and when.

    `start` [N] and `expiry` [N] are rows of the session table.
    """

    state: MarketState
    market: Market
    step_end: StepEnd
    start: NDArray[np.int64]
    expiry: NDArray[np.int64]


@dataclass(frozen=True)
class Contracts:
    """What is hedged at each decision time, [N, T], or [M, N, T] in a net book of M options.

    `sessions_left` counts sessions to expiry, at least 1. `slope` is dF/dprice of the hedge instrument;
    `forward_next` is the forward of the same option when the step has passed, `time_next` what is then left
    of its life. `lots` and `age` are as in `MarketState`.
    """

    liability: Liability
    sessions_left: NDArray[np.int64]
    time_to_expiry: FloatArray
    strike: FloatArray
    forward: FloatArray
    slope: FloatArray
    time_next: FloatArray
    forward_next: FloatArray
    lots: FloatArray | float = 1.0
    age: FloatArray | None = None


@dataclass(frozen=True)
class Lives:
    """N hedges: rows of the session table [N, T+1], years of each step [N, T], prices [N, T+1]."""

    grid: NDArray[np.int64]
    elapsed: FloatArray
    spot: FloatArray
    price: FloatArray


def build_episodes(desk: Desk, sessions: pd.DataFrame) -> Episodes:
    """Build every episode whose whole life has signals, scaled to a starting spot of 100.

    Parameters
    ----------
    desk : the desk's option, hedge, costs and constants.
    sessions : one row a session: `session`, `close`, `implied_vol` (the volatility index, decimal), the
        desk's other tenors and the signals of `signals.learn_signals`; NaN before the first signal.

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
    grid = _starts(desk, sessions)[:, None] + np.arange(desk.option.sessions + 1)
    lives = hedge_lives(desk, sessions, grid)
    contracts = _contracts(desk, sessions, lives)
    state = market_state(desk, sessions, lives, contracts, desk.risk.aversion)
    step_end = ends_of_steps(desk, sessions, lives, contracts)
    return Episodes(state, _market(desk, sessions, lives, state), step_end, grid[:, 0], grid[:, -1])


def hedge_lives(desk: Desk, sessions: pd.DataFrame, grid: NDArray[np.int64]) -> Lives:
    """Return the lives of N hedges over the rows `grid` [N, T+1], the spot scaled to 100 at the first.

    The hedge instrument is the spot, or the future that expires with the last row.
    """
    close, days = _floats(sessions, "close")[grid], days_of(sessions)[grid]
    spot = START_SPOT * close / close[:, :1]
    price = forward_of(desk, spot, (days[:, -1:] - days) / YEAR) if _future(desk) else spot
    return Lives(grid, np.diff(days, axis=1) / YEAR, spot, price)


def _contracts(desk: Desk, sessions: pd.DataFrame, lives: Lives) -> Contracts:
    days = days_of(sessions)[lives.grid]
    time = (days[:, -1:] - days) / YEAR
    forward = forward_of(desk, lives.spot, time)
    return Contracts(
        liability=Liability.of(desk.option.kind, desk.option.side),
        sessions_left=np.broadcast_to(np.arange(desk.option.sessions, 0, -1), lives.elapsed.shape),
        time_to_expiry=time[:, :-1],
        strike=np.full(lives.elapsed.shape, START_SPOT * desk.option.moneyness),
        forward=forward[:, :-1],
        slope=(forward / lives.price)[:, :-1],
        time_next=time[:, 1:],
        forward_next=forward[:, 1:],
    )


def market_state(
    desk: Desk,
    sessions: pd.DataFrame,
    lives: Lives,
    contracts: Contracts,
    risk_aversion: FloatArray | float,
) -> MarketState:
    """Return what is known at the decision times of N hedges: all rows of their lives but the last."""
    decisions, to_expiry = lives.grid[:, :-1], contracts.time_to_expiry
    regimes = sum(1 for name in sessions.columns if name.startswith("regime_prob_"))

    def column(name: str) -> FloatArray:
        return _floats(sessions, name)[decisions]

    def vol_to_go(kind: str) -> FloatArray:
        horizons = range(1, int(contracts.sessions_left.max()) + 1)
        sums = np.stack([_floats(sessions, f"{kind}_variance_{m}") for m in horizons], axis=1)
        variance = sums[decisions, contracts.sessions_left - 1]
        return np.asarray(np.sqrt(variance / to_expiry), dtype=np.float64)

    moves, variance = regime_model(sessions, regimes, decisions)
    return MarketState(
        liability=contracts.liability,
        risk_aversion=risk_aversion,
        interval=1.0 / SESSIONS_A_YEAR,
        rate=desk.market.rate,
        step=np.arange(decisions.shape[1]),
        time_to_expiry=to_expiry,
        strike=contracts.strike,
        forward=contracts.forward,
        price=lives.price[:, :-1, None],
        forward_slope=contracts.slope,
        implied_vol=marked_vol(desk, sessions, decisions, to_expiry),
        forecast_vol=vol_to_go("forecast"),
        forecast_vol_lower=vol_to_go("lower"),
        forecast_vol_upper=vol_to_go("upper"),
        regime_vol=vol_to_go("regime"),
        regime_prob=np.stack([column(f"regime_prob_{k}") for k in range(regimes)], axis=-1),
        regime_moves=moves,
        regime_variance=variance,
        unwind=desk.costs.unwind,
        cost=one_way_cost(desk.costs, column("illiquidity_forecast")),
        fixed_fee=terms_of(desk, START_SPOT).fixed_fee,
        impact=_impact(desk, sessions, decisions, decisions) if desk.execution.impact else 0.0,
        cost_lower=one_way_cost(desk.costs, column("lower_illiquidity")),
        cost_upper=one_way_cost(desk.costs, column("upper_illiquidity")),
        desk_cost=desk.costs.one_way,
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
        lots=contracts.lots,
        age=contracts.age,
    )


def ends_of_steps(desk: Desk, sessions: pd.DataFrame, lives: Lives, contracts: Contracts) -> StepEnd:
    """Return where the options stand when each step has passed, marked at the volatility known then."""
    vol = marked_vol(desk, sessions, lives.grid[:, 1:], contracts.time_next)
    return StepEnd(contracts.time_next, contracts.forward_next, vol)


def hedge_market(desk: Desk, sessions: pd.DataFrame, lives: Lives) -> Market:
    """Return what N hedges go through, without the cash flows of options: premium and payoff are zero."""
    steps, impacted = lives.grid[:, :-1], desk.execution.impact > 0.0
    realised = one_way_cost(desk.costs, _floats(sessions, "illiquidity_next")[steps])
    dividends = 0.0 if _future(desk) else desk.market.dividend_yield
    return Market(
        price=lives.price[..., None],
        cost=_and_unwind(realised),
        premium=np.zeros(len(lives.grid)),
        payoff=np.zeros(len(lives.grid)),
        interest=np.expm1(desk.market.rate * lives.elapsed),
        income=np.expm1(dividends * lives.elapsed)[..., None],
        margined=_future(desk),
        unwind=desk.costs.unwind,
        impact=_and_unwind(_impact(desk, sessions, steps, lives.grid[:, 1:])) if impacted else None,
        terms=terms_of(desk, START_SPOT),
    )


def _and_unwind(realised: FloatArray) -> FloatArray:
    """Return what was charged at each step and once more at the final unwind, [N, T+1, 1]."""
    return np.concatenate([realised, realised[:, -1:]], axis=1)[..., None]


def _impact(
    desk: Desk, sessions: pd.DataFrame, known: NDArray[np.int64], traded: NDArray[np.int64]
) -> FloatArray:
    """Return the impact of one unit: volatility forecast in `known`, volume of `traded` sessions."""
    vol = np.sqrt(_floats(sessions, "forecast_variance_1")[known])
    volume = _floats(sessions, RELATIVE_VOLUME)[traded] if RELATIVE_VOLUME in sessions else 1.0
    return square_root_impact(desk.execution, vol, volume)


def _market(desk: Desk, sessions: pd.DataFrame, lives: Lives, state: MarketState) -> Market:
    value = book.value(
        state.liability,
        state.forward[:, 0],
        state.strike[:, 0],
        state.time_to_expiry[:, 0],
        state.implied_vol[:, 0],
        desk.market.rate,
    )
    payoff = state.liability.payoff(lives.spot[:, -1], state.strike[:, -1])
    return replace(hedge_market(desk, sessions, lives), premium=-value, payoff=-payoff)


def forward_of(desk: Desk, spot: FloatArray, time: FloatArray) -> FloatArray:
    """Return the forward F = S e^((r − q)τ)."""
    return spot * np.exp((desk.market.rate - desk.market.dividend_yield) * time)


def days_of(sessions: pd.DataFrame) -> NDArray[np.int64]:
    """Return the calendar day of every session, counted from 1970."""
    return sessions["session"].to_numpy().astype("datetime64[D]").astype(np.int64)


def _future(desk: Desk) -> bool:
    return desk.hedge.instrument == "future"


def _floats(sessions: pd.DataFrame, name: str) -> FloatArray:
    return np.asarray(sessions[name], dtype=np.float64)


def _starts(desk: Desk, sessions: pd.DataFrame) -> NDArray[np.int64]:
    """Return the first row of every episode: its implied volatility known, marks and signals for its life."""
    life = desk.option.sessions
    signals = [*(name for name in NEEDED if name != "implied_vol"), "illiquidity_next"]
    marked = is_marked(sessions[list(desk.data.tenors)])
    unknown = np.flatnonzero(sessions[signals].isna().any(axis=1) | ~marked)
    candidates = np.flatnonzero(sessions["implied_vol"].notna())
    candidates = candidates[candidates < len(sessions) - life]
    following = np.append(unknown, len(sessions))[np.searchsorted(unknown, candidates)]
    starts = candidates[following - candidates >= life]
    if not len(starts):
        raise DataError(
            f"no episode of {life} sessions starts with an implied volatility and has signals throughout: "
            "check windows.signals_start against the data"
        )
    return np.asarray(starts[(starts - starts[0]) % desk.option.start_every == 0])
