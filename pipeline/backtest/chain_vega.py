"""Deals hedged with the future and one listed option: what less vega costs, and what risk it takes away."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_deals import ChainDeals, call_deltas
from pipeline.backtest.chain_panel import ChainPanel
from pipeline.backtest.episodes import Episodes
from pipeline.backtest.ledger import book
from pipeline.domain.band import Band
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.instruments import FloatArray, Right
from pipeline.policies import exposure
from pipeline.pricing import black

SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the deal's vega that the listed option takes away."""
COLUMNS: Final = ["right", "start", "share", "pnl", "cost"]


class DealtSide(Protocol):
    """The deals of one right, their episodes and their tested rows; see `chain_comparison.ChainSide`."""

    @property
    def right(self) -> Right: ...  # noqa: D102
    @property
    def deals(self) -> ChainDeals: ...  # noqa: D102
    @property
    def episodes(self) -> Episodes: ...  # noqa: D102
    @property
    def tested(self) -> NDArray[np.int64]:
        """Rows of the deals of every test window."""
        ...


def vega_frontier(desk: ChainDesk, panel: ChainPanel, sides: Sequence[DealtSide]) -> pd.DataFrame:
    """Hedge every tested deal at each of `SHARES` of its vega, and with the future what delta is left.

    The listed option is the call nearest to the money of the deal's own root and expiry, another strike than
    the deal's. share × vega of the deal over vega of the option is traded at the start, at its bid or ask
    (the half-spread around its mid), held, and closed at its bid or ask; the future is set to the delta of
    both, at their implied volatilities, every day. Deals whose option is not quoted on every day are left
    out at all shares, and so are those that are settled: their hedge option would be too.

    Returns
    -------
    results : `COLUMNS`, a row a deal and share; `cost` is that of the future's and the option's trades, money
        with the forward at the start at 100.
    """
    deltas = call_deltas(panel)
    return pd.concat(
        [rows for side in sides for rows in _of_side(desk, panel, side, deltas)], ignore_index=True
    )


def _of_side(
    desk: ChainDesk, panel: ChainPanel, side: DealtSide, deltas: FloatArray
) -> Sequence[pd.DataFrame]:
    tested = side.tested
    deals = side.deals.where(tested)
    hedge = _nearest_the_money(panel, deals, deltas)
    grid = deals.start[:, None] + np.arange(desk.option.hold_days + 1)
    at = (hedge[:, None], grid)
    quoted = np.isfinite(panel.mid[at]).all(axis=1) & np.isfinite(panel.vol[at]).all(axis=1)
    keep = (hedge >= 0) & quoted & ~deals.settled
    rows, hedge, at = tested[keep], hedge[keep], (hedge[keep][:, None], grid[keep])
    state, market = side.episodes.state.episodes(rows), side.episodes.market.episodes(rows)
    scale = (market.price[:, 0, 0] / panel.forward[deals.contract[keep], deals.start[keep]])[:, None]
    price, half = panel.mid[at] * scale, 0.5 * (panel.ask[at] - panel.bid[at]) / panel.mid[at]
    two = replace(
        market,
        price=np.stack([market.price[..., 0], price], axis=-1),
        cost=np.stack([market.cost[..., 0], half], axis=-1),
        income=np.zeros((*market.interest.shape, 2)),
        terms=market.terms._replace(fee=0.0),
    )
    strike = np.broadcast_to((panel.strike[hedge][:, None] * scale), state.forward.shape)
    terms = (state.forward, strike, panel.time[at][:, :-1], panel.vol[at][:, :-1], state.rate)
    own = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    quantity = -float(state.liability.legs[0].quantity)
    units = quantity * black.vega(*own)[:, :1] / black.vega(*terms)[:, :1]
    target = exposure.target(state, state.implied_vol)
    found = []
    for share in SHARES:
        listed = np.broadcast_to(share * units, target.shape)
        future = target - listed * black.delta("call", *terms)
        edge = np.stack([future, listed], axis=-1)
        ledger = book(two, Band(edge, edge, edge, edge, np.ones(edge.shape)))
        start = panel.days.to_numpy()[deals.start[keep]]
        parts = {"right": side.right, "start": start, "share": share, "pnl": ledger.pnl, "cost": ledger.cost}
        found.append(pd.DataFrame(parts, columns=COLUMNS))
    return found


def _nearest_the_money(panel: ChainPanel, deals: ChainDeals, deltas: FloatArray) -> NDArray[np.int64]:
    """Return the row of each deal's hedge option, −1 where there is none."""
    right, expiries = panel.right, panel.contracts.groupby(["root", "expiry"]).ngroup().to_numpy()
    calls = {code: np.flatnonzero((expiries == code) & (right > 0)) for code in np.unique(expiries)}
    found = np.full(len(deals.start), -1)
    for place, (contract, day) in enumerate(zip(deals.contract, deals.start, strict=True)):
        rows = calls[expiries[contract]]
        away = np.abs(deltas[rows, day] - 0.5)
        own = panel.strike[rows] == panel.strike[contract]
        away[np.isnan(away) | own | ~(panel.bid[rows, day] > 0.0)] = np.inf
        if len(rows) and np.isfinite(away.min()):
            found[place] = rows[away.argmin()]
    return found
