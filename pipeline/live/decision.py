"""Today's band and order of each hedger for the book that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.backtest.wanted import wanted
from pipeline.domain.desk import Desk, regime_names
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.ingest.hedge_position import HedgePosition
from pipeline.live.clock import Freshness
from pipeline.live.open_book import OpenBook
from pipeline.policies.base import Policy

Side = Literal["buy", "sell", "none"]
IMPACT_PAID = 2.0 / 3.0
"""Share of the square-root impact that the units of one trade pay on average, see `execution.impact`."""


@dataclass(frozen=True)
class OpenOption:
    """One option that is hedged; money is that of the data, volatilities are annual and to its expiry."""

    kind: str
    quantity: float
    strike: float
    expiry: str
    sessions_left: int
    implied_vol: float
    forecast_vol: float
    forecast_vol_lower: float
    forecast_vol_upper: float
    regime_vol: float


@dataclass(frozen=True)
class HedgeOrder:
    """What one hedger does now, in units of the hedge instrument.

    `target` is where the trade ends, `position` where it starts; `contracts` is None where the desk names no
    multiplier. `value` is the money traded and `cost` the forecast of what that costs.
    """

    policy: str
    band_lower: float
    band_upper: float
    position: float
    target: float
    side: Side
    quantity: float
    contracts: float | None
    value: float
    cost: float


@dataclass(frozen=True)
class Decision:
    """A decision after one session, with everything it rests on; money is that of the data.

    Attributes
    ----------
    desk, session, as_of : whose, after which session, and when its data were known (UTC).
    decided_at : when the decision was made (UTC).
    stale, sessions_behind, expected_session : whether newer sessions should be in the data, how many, and
        which is the newest.
    spot, hedge_instrument, hedge_price : the market.
    position_source, position_as_of : where what is held of the hedge comes from, and of when it is as written
        there; None where there is no time.
    cost_bps, cost_bps_lower, cost_bps_upper : forecast one-way cost of trading now, and its interval.
    regime_prob : filtered probabilities by name, the calmest first.
    options : what is hedged.
    orders : one of each hedger.
    models : versions, runs and reports that the models come from.
    warnings : what should be known before acting on it.
    """

    desk: str
    session: str
    as_of: str
    decided_at: str
    stale: bool
    sessions_behind: int
    expected_session: str
    spot: float
    hedge_instrument: str
    hedge_price: float
    position_source: str
    position_as_of: str | None
    cost_bps: float
    cost_bps_lower: float
    cost_bps_upper: float
    regime_prob: Mapping[str, float]
    options: tuple[OpenOption, ...]
    orders: tuple[HedgeOrder, ...]
    models: tuple[Mapping[str, str], ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as plain data for JSON."""
        return asdict(self)


def decide(
    desk: Desk,
    book: OpenBook,
    bars: pd.DataFrame,
    policies: Mapping[str, Policy],
    held: HedgePosition,
    fresh: Freshness,
    now: pd.Timestamp,
    models: Sequence[Mapping[str, str]],
    warnings: Sequence[str],
) -> Decision:
    """Ask every hedger for its band in the state of the book, and turn it into an order.

    Parameters
    ----------
    desk : constants.
    book : what is open after the newest session.
    bars : canonical bars, the last row that session.
    policies : hedgers by name, fitted.
    held : units of the hedge instrument held now, one unit being one of the underlying.
    fresh, now : how new the data are, and when this is.
    models, warnings : put into the decision as they are.

    Raises
    ------
    PolicyError
        A hedger has no valid band in this state.
    """
    state, last = book.state, bars.iloc[-1]
    hedged = Hedged(state, book.scale, lot=desk.execution.lot, multiplier=desk.hedge.multiplier)
    cost, lower, upper = (float(values[0, 0]) for values in (state.cost, state.cost_lower, state.cost_upper))
    regimes = zip(regime_names(state.regime_prob.shape[-1]), state.regime_prob[0, 0].tolist(), strict=True)
    return Decision(
        desk=desk.name,
        session=f"{last['session']:%Y-%m-%d}",
        as_of=last["known_time"].isoformat(),
        decided_at=now.tz_convert("UTC").isoformat(timespec="seconds"),
        stale=fresh.stale,
        sessions_behind=fresh.behind,
        expected_session=f"{fresh.expected:%Y-%m-%d}",
        spot=float(last["close"]),
        hedge_instrument=desk.hedge.instrument,
        hedge_price=hedged.price,
        position_source=held.source,
        position_as_of=held.as_of,
        cost_bps=1e4 * cost,
        cost_bps_lower=1e4 * lower,
        cost_bps_upper=1e4 * upper,
        regime_prob=dict(regimes),
        options=_options(book),
        orders=tuple(order_of(hedged, policy, held.units) for policy in policies.values()),
        models=tuple(models),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class Hedged:
    """What is hedged, and in which units orders are told.

    Attributes
    ----------
    state : at one decision time, N = T = 1.
    scale : money of the state over money of the data.
    units : of the hedge instrument for one unit of the state.
    lot : smallest order, in units of the instrument; 0 is any.
    multiplier : units of a contract; None where the desk names none.
    """

    state: MarketState
    scale: float
    units: float = 1.0
    lot: float = 0.0
    multiplier: float | None = None

    @property
    def price(self) -> float:
        """Of the hedge instrument, in money of the data."""
        return float(self.state.price[0, 0, 0]) / self.scale

    def cost(self, size: float) -> float:
        """Return the forecast cost of trading `size` units of the instrument, in money of the data.

        Proportional, fixed fee, and impact with no trade before it.
        """
        if size == 0.0:
            return 0.0
        told = (self.state.cost, self.state.impact, self.state.fixed_fee)
        rate, impact, fixed_fee = (float(np.ravel(each)[0]) for each in told)
        own = size / self.units
        money = (
            rate * own * self.price + fixed_fee / self.scale + IMPACT_PAID * impact * own**1.5 * self.price
        )
        return float(self.units * money)


def order_of(hedged: Hedged, policy: Policy, position: float) -> HedgeOrder:
    """Return what one hedger does with `position`, in whole lots if the desk trades in lots."""
    band = policy.band(hedged.state).checked(policy.name)
    edges = (band.lower, band.upper, band.to_lower, band.to_upper)
    lower, upper, to_lower, to_upper = (hedged.units * float(edge[0, 0, 0]) for edge in edges)
    target = wanted(position, lower, upper, to_lower, to_upper, float(band.speed[0, 0, 0]), hedged.lot)
    trade = target - position
    size = abs(trade)
    return HedgeOrder(
        policy=policy.name,
        band_lower=lower,
        band_upper=upper,
        position=position,
        target=target,
        side="buy" if trade > 0 else "sell" if trade < 0 else "none",
        quantity=size,
        contracts=None if hedged.multiplier is None else size / hedged.multiplier,
        value=size * hedged.price,
        cost=hedged.cost(size),
    )


def _options(book: OpenBook) -> tuple[OpenOption, ...]:
    state = book.state

    def of(values: FloatArray, option: int) -> float:
        return float(np.broadcast_to(values, state.time_to_expiry.shape)[option, 0, 0])

    return tuple(
        OpenOption(
            kind=str(row["kind"]),
            quantity=float(row["quantity"]),
            strike=float(row["strike"]),
            expiry=f"{row['expiry']:%Y-%m-%d}",
            sessions_left=int(row["sessions_left"]),
            implied_vol=of(state.implied_vol, option),
            forecast_vol=of(state.forecast_vol, option),
            forecast_vol_lower=of(state.forecast_vol_lower, option),
            forecast_vol_upper=of(state.forecast_vol_upper, option),
            regime_vol=of(state.regime_vol, option),
        )
        for option, row in enumerate(book.options.to_dict("records"))
    )
