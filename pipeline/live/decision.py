"""Today's band and order of each hedger for the book that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.backtest.kernel import wanted
from pipeline.domain.desk import Desk, regime_names
from pipeline.domain.instruments import FloatArray
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
    price = float(state.price[0, 0, 0]) / book.scale
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
        hedge_price=price,
        position_source=held.source,
        position_as_of=held.as_of,
        cost_bps=1e4 * cost,
        cost_bps_lower=1e4 * lower,
        cost_bps_upper=1e4 * upper,
        regime_prob=dict(regimes),
        options=_options(book),
        orders=tuple(order_of(desk, book, policy, held.units) for policy in policies.values()),
        models=tuple(models),
        warnings=tuple(warnings),
    )


def order_of(desk: Desk, book: OpenBook, policy: Policy, position: float) -> HedgeOrder:
    """Return what one hedger does with `position`, in whole lots if the desk trades in lots."""
    band = policy.band(book.state).checked(policy.name)
    lower, upper, to_lower, to_upper, speed = (
        float(edge[0, 0, 0]) for edge in (band.lower, band.upper, band.to_lower, band.to_upper, band.speed)
    )
    target = wanted(position, lower, upper, to_lower, to_upper, speed, desk.execution.lot)
    trade = target - position
    size, price = abs(trade), float(book.state.price[0, 0, 0]) / book.scale
    return HedgeOrder(
        policy=policy.name,
        band_lower=lower,
        band_upper=upper,
        position=position,
        target=target,
        side="buy" if trade > 0 else "sell" if trade < 0 else "none",
        quantity=size,
        contracts=None if desk.hedge.multiplier is None else size / desk.hedge.multiplier,
        value=size * price,
        cost=_cost(book, size, price),
    )


def _cost(book: OpenBook, size: float, price: float) -> float:
    """Return the forecast cost of a trade: proportional, fixed fee, and impact with no trade before it."""
    if size == 0.0:
        return 0.0
    rate, impact = (float(np.ravel(each)[0]) for each in (book.state.cost, book.state.impact))
    fixed_fee = book.state.fixed_fee / book.scale
    return float(rate * size * price + fixed_fee + IMPACT_PAID * impact * size**1.5 * price)


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
