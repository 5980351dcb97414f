"""Whether the hedge should move at the session's open, at its close, or at both; on days before 2004.

SPY 1998-2003 at total return, the same short 21-session at-the-money calls, dealt and settled at closes.
From the close of the deal on the hedge moves at every close; or at every open, that of the expiry day
included, with the open's price and the VIX's open (or, to see what that adds, the VIX of the close before);
or at both. At the open an option has τ = τ(close) + w (τ(close before) − τ(close)), w the share of variance
that 1998 had between open and close. Slopes of `minimum_variance` are learned on each way's own marks of
the episodes that had expired before the year. Judged: starts of 1999-2003. No interest; the same cost at
any time, though an open is usually the dearer.

`python -m benchmarks.session_open`; needs ../shared/data; a minute.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.paired import dealt, panel_of, show
from benchmarks.real_days import VIX, spy_bars
from pipeline.backtest.episodes import SESSIONS_A_YEAR, YEAR
from pipeline.backtest.ledger import Ledger, Market, book, joined
from pipeline.domain.data_settings import FilesData
from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.forecasts.harness import training_rows
from pipeline.ingest.sources import load_tables
from pipeline.policies.base import Policy
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.minimum_variance import MinimumVariance, slope_coefficients
from pipeline.policies.whalley_wilmott import WhalleyWilmott

FIRST_YEAR, END, COSTS = 1998, "2004-01-01", (1.0, 5.0)
MOST_DEVIATIONS = 8.0
WAYS = ("close", "open", "open, VIX of the close before", "open and close")


@dataclass(frozen=True)
class HalfSessions:
    """What is known at opens and closes in turn, [2S]: session s opens in row 2s and closes in row 2s + 1.

    `clock` is in years; `vol_before` is the volatility of the last close before, at a close its own;
    `wrong` [S] tells whose open is no price.
    """

    dates: pd.DatetimeIndex
    price: FloatArray
    vol: FloatArray
    vol_before: FloatArray
    clock: FloatArray
    wrong: NDArray[np.bool_]


def read(desk: Desk) -> HalfSessions:
    """Return SPY and the VIX before 2004, opens between closes."""
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for when in ("OPEN", "CLOSE"):
            vix = VIX | {"columns": {"date": "DATE", "implied_vol": when}}
            data = {"source": "files", "implied_vol": vix} | spy_bars(Path(folder))
            loaded = load_tables(FilesData.model_validate(data))
            tables.append(loaded["implied_vol"].set_index("session")["implied_vol"])
    bars = loaded["bars"].set_index("session").loc[lambda table: table.index < END]
    return half_sessions(
        bars["open"], bars["close"], *(desk.market.atm_ratio * each.reindex(bars.index) for each in tables)
    )


def half_sessions(
    opens: pd.Series, closes: pd.Series, vol_open: pd.Series, vol_close: pd.Series
) -> HalfSessions:
    """Return opens and closes in turn; an unknown volatility is the last one known."""
    dates = pd.DatetimeIndex(opens.index)
    night, day = np.log(opens / closes.shift()), np.log(closes / opens)
    first = dates.year == FIRST_YEAR
    share = float((day[first] ** 2).sum() / (night[first] ** 2 + day[first] ** 2).sum())
    usual = vol_close.ffill().shift() / np.sqrt(SESSIONS_A_YEAR)
    wrong = (night.abs() > MOST_DEVIATIONS * usual).to_numpy()
    close_clock = (dates - dates[0]).days.to_numpy() / YEAR
    gap = np.diff(close_clock, prepend=close_clock[0] - 1.0 / YEAR)
    vol = pd.Series(_in_turn(vol_open, vol_close)).ffill()
    before = vol.where(np.arange(len(vol)) % 2 == 1).ffill()
    print(
        f"{dates[0].date()} to {dates[-1].date()}: {share:.3f} of 1998's variance between open and close; "
        f"correlation of night and following day {night[~wrong].corr(day[~wrong]):+.2f}; "
        f"no price at the open of {[str(each.date()) for each in dates[wrong]]}"
    )
    return HalfSessions(
        dates,
        _in_turn(opens, closes),
        vol.to_numpy(),
        before.to_numpy(),
        _in_turn(close_clock - share * gap, close_clock),
        wrong,
    )


def _in_turn(opens: pd.Series | FloatArray, closes: pd.Series | FloatArray) -> FloatArray:
    return np.stack([np.asarray(opens, float), np.asarray(closes, float)], axis=1).ravel()


def rows_of(way: str, start: NDArray[np.int64], life: int) -> NDArray[np.int64]:
    """Return the half-sessions of deal, decisions and expiry of options dealt in sessions `start`, [N, T+1].

    Examples
    --------
    >>> rows_of("close", np.array([0]), 2), rows_of("open", np.array([0]), 2)
    (array([[1, 3, 5]]), array([[1, 2, 4, 5]]))
    """
    steps = np.arange(2 * life + 1)
    if way == "close":
        steps = steps[::2]
    elif way != "open and close":
        steps = np.concatenate([[0], steps[1::2], [2 * life]])
    return 2 * start[:, None] + 1 + steps


def hedge_lives(
    desk: Desk, half: HalfSessions, way: str, start: NDArray[np.int64], bps: float
) -> tuple[MarketState, Market]:
    """Return what one way of hedging knows and goes through, the spot scaled to 100 at the deal."""
    rows = rows_of(way, start, desk.option.sessions)
    left = half.clock[rows[:, -1:]] - half.clock[rows[:, :-1]]
    vol = half.vol_before if "before" in way else half.vol
    return dealt(desk, half.price[rows], left, vol[rows[:, :-1]], bps)


def policies_of(state: MarketState) -> dict[str, Policy]:
    """Return the hedgers, the slope learned on finished episodes."""
    slope = MinimumVariance(call=slope_coefficients(state, "call"))
    return {each.name: each for each in (DeltaImplied(), slope, WhalleyWilmott())}


def walked(
    desk: Desk, half: HalfSessions, way: str, start: NDArray[np.int64], bps: float
) -> Mapping[str, Ledger]:
    """Return the books of every hedger over the judged starts, fitted anew every year."""
    state, market = hedge_lives(desk, half, way, start, bps)
    years, pieces = half.dates[start].year, {}
    for year in np.unique(years)[1:]:
        boundary = int(half.dates.searchsorted(pd.Timestamp(year, 1, 1)))
        learned = training_rows(start + desk.option.sessions, boundary, desk.windows.embargo_sessions)
        tested = np.flatnonzero(years == year)
        for name, policy in policies_of(state.episodes(np.flatnonzero(learned))).items():
            band = policy.band(state.episodes(tested)).checked(name)
            pieces.setdefault(name, []).append(book(market.episodes(tested), band))
    return {name: joined(each) for name, each in pieces.items()}


def main() -> None:
    """Compare the ways at every cost, each hedger with itself at closes."""
    desk = load_desk("spx-daily")
    half, life = read(desk), desk.option.sessions
    start = np.arange(len(half.dates) - life)
    seen = np.concatenate([[0], np.cumsum(half.wrong)])
    start = start[seen[start + life + 1] == seen[start + 1]]
    judged = start[half.dates[start].year > FIRST_YEAR]
    close = half.price[1::2]
    for bps in COSTS:
        ledgers = {
            name if way == "close" else f"{name}, {way}": ledger
            for way in WAYS
            for name, ledger in walked(desk, half, way, start, bps).items()
        }
        panel = panel_of(ledgers, half.dates, judged, close[judged + life] / close[judged] - 1.0)
        rivals = {name: own for name in ledgers if (own := name.partition(", ")[0]) != name}
        show(f"SPY 1999-2003, {bps:g} bp", panel, rivals, desk)


if __name__ == "__main__":
    main()
