"""The bands of a policy along its path: all at once, or step by step where it reads the desk's own state."""

from dataclasses import fields, replace
from typing import Any, Final, Protocol

import numpy as np

from pipeline.backtest import booked
from pipeline.backtest.ledger import Hedge, Market
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.domain.limit_settings import NO_LIMITS, LimitSettings
from pipeline.domain.market_state import MarketState
from pipeline.features import internal
from pipeline.policies.base import reads_path, reads_position
from pipeline.policies.exposure import held, net
from pipeline.pricing import book as pricing

OWN: Final = ("inventory", "realised_pnl", "marked_pnl", "position_room", "loss_room")
"""The desk's own state, fields of a `MarketState`."""


class Hedger(Protocol):
    """What answers: a policy, or several that take turns."""

    @property
    def name(self) -> str:
        """Named in errors."""
        ...

    def band(self, state: MarketState) -> Band:
        """Return the no-trade band at every decision time of `state`."""
        ...


def band_along(
    policy: Hedger,
    state: MarketState,
    market: Market,
    delay: int = 0,
    limits: LimitSettings = NO_LIMITS,
    options_cash: FloatArray | None = None,
) -> Band:
    """Return the band of every decision time, each answered with what was known and held at that time.

    A policy that does not read the desk's own state is asked for all times in one call. Another is asked
    step by step: the account goes through the step with the band that was answered, filled `delay` steps
    late, by the kernel that books every hedge, and its state then is what the next answer sees. One that
    reads the path too is told all times until then.

    Parameters
    ----------
    policy : its band may read `inventory`, `realised_pnl`, `marked_pnl`, `position_room` and `loss_room`.
    state, market : N episodes, or the one path of a net book, of T steps.
    limits : the desk's, for one option.
    options_cash : [N, T] cash from the options of a book so far, interest included; None where the premium
        is in the market and no option ends on the way.

    Raises
    ------
    PolicyError
        A band is not valid.
    """
    if not reads_position(policy):
        return policy.band(state).checked(policy.name)
    hedge, (rows, times) = Hedge(market, delay), state.shape
    band = Band(*(np.empty((rows, times, 1)) for _ in fields(Band)))
    options = options_value(state) + (0.0 if options_cash is None else options_cash)
    highest, known = np.zeros(rows), {name: np.empty((rows, times)) for name in OWN}
    for k in range(times):
        own = own_state(hedge, options[:, k], highest, np.asarray(held(state.at(k))), limits)
        highest = np.maximum(highest, own["marked_pnl"])
        for name, values in own.items():
            known[name][:, k] = values
        first, seen = (0, state.until(k)) if reads_path(policy) else (k, state.at(k))
        told: dict[str, Any] = {name: values[:, first : k + 1].copy() for name, values in known.items()}
        answer = policy.band(replace(seen, **told)).checked(policy.name)
        for field in fields(Band):
            getattr(band, field.name)[:, k] = getattr(answer, field.name)[:, -1]
        hedge.advance(band, k, k + 1)
    return band


def own_state(
    hedge: Hedge, options: FloatArray, highest: FloatArray, lots: FloatArray, limits: LimitSettings
) -> dict[str, FloatArray]:
    """Return what the desk knows of itself before it trades, [N] each; see `MarketState`.

    Parameters
    ----------
    hedge : the account as it stands.
    options : [N] value of the options held, and cash from those of a book so far.
    highest : [N] highest marked P&L before now, 0 at the start.
    lots : [N, 1] number of options held, or one number.
    limits : of one option.
    """
    position, books = hedge.held[:, 0].copy(), hedge.books
    shares = np.zeros(len(position)) if hedge.market.margined else position * hedge.mark[:, 0]
    pnl = internal.marked_pnl(hedge.cash, shares, options)
    many = np.broadcast_to(lots.ravel(), position.shape)
    most, loss = (np.inf if limit is None else limit * many for limit in (limits.position, limits.loss))
    return {
        "inventory": position,
        "realised_pnl": internal.realised_pnl(
            books[:, booked.TRADING], books[:, booked.CARRY], books[:, booked.COST]
        ),
        "marked_pnl": pnl,
        "position_room": internal.room(np.abs(position), most),
        "loss_room": internal.room(internal.drawdown(pnl, highest), loss),
    }


def options_value(state: MarketState) -> FloatArray:
    """Return the marks of the options held at each decision time, [N, T] money, summed over a book."""
    terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    return net(pricing.value(state.liability, *terms))


def options_cash(flow: FloatArray, interest: FloatArray) -> FloatArray:
    """Return the cash from options at each decision time with the interest it has earned, [N, T].

    Parameters
    ----------
    flow : [N, T+1] premiums less payoffs at each decision time and at the end.
    interest : [N, T] what one unit of cash earns over each step.

    Examples
    --------
    >>> options_cash(np.array([[100.0, -30.0, 0.0]]), np.array([[0.01, 0.01]]))
    array([[100.,  71.]])
    """
    cash = np.zeros_like(interest)
    total = np.zeros(len(flow))
    for k in range(interest.shape[1]):
        total = total + flow[:, k]
        cash[:, k] = total
        total = total * (1.0 + interest[:, k])
    return cash
