"""The options that are open after the newest session, as the state that hedgers look at."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import START_SPOT, YEAR, Contracts, Lives, forward_of, market_state
from pipeline.backtest.holdings import check_money
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import Kind, Leg, Liability
from pipeline.domain.market_state import MarketState
from pipeline.ingest.calendar import sessions_between

COLUMNS = ("file", "row", "kind", "strike", "expiry", "quantity", "opened", "price")
"""Of a table of positions, see `pipeline.ingest.positions`."""


@dataclass(frozen=True)
class OptionTerms:
    """One option as a user names it; what is None is the desk's own option dealt after the newest session."""

    kind: Kind | None = None
    strike: float | None = None
    expiry: pd.Timestamp | None = None
    quantity: float | None = None
    opened: pd.Timestamp | None = None


@dataclass(frozen=True)
class OpenBook:
    """What is hedged now.

    Attributes
    ----------
    state : of the net book at one decision time, M options: [M, 1, 1].
    options : the M positions held, with `sessions_left`.
    scale : money of the state over money of the data, whose spot is 100 when the first option is dealt.
    left_out : positions of the table that are not held now: expired, or not dealt yet.
    """

    state: MarketState
    options: pd.DataFrame
    scale: float
    left_out: int


def single_option(desk: Desk, terms: OptionTerms, session: pd.Timestamp, close: float) -> pd.DataFrame:
    """Return one option as a table of positions.

    Raises
    ------
    DataError
        The strike is not above zero, the quantity is zero, or the expiry is past; the message names the flag.

    Examples
    --------
    >>> desk, friday = Desk(name="x", policies={"run": ()}), pd.Timestamp("2018-06-29")
    >>> table = single_option(desk, OptionTerms(), friday, 2718.0)
    >>> table[["kind", "strike", "quantity"]].values.tolist(), str(table["expiry"][0].date())
    ([['call', 2718.0, -1.0]], '2018-07-31')
    """
    if terms.strike is not None and not 0.0 < terms.strike < np.inf:
        raise DataError(f"--strike {terms.strike:g}: give a price above zero")
    if terms.quantity is not None and not (np.isfinite(terms.quantity) and terms.quantity):
        raise DataError(f"--quantity {terms.quantity:g}: give the options held, negative where sold")
    if terms.expiry is not None and terms.expiry <= session:
        raise DataError(f"--expiry {terms.expiry.date()}: the option has expired by {session.date()}")
    life = desk.option.sessions
    ahead = sessions_between(session, session + pd.Timedelta(days=2 * life + 14), desk.data.calendar)
    quantity = -1.0 if desk.option.side == "short" else 1.0
    row = {
        "file": "the option",
        "row": 1,
        "kind": terms.kind or desk.option.kind,
        "strike": close * desk.option.moneyness if terms.strike is None else terms.strike,
        "expiry": ahead[life] if terms.expiry is None else terms.expiry,
        "quantity": quantity if terms.quantity is None else terms.quantity,
        "opened": session if terms.opened is None else terms.opened,
        "price": np.nan,
    }
    return pd.DataFrame([row], columns=list(COLUMNS))


def open_book(desk: Desk, bars: pd.DataFrame, signals: pd.DataFrame, positions: pd.DataFrame) -> OpenBook:
    """Return the state of the positions that are held after the newest session.

    It is the state that `backtest.book` builds for that session: money scaled to a spot of 100 when the first
    option was dealt, the hedge the spot or the future that expires with the last option, the risk aversion
    that of one option over the number held. A position without an opening date is dealt on this session.

    Parameters
    ----------
    desk : costs, constants and risk aversion.
    bars : the canonical bars up to the newest session.
    signals : of `backtest.stream`, its last row that of the newest session.
    positions : table of positions, see `pipeline.ingest.positions`.

    Raises
    ------
    DataError
        Nothing is held, a strike is in other money than the bars, an expiry is no session, an option was
        dealt before the data begin, the forecasts do not reach its expiry, or the session has no implied
        volatility.
    """
    days = pd.DatetimeIndex(bars["session"])
    today, close = days[-1], bars["close"].to_numpy(float)
    opened = pd.DatetimeIndex(positions["opened"].fillna(today))
    is_held = (opened <= today) & (pd.DatetimeIndex(positions["expiry"]) > today)
    if not is_held.any():
        raise DataError(
            f"no option is held after {today.date()}: {len(positions)} positions have expired or are not "
            "dealt yet; give an option with --strike and --expiry, or a newer book.positions"
        )
    rows = days.get_indexer(opened)
    for place in np.flatnonzero((rows < 0) & (opened <= today)).tolist():
        named = positions.iloc[place]
        raise DataError(
            f"{named['file']}: opened in row {named['row']} is {opened[place].date()}, which is no session "
            f"of the data (they run from {days[0].date()}): correct the date"
        )
    held = positions[is_held].reset_index(drop=True)
    check_money(held, np.full(len(held), close[-1]))
    left = _sessions_left(desk, held, today)
    reach = sum(1 for name in signals.columns if name.startswith("forecast_variance_"))
    if left.max() > reach:
        raise DataError(
            f"an option expires in {left.max()} sessions, the champion's forecasts reach {reach}: add "
            f"{left.max()} to forecasts.horizons and make a new champion"
        )
    if np.isnan(signals["implied_vol"].iloc[-1]):
        raise DataError(f"{today.date()} has no implied volatility: give one, or decide on another day")
    scale = START_SPOT / close[rows[rows >= 0].min()]
    age = len(days) - 1 - rows[is_held]
    state = _state(desk, signals, held, left, age, scale * close[-1], scale, today)
    return OpenBook(state, held.assign(sessions_left=left), scale, int((~is_held).sum()))


def _state(
    desk: Desk,
    signals: pd.DataFrame,
    held: pd.DataFrame,
    left: np.ndarray,
    age: np.ndarray,
    spot: float,
    scale: float,
    today: pd.Timestamp,
) -> MarketState:
    def of_each(values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=np.float64)[:, None, None]

    time = (pd.DatetimeIndex(held["expiry"]) - today).days.to_numpy() / YEAR
    forward = forward_of(desk, np.array([spot]), time)
    price = float(forward[time.argmax()]) if desk.hedge.instrument == "future" else spot
    amount, kind = held["quantity"].to_numpy(float), held["kind"]
    legs = tuple(
        Leg(right, of_each(np.where(kind.isin([right, "straddle"]), amount, 0.0)))
        for right in ("call", "put")
    )
    contracts = Contracts(
        liability=Liability(tuple(leg for leg in legs if np.any(leg.quantity))),
        sessions_left=left[:, None, None],
        time_to_expiry=of_each(time),
        strike=of_each(scale * held["strike"].to_numpy(float)),
        forward=of_each(forward),
        slope=of_each(forward / price),
        time_next=of_each(time),
        forward_next=of_each(forward),
        lots=of_each(np.abs(amount)),
        age=of_each(age),
    )
    last = len(signals) - 1
    lives = Lives(
        grid=np.array([[last, last]]),
        elapsed=np.zeros((1, 1)),
        spot=np.array([[spot, spot]]),
        price=np.array([[price, price]]),
    )
    aversion = np.array([[desk.risk.aversion / np.abs(amount).sum()]])
    state = market_state(desk, signals, lives, contracts, aversion)
    return replace(state, step=np.array([int(age.max())]))


def _sessions_left(desk: Desk, held: pd.DataFrame, today: pd.Timestamp) -> np.ndarray:
    expiry = pd.DatetimeIndex(held["expiry"])
    calendar = desk.data.calendar
    ahead = sessions_between(today, expiry.max(), calendar)
    left = ahead.get_indexer(expiry.as_unit(ahead.unit))
    for place in np.flatnonzero(left < 0).tolist():
        named = held.iloc[place]
        raise DataError(
            f"{named['file']}: expiry in row {named['row']} is {expiry[place].date()}, which is no session "
            f"of {calendar}: correct the date"
        )
    return left
