"""What a hedger sees within the day, from the signals of its decisions: of a backtest and of now."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.regime_window import regime_model
from pipeline.domain.desk import BPS
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.intraday_desk import YEAR_SECONDS, IntradayDesk
from pipeline.domain.market_state import MarketState
from pipeline.execution.terms import Terms

NEEDED: Final = ("mid", "regime_prob_0", "forecast_variance_1", "mark_variance_1", "cost_forecast")
"""Columns of the signals without which nothing is decided."""


def intraday_terms(desk: IntradayDesk) -> Terms:
    """Return what an order costs beside the book, and its lots, in units of the option.

    The fixed fee is money of the market, which a book's fills scale as they do its prices.
    """
    costs, size = desk.costs, desk.hedge.size
    fee, fixed_fee, lot = costs.fee_bps * BPS, costs.fixed_fee / size, desk.hedge.lot / size
    return Terms(fee=fee, fixed_fee=fixed_fee, lot=lot, crossing=costs.crossing)


def step_years(rows: pd.DataFrame) -> float:
    """Return the years that a decision stands for: the mean step before the signals start, one for all rows.

    With a grid of events no step is known ahead. What is forecast is the variance of so many decisions, and
    this only says which annual volatility that is: σ²·T is the same with any step.
    """
    return float(rows["step_seconds"].iloc[0]) / YEAR_SECONDS


def known_cost(desk: IntradayDesk, signals: pd.DataFrame) -> float:
    """Return the desk's constant cost, with no forecast in it: fee and median crossing before the test."""
    crossing = signals.loc[~signals["tested"], "crossing_cost"].median()
    return desk.costs.fee_bps * BPS + desk.costs.crossing * float(crossing)


def intraday_state(
    desk: IntradayDesk,
    signals: pd.DataFrame,
    decisions: NDArray[np.int64],
    left: NDArray[np.int64],
    spot: FloatArray,
    desk_cost: float,
    scale: FloatArray,
) -> MarketState:
    """Return the state of N options at T decisions.

    Parameters
    ----------
    desk : settings.
    signals : one row a decision, see `intraday_signals.learn_intraday`.
    decisions : [N, T] rows of `signals`.
    left : [N, T] decisions until the option ends, at least 1; of more than one option the same of each.
    spot : [N, T] mid, scaled so that the strike is 100 times the desk's moneyness.
    desk_cost : of `known_cost`.
    scale : [N, T] or [N, 1] money of the state over money of the market, for the fixed fee.

    Raises
    ------
    DataError
        The forecasts do not reach the end of an option.
    """
    reach = sum(1 for name in signals.columns if name.startswith("mark_variance_"))
    if left.max() > reach:
        raise DataError(
            f"an option has {left.max()} decisions left, the forecasts reach {reach}: raise option.steps and "
            "the last of forecasts.horizons"
        )
    step = step_years(signals)
    to_expiry: FloatArray = np.asarray(left * step, dtype=np.float64)
    regimes = sum(1 for name in signals.columns if name.startswith("regime_prob_"))

    def column(name: str) -> FloatArray:
        return signals[name].to_numpy(float)[decisions]

    def vol(kind: str) -> FloatArray:
        sums = np.stack(
            [signals[f"{kind}_variance_{m}"].to_numpy(float) for m in range(1, reach + 1)], axis=1
        )
        return np.asarray(np.sqrt(sums[decisions, left - 1] / to_expiry))

    fee, dearer = desk.costs.fee_bps * BPS, desk.costs.crossing
    moves, variance = regime_model(signals, regimes, decisions)
    return MarketState(
        liability=Liability.of(desk.option.kind, desk.option.side),
        risk_aversion=desk.risk.aversion,
        interval=step,
        rate=0.0,
        step=desk.option.steps - left[0],
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
        regime_moves=moves,
        regime_variance=variance,
        unwind=desk.costs.unwind,
        cost=fee + dearer * column("cost_forecast"),
        cost_lower=fee + dearer * column("cost_lower"),
        cost_upper=fee + dearer * column("cost_upper"),
        desk_cost=desk_cost,
        fixed_fee=np.broadcast_to(intraday_terms(desk).fixed_fee * scale, spot.shape),
        spike_prob=column("spike_prob"),
        gap_prob=column("gap_prob"),
        spike_base=column("spike_base"),
        gap_base=column("gap_base"),
    )


def missing_at(signals: pd.DataFrame, row: int) -> Sequence[str]:
    """Return which of `NEEDED` are not known in a row."""
    return [name for name in NEEDED if pd.isna(signals[name].iloc[row])]
