"""One American option and its hedge in the share: what hedgers are told, and what they go through."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_deals import sessions_to
from pipeline.backtest.contract_life import ContractLife
from pipeline.backtest.episodes import NEEDED, SESSIONS_A_YEAR, START_SPOT, YEAR
from pipeline.backtest.ledger import Ledger, Market, book_by_fill
from pipeline.backtest.stepping import band_along
from pipeline.domain.band import Band
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.execution.costs import one_way_cost
from pipeline.execution.terms import Terms
from pipeline.ingest.calendar import sessions_between
from pipeline.policies.base import Policy
from pipeline.pricing.american_path import AmericanPath, day_numbers

KINDS: Final = ("forecast", "lower", "upper", "regime")


@dataclass(frozen=True)
class ContractHedge:
    """The one episode: E decisions, and the trade at the end, which delivers or closes the position.

    Attributes
    ----------
    state : [1, E] at the decisions.
    market : of E + 1 steps; the last one takes no time and holds the final trade only.
    delivery : position that the end asks for: what is delivered, 0 where nothing is.
    scale : money of the state over money of the data.
    """

    state: MarketState
    market: Market
    delivery: float
    scale: float


def contract_hedge(desk: ContractDesk, life: ContractLife, signals: pd.DataFrame) -> ContractHedge:
    """Return the hedge of a contract, the share at its start scaled to 100.

    Notes
    -----
    Quotes and closes are of one time, so a trade is filled at the close that it is decided on. Regimes,
    forecasts and the cost that is expected are those of the session before; the cost charged is the one
    realised in the session of the trade. Who holds a share over an ex-date gets the dividend in cash, who is
    short pays it. Shares that exercise delivers change hands at the strike and cost nothing: only what the
    position lacks of them is traded.

    Raises
    ------
    DataError
        A session of the contract has no signals before it.
    """
    scale = START_SPOT / life.spot[0]
    rows = _signal_rows(life.sessions, signals)
    days = day_numbers(life.days)
    spot = life.spot * scale
    sign = 1.0 if desk.option.side == "short" else -1.0
    elapsed = np.append(np.diff(days) / YEAR, 0.0)
    price = np.append(spot, spot[-1])
    income = np.append(life.paid / life.spot[:-1], 0.0)
    realised = one_way_cost(desk.costs, signals["illiquidity_next"].to_numpy(np.float64)[rows])
    market = Market(
        price=price[None, :, None],
        cost=np.append(realised, realised[-1])[None, :, None],
        premium=np.array([sign * life.entry * scale]),
        payoff=np.array([sign * life.exit * scale]),
        interest=np.expm1(desk.market.rate * elapsed)[None],
        income=income[None, :, None],
        margined=False,
        unwind=False,  # the last step trades to what is delivered
        terms=Terms(fee=desk.costs.fee_bps * 1e-4, fixed_fee=desk.costs.fixed_fee_bps * 1e-4 * START_SPOT),
    )
    return ContractHedge(_state(desk, life, signals, rows[:-1], scale), market, sign * life.delivered, scale)


def hedged(hedge: ContractHedge, policy: Policy) -> tuple[Band, Ledger]:
    """Return a policy's band at the E decisions, and the ledger of all E + 1 trades."""
    band = band_along(policy, hedge.state, hedge.market)
    last = np.full((1, 1, 1), hedge.delivery)
    lower, upper, to_lower, to_upper = (
        np.concatenate([edge, last], axis=1)
        for edge in (band.lower, band.upper, band.to_lower, band.to_upper)
    )
    speed = np.concatenate([band.speed, np.ones((1, 1, 1))], axis=1)
    whole = Band(lower, upper, to_lower, to_upper, speed)
    return band, book_by_fill(hedge.market, whole)


def _state(
    desk: ContractDesk, life: ContractLife, signals: pd.DataFrame, rows: NDArray[np.int64], scale: float
) -> MarketState:
    days, spot, vol = day_numbers(life.days)[:-1], life.spot[:-1], life.vol[:-1]
    expiry = float(day_numbers(np.array([life.option.expiry]))[0])
    time, rate = (expiry - days) / YEAR, desk.market.rate
    present = np.array([_present(life, int(day), rate) for day in days])
    slope = np.exp(rate * time)
    sessions = sessions_between(life.sessions[0], pd.Timestamp(life.option.expiry))
    left = sessions_to(pd.DatetimeIndex([life.option.expiry]), life.sessions[:-1], sessions)
    regimes = sum(1 for name in signals.columns if name.startswith("regime_prob_"))

    def column(name: str) -> FloatArray:
        return signals[name].to_numpy(np.float64)[rows][None]

    def vol_to_go(kind: str) -> FloatArray:
        return np.asarray(np.sqrt(variance_to_go(signals, kind, rows, left) / time)[None])

    return MarketState(
        liability=Liability.of(life.option.right, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=1.0 / SESSIONS_A_YEAR,
        rate=rate,
        step=np.arange(life.steps),
        time_to_expiry=time[None],
        strike=np.full((1, life.steps), life.option.strike * scale),
        forward=((spot - present) * slope * scale)[None],
        price=(spot * scale)[None, :, None],
        forward_slope=slope[None],
        implied_vol=vol[None].copy(),
        forecast_vol=vol_to_go("forecast"),
        forecast_vol_lower=vol_to_go("lower"),
        forecast_vol_upper=vol_to_go("upper"),
        regime_vol=vol_to_go("regime"),
        regime_prob=np.stack([column(f"regime_prob_{k}") for k in range(regimes)], axis=-1),
        cost=one_way_cost(desk.costs, column("illiquidity_forecast")),
        cost_lower=one_way_cost(desk.costs, column("lower_illiquidity")),
        cost_upper=one_way_cost(desk.costs, column("upper_illiquidity")),
        desk_cost=desk.costs.one_way,
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
        model=AmericanPath(life.option, days[None], spot[None], scale, life.expected),
    )


def variance_to_go(
    signals: pd.DataFrame, kind: str, rows: NDArray[np.int64], left: NDArray[np.int64]
) -> FloatArray:
    """Return the variance of the sessions to expiry, [E]; beyond the longest horizon at that one's rate.

    Examples
    --------
    >>> table = pd.DataFrame({"forecast_variance_1": [1.0], "forecast_variance_2": [3.0]})
    >>> variance_to_go(table, "forecast", np.array([0, 0]), np.array([2, 4]))
    array([3., 6.])
    """
    longest = sum(1 for name in signals.columns if name.startswith(f"{kind}_variance_"))
    sums = np.stack([signals[f"{kind}_variance_{m}"].to_numpy(np.float64) for m in range(1, longest + 1)], 1)
    reached = np.minimum(left, longest)
    return np.asarray(sums[rows, reached - 1] * (left / reached))


def _present(life: ContractLife, day: int, rate: float) -> float:
    coming = life.expected[day]
    wait = (day_numbers(coming.days) - day) / YEAR
    return float((coming.amounts * np.exp(-rate * wait)).sum())


def _signal_rows(sessions: pd.DatetimeIndex, signals: pd.DataFrame) -> NDArray[np.int64]:
    """Return the newest row of the signals from before each session, [E+1]."""
    rows = np.asarray(
        pd.DatetimeIndex(signals["session"]).searchsorted(sessions, side="left") - 1, dtype=np.int64
    )
    names = [name for name in NEEDED if name != "implied_vol"]
    unknown = rows < 0
    unknown[~unknown] = signals[names].isna().any(axis=1).to_numpy()[rows[~unknown]]
    if unknown.any():
        day = sessions[unknown][0].date()
        raise DataError(f"no signals are known before {day}: move windows.signals_start earlier")
    return rows
