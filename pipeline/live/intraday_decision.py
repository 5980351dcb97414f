"""Band and order of each hedger within the day, at the newest decision that the data know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.intraday_state import intraday_state, missing_at
from pipeline.domain.desk import regime_names
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.market_state import MarketState
from pipeline.ingest.hedge_position import HedgePosition
from pipeline.live.clock import Freshness
from pipeline.live.decision import Decision, Hedged, OpenOption, order_of
from pipeline.live.open_book import OptionTerms
from pipeline.policies.base import Policy

INSTRUMENT = "underlying"


def newest_decision(signals: pd.DataFrame, now: pd.Timestamp) -> int:
    """Return the row of the newest decision before which a sound book was seen, and that is not after `now`.

    Raises
    ------
    DataError
        There is none, or something that a decision needs is not known there; the message names it.
    """
    seen = ((signals["sound"] > 0.0) & (signals["time"] <= now)).to_numpy()
    if not seen.any():
        raise DataError(
            f"no decision until {now:%Y-%m-%d %H:%M:%S} UTC has a sound book before it since the champion "
            "was fitted: give the newest files with --data"
        )
    row = int(np.flatnonzero(seen)[-1])
    if missing := missing_at(signals, row):
        when = signals["time"].iloc[row]
        raise DataError(
            f"{when:%Y-%m-%d %H:%M:%S} UTC: {', '.join(missing)} not known at the newest decision (the first "
            "minutes of a day, or a gap in the data): decide again later"
        )
    return row


def freshness_of(desk: IntradayDesk, newest: pd.Timestamp, now: pd.Timestamp) -> Freshness:
    """Compare the newest decision with the clock: how many whole intervals lie between, nights among them.

    Examples
    --------
    >>> from pipeline.domain.desk_file import load_any
    >>> ten = pd.Timestamp("2013-10-11 14:00", tz="UTC")
    >>> freshness_of(load_any("bac-intraday"), ten, ten + pd.Timedelta("95s")).behind
    3
    """
    every = pd.Timedelta(seconds=desk.grid.step)
    behind = int((now - newest) // every)
    return Freshness(newest, newest + behind * every, behind)


def decide_intraday(
    desk: IntradayDesk,
    signals: pd.DataFrame,
    row: int,
    terms: OptionTerms,
    desk_cost: float,
    policies: Mapping[str, Policy],
    held: HedgePosition,
    fresh: Freshness,
    now: pd.Timestamp,
    models: Sequence[Mapping[str, str]],
    warnings: Sequence[str],
) -> Decision:
    """Ask every hedger for its band at a decision, and turn it into an order in units of the underlying.

    Parameters
    ----------
    desk : settings.
    signals : of `backtest.intraday_stream`.
    row : the decision, of `newest_decision`.
    terms : the option; what is None is the desk's own, dealt at this decision and ended by the close at the
        latest. `quantity` counts options of `hedge.size` units each.
    desk_cost : that the flagship was fitted with.
    policies : hedgers by name, fitted.
    held : units of the underlying held now.
    fresh, now : how new the data are, and when this is.
    models, warnings : put into the decision as they are; that an option is cut at the close is added.

    Raises
    ------
    DataError
        The option is not one of the desk's; the message names the flag.
    PolicyError
        A hedger has no valid band in this state.
    """
    when, mid = signals["time"].iloc[row], float(signals["mid"].iloc[row])
    dealt = _dealt(desk, terms, when, mid)
    hedge = dealt.desk.hedge
    state = _state(dealt, signals, row, desk_cost)
    book = Hedged(state, dealt.scale, units=hedge.size * abs(dealt.quantity), lot=hedge.lot)
    cost, lower, upper = (1e4 * _one(each) for each in (state.cost, state.cost_lower, state.cost_upper))
    prob = state.regime_prob[0, 0].tolist()
    return Decision(
        desk=desk.name,
        session=f"{when:%Y-%m-%d %H:%M:%S} UTC",
        as_of=when.isoformat(),
        decided_at=now.tz_convert("UTC").isoformat(timespec="seconds"),
        stale=fresh.stale,
        sessions_behind=fresh.behind,
        expected_session=f"{fresh.expected:%Y-%m-%d %H:%M:%S} UTC",
        spot=mid,
        hedge_instrument=INSTRUMENT,
        hedge_price=mid,
        position_source=held.source,
        position_as_of=held.as_of,
        cost_bps=cost,
        cost_bps_lower=lower,
        cost_bps_upper=upper,
        regime_prob=dict(zip(regime_names(len(prob)), prob, strict=True)),
        options=(_option(dealt, state),),
        orders=tuple(order_of(book, policy, held.units) for policy in policies.values()),
        models=tuple(models),
        warnings=(*warnings, *dealt.said),
    )


@dataclass(frozen=True)
class _Dealt:
    """The option that is hedged: its desk has its kind and side, and it ends after `left` decisions."""

    desk: IntradayDesk
    quantity: float
    strike: float
    mid: float
    left: int
    ends: pd.Timestamp
    said: tuple[str, ...]

    @property
    def scale(self) -> float:
        """Money of the state over money of the data."""
        return START_SPOT * self.desk.option.moneyness / self.strike


def _dealt(desk: IntradayDesk, terms: OptionTerms, when: pd.Timestamp, mid: float) -> _Dealt:
    """Return the option of `terms`, the desk's own where they say nothing."""
    left, said = _left(desk, terms, when)
    strike = mid * desk.option.moneyness if terms.strike is None else terms.strike
    if not 0.0 < strike < np.inf:
        raise DataError(f"--strike {strike:g}: give a price above zero")
    quantity = _quantity(desk, terms)
    own = {"kind": terms.kind or desk.option.kind, "side": "short" if quantity < 0 else "long"}
    option = desk.option.model_copy(update=own)
    ends = when + pd.Timedelta(seconds=left * desk.grid.step)
    return _Dealt(desk.model_copy(update={"option": option}), quantity, strike, mid, left, ends, said)


def _state(dealt: _Dealt, signals: pd.DataFrame, row: int, desk_cost: float) -> MarketState:
    """Return the state of the option at the decision `row`, N = T = 1."""
    return intraday_state(
        dealt.desk,
        signals,
        np.array([[row]]),
        np.array([[dealt.left]]),
        np.array([[dealt.scale * dealt.mid]]),
        desk_cost,
        np.array([[dealt.scale]]),
    )


def _left(desk: IntradayDesk, terms: OptionTerms, when: pd.Timestamp) -> tuple[int, tuple[str, ...]]:
    """Return the decisions until the option ends, and what has to be said of it."""
    if terms.opened is not None:
        raise DataError(
            "--opened: an option within the day is hedged the same whenever it was dealt: leave it out"
        )
    every, close = pd.Timedelta(seconds=desk.grid.step), _close(desk, when)
    most = int((close - when) // every)
    if terms.expiry is None:
        left = min(desk.option.steps, most)
        if left < 1:
            raise DataError(
                f"{when:%Y-%m-%d %H:%M:%S} UTC is the last decision of its day, no option can be dealt "
                "then: give data that end earlier in the day"
            )
        if left == desk.option.steps:
            return left, ()
        said = (
            f"an option of {desk.option.steps} decisions would live past the close: it is taken to end "
            f"there, after {left}"
        )
        return left, (said,)
    expiry = terms.expiry if terms.expiry.tzinfo else terms.expiry.tz_localize(desk.zone)
    if not when < expiry <= close:
        raise DataError(
            f"--expiry {expiry}: it must lie after the newest decision, {when.tz_convert(desk.zone)}, "
            f"and not after the close, {close.tz_convert(desk.zone)}; give a time, as in 2013-10-11T15:30:00"
        )
    if (expiry - when) % every:
        raise DataError(
            f"--expiry {expiry}: it is no decision of the desk, which decides every {every.seconds} s"
        )
    return int((expiry - when) // every), ()


def _close(desk: IntradayDesk, when: pd.Timestamp) -> pd.Timestamp:
    today = when.tz_convert(desk.zone).date()
    if desk.grid.close is None:
        closed = datetime.combine(today + timedelta(days=1), time(0), tzinfo=desk.zone)
    else:
        closed = datetime.combine(today, desk.grid.close, tzinfo=desk.zone)
    return pd.Timestamp(closed)


def _quantity(desk: IntradayDesk, terms: OptionTerms) -> float:
    if terms.quantity is None:
        return -1.0 if desk.option.side == "short" else 1.0
    if not (np.isfinite(terms.quantity) and terms.quantity):
        raise DataError(f"--quantity {terms.quantity:g}: give the options held, negative where sold")
    return terms.quantity


def _option(dealt: _Dealt, state: MarketState) -> OpenOption:
    return OpenOption(
        kind=dealt.desk.option.kind,
        quantity=dealt.quantity,
        strike=dealt.strike,
        expiry=f"{dealt.ends:%Y-%m-%d %H:%M:%S}",
        sessions_left=dealt.left,
        implied_vol=_one(state.implied_vol),
        forecast_vol=_one(state.forecast_vol),
        forecast_vol_lower=_one(state.forecast_vol_lower),
        forecast_vol_upper=_one(state.forecast_vol_upper),
        regime_vol=_one(state.regime_vol),
    )


def _one(values: np.ndarray) -> float:
    return float(values[0, 0])
