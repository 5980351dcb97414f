"""Episodes on real option quotes: dealt at bid or ask, hedged with the parity forward of their expiry."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_deals import ChainDeals, sessions_to
from pipeline.backtest.chain_panel import ChainPanel
from pipeline.backtest.episodes import NEEDED, SESSIONS_A_YEAR, START_SPOT, YEAR, Episodes
from pipeline.backtest.explain import StepEnd
from pipeline.backtest.ledger import Market
from pipeline.backtest.regime_window import regime_model
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability, Right
from pipeline.domain.market_state import MarketState
from pipeline.execution.costs import one_way_cost
from pipeline.execution.terms import Terms
from pipeline.ingest.calendar import sessions_between

RIGHTS: Final[dict[Right, int]] = {"call": 1, "put": -1}


def chain_episodes(
    desk: ChainDesk, panel: ChainPanel, deals: ChainDeals, signals: pd.DataFrame, close: FloatArray
) -> Episodes:
    """Return the deals of one right as episodes, the forward of each at its start scaled to 100.

    Parameters
    ----------
    desk : settings.
    panel, deals : the chain, and N deals of calls or of puts alone.
    signals : of `signals.learn_signals` on the history.
    close : [D] official close of the underlying on the panel's days.

    Notes
    -----
    A step runs from one day with quotes to the next, over a session that has none if need be. The chain was
    taken before the close of its session, so a decision sees the signals of the session *before*; the quotes
    themselves are of the decision's own time, and the hedge is filled at the forward that they imply. An
    option that is settled has the official close as its last forward.

    Variance forecasts are of the index; the smile of the day is laid over them: at the strike of an option
    they are multiplied with σ(K)²/σ(F)² of its expiry. Where a decision has no quote of the option its last
    implied volatility stays; where its expiry has no forward, nothing is filled and the last one stays.

    Raises
    ------
    DataError
        A day of the chain has no signals.
    """
    grid = deals.start[:, None] + np.arange(desk.option.hold_days + 1)
    forward = panel.forward[deals.contract[:, None], grid]
    forward[deals.settled, -1] = close[grid[deals.settled, -1]]
    scale = START_SPOT / forward[:, 0]
    state = _state(desk, panel, deals, signals, grid, scale, _carried(forward))
    sign = 1.0 if desk.option.side == "short" else -1.0
    days = (panel.days.to_numpy().astype("datetime64[D]").astype(np.int64)).astype(np.float64)
    elapsed = np.diff(days[grid], axis=1) / YEAR
    market = Market(
        price=(forward * scale[:, None])[..., None],
        cost=np.broadcast_to(one_way_cost(desk.costs, 1.0), (*forward.shape, 1)),
        premium=sign * deals.entry * scale,
        payoff=sign * deals.exit * scale,
        interest=np.expm1(desk.market.rate * elapsed),
        income=np.zeros((*elapsed.shape, 1)),
        margined=True,
        unwind=desk.costs.unwind,
        terms=Terms(fee=desk.costs.fee_bps * 1e-4, fixed_fee=desk.costs.fixed_fee_bps * 1e-4 * START_SPOT),
    )
    time = panel.time[deals.contract[:, None], grid]
    vol = _carried(panel.vol[deals.contract[:, None], grid])
    ends = StepEnd(_carried(time)[:, 1:], _carried(forward)[:, 1:] * scale[:, None], vol[:, 1:])
    return Episodes(state, market, ends, deals.start, grid[:, -1])


def starts_together(deals: ChainDeals) -> int:
    """Return how many deals start on a day, on average, rounded up."""
    return -(-len(deals.start) // len(np.unique(deals.start)))


def official_closes(panel: ChainPanel, bars: pd.DataFrame) -> FloatArray:
    """Return the close of the history on each day of the panel, [D].

    Raises
    ------
    DataError
        A day has none.
    """
    closes = bars.set_index(pd.DatetimeIndex(bars["session"]))["close"].reindex(panel.days)
    if closes.isna().any():
        day = closes.index[closes.isna()][0].date()
        raise DataError(f"data.history has no close on {day}, a day of the chain: give a longer file of bars")
    return closes.to_numpy(np.float64)


def _state(
    desk: ChainDesk,
    panel: ChainPanel,
    deals: ChainDeals,
    signals: pd.DataFrame,
    grid: NDArray[np.int64],
    scale: FloatArray,
    forward: FloatArray,
) -> MarketState:
    decisions = grid[:, :-1]
    at = (deals.contract[:, None], decisions)
    rows = _signal_rows(panel, signals)[decisions]
    vol = _carried(panel.vol[at])
    time = _carried(panel.time[at])
    expiry = pd.DatetimeIndex(panel.contracts["expiry"].to_numpy()[deals.contract])
    left = _sessions_left(panel, expiry, decisions)
    smile = _carried(vol / at_the_money(panel)[at])
    regimes = sum(1 for name in signals.columns if name.startswith("regime_prob_"))
    right: Right = "call" if panel.right[deals.contract[0]] > 0 else "put"

    def column(name: str) -> FloatArray:
        return signals[name].to_numpy(np.float64)[rows]

    def vol_to_go(kind: str) -> FloatArray:
        sums = np.stack(
            [signals[f"{kind}_variance_{m}"].to_numpy(float) for m in range(1, left.max() + 1)], 1
        )
        return np.asarray(smile * np.sqrt(sums[rows, left - 1] / time))

    cost = np.full(vol.shape, desk.costs.one_way)
    price = forward[:, :-1] * scale[:, None]
    moves, variance = regime_model(signals, regimes, rows)
    return MarketState(
        liability=Liability.of(right, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=1.0 / SESSIONS_A_YEAR,
        rate=desk.market.rate,
        step=np.arange(decisions.shape[1]),
        time_to_expiry=time,
        strike=np.broadcast_to((panel.strike[deals.contract] * scale)[:, None], vol.shape).copy(),
        forward=price,
        price=price[..., None],
        forward_slope=np.ones(vol.shape),
        implied_vol=vol,
        forecast_vol=vol_to_go("forecast"),
        forecast_vol_lower=vol_to_go("lower"),
        forecast_vol_upper=vol_to_go("upper"),
        regime_vol=vol_to_go("regime"),
        regime_prob=np.stack([column(f"regime_prob_{k}") for k in range(regimes)], axis=-1),
        regime_moves=moves,
        regime_variance=variance,
        unwind=desk.costs.unwind,
        cost=cost,
        cost_lower=cost,
        cost_upper=cost,
        desk_cost=desk.costs.one_way,
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
        starts_together=starts_together(deals),
    )


def _signal_rows(panel: ChainPanel, signals: pd.DataFrame) -> NDArray[np.int64]:
    """Return the newest row of the signals from before each day of the panel, [D]."""
    sessions = pd.DatetimeIndex(signals["session"])
    rows = np.asarray(sessions.searchsorted(panel.days, side="left") - 1, dtype=np.int64)
    unknown = rows < 0
    unknown[~unknown] = signals[list(NEEDED)].isna().any(axis=1).to_numpy()[rows[~unknown]]
    if unknown.any():
        day = panel.days[unknown][0].date()
        raise DataError(
            f"no signals are known before {day}, a day of the chain: move windows.signals_start earlier"
        )
    return rows


def _sessions_left(
    panel: ChainPanel, expiry: pd.DatetimeIndex, decisions: NDArray[np.int64]
) -> NDArray[np.int64]:
    sessions = sessions_between(panel.days[0], expiry.max())
    days = pd.DatetimeIndex(panel.days.to_numpy()[decisions].ravel())
    ends = pd.DatetimeIndex(np.repeat(expiry.to_numpy(), decisions.shape[1]))
    return sessions_to(ends, days, sessions).reshape(decisions.shape)


def at_the_money(panel: ChainPanel) -> FloatArray:
    """Return σ at the strike nearest to the forward of each contract's expiry, [C, D]; NaN without one."""
    found = np.full(panel.vol.shape, np.nan)
    groups = panel.contracts.groupby(["root", "expiry"]).indices
    for rows in groups.values():
        away = np.abs(np.log(panel.strike[rows, None] / panel.forward[rows]))
        away[np.isnan(panel.vol[rows])] = np.inf
        nearest = away.argmin(axis=0)
        found[rows] = panel.vol[rows][nearest, np.arange(panel.vol.shape[1])]
    return found


def _carried(values: FloatArray) -> FloatArray:
    """Return the values with each NaN replaced by the last value before it in its row."""
    known = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(known, axis=1), axis=1))
