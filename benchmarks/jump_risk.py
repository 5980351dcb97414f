"""Whether a hedge shifted for jumps in the turbulent regime has less risk; walk-forward, on days before 2004.

Two shifts of the position, each estimated on past days only (expanding, anew every year), where a day t + 1
counts with the filtered probability p(t) that the turbulent regime had the evening before:

- *jumps*: Merton's market between two decisions. A day beyond three implied deviations is a jump; with the
  jumps' sizes J, their rate λ and the variance v of the other days, the hedge with the least variance adds
  λ E[ΔF (ΔV − V′ΔF)] / (F² (v + λ E J²)) to the diffusion's, ΔF = F J and ΔV the option's whole change.
- *third moment*: to second order, −½ V″ F E r³/E r², whatever makes the days skewed.

A shift is taken times p(t), on top of `minimum_variance` and of half its slope; beside it the same shift
estimated on all past days alike and always taken in full, the rival without regimes. SPY judged from 2001,
and S&P 500 closes from 1994 where a CSV of them since 1990 is named. Hedged in what the options are on,
without interest.

`python -m benchmarks.jump_risk [CLOSES.csv]`; needs ../shared/data; half a minute of processor time.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.paired import dealt, panel_of, show
from benchmarks.real_days import COSTS, DaySet, desk_of, spy_bars
from pipeline.backtest.episodes import SESSIONS_A_YEAR, YEAR, days_of
from pipeline.backtest.learned_regimes import learn_regimes
from pipeline.backtest.ledger import Ledger, book, joined
from pipeline.backtest.windows import refit_windows
from pipeline.domain.band import Band
from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.features.assemble import assemble
from pipeline.forecasts.harness import training_rows
from pipeline.ingest.sources import load_tables
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.minimum_variance import Coefficients, MinimumVariance, slope_coefficients
from pipeline.pricing import book as options

END, JUMP_DEVIATIONS = "2004-01-01", 3.0
HALF = "half the slope"


@dataclass(frozen=True)
class PastDays:
    """Daily returns [D], whether each was a jump, and what each counts, in shares that add up to one."""

    returns: FloatArray
    jumps: NDArray[np.bool_]
    share: FloatArray


def regimes_of(sessions: pd.DataFrame) -> FloatArray:
    """Return the filtered probabilities, [S, K], calmest first."""
    return sessions.filter(regex=r"^regime_prob_\d+$").to_numpy(float)


def past_days(sessions: pd.DataFrame, atm_ratio: float, stop: int, in_regime: bool) -> PastDays:
    """Return the days whose close came before row `stop` of the sessions."""
    close = sessions["close"].to_numpy(float)[:stop]
    returns = np.diff(close) / close[:-1]
    deviation = atm_ratio * sessions["implied_vol"].ffill().to_numpy(float)[: stop - 1] / SESSIONS_A_YEAR**0.5
    weight = regimes_of(sessions)[: stop - 1, -1] if in_regime else np.ones(stop - 1)
    return PastDays(returns, np.abs(returns) > JUMP_DEVIATIONS * deviation, weight / weight.sum())


def jump_shift(state: MarketState, days: PastDays) -> FloatArray:
    """Return what Merton's jumps add to the position, [N, T] hedge units; nothing without a jump so far."""
    terms = (state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    forward = state.forward
    value = options.value(state.liability, forward, *terms)
    delta = options.delta(state.liability, forward, *terms)
    total = np.zeros_like(forward)
    for size, share in zip(days.returns[days.jumps], days.share[days.jumps], strict=True):
        move = forward * size
        change = options.value(state.liability, forward + move, *terms) - value
        total += share * move * (change - delta * move)
    return -state.forward_slope * total / (forward**2 * float(days.share @ days.returns**2))


def third_moment_shift(state: MarketState, days: PastDays) -> FloatArray:
    """Return what the skewness of days adds to the position, [N, T] hedge units."""
    centred = days.returns - days.share @ days.returns
    ratio = float((days.share @ centred**3) / (days.share @ centred**2))
    terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    return -0.5 * ratio * state.forward_slope * state.forward * options.gamma(state.liability, *terms)


SHIFTS: dict[str, Callable[[MarketState, PastDays], FloatArray]] = {
    "jumps": jump_shift,
    "third moment": third_moment_shift,
}


def half_of(slope: Coefficients) -> Coefficients:
    """Return half of the slope, what the flagship's prior takes of it."""
    a, b, c = slope
    return a / 2, b / 2, c / 2


def shifted(band: Band, shift: FloatArray) -> Band:
    """Return a band that is traded to its edges, moved by `shift` [N, T]."""
    return Band.between(band.lower[..., 0] + shift, band.upper[..., 0] + shift)


def walked(
    desk: Desk, sessions: pd.DataFrame, bps: float
) -> tuple[dict[str, Ledger], NDArray[np.int64], FloatArray]:
    """Return the books of the tested starts by policy and shift, the starts and market returns, [N] each."""
    life, days = desk.option.sessions, days_of(sessions)
    start, window = np.arange(len(sessions) - life), sessions["window"].to_numpy()
    rows = start[:, None] + np.arange(life + 1)
    close, probabilities = sessions["close"].to_numpy(float), regimes_of(sessions)
    vol = desk.market.atm_ratio * sessions["implied_vol"].ffill().to_numpy(float)
    left = (days[rows[:, -1:]] - days[rows[:, :-1]]) / YEAR
    state, market = dealt(desk, close[rows], left, vol[rows[:, :-1]], bps, probabilities[rows[:, :-1]])
    pieces: dict[str, list[Ledger]] = {}
    for number in np.unique(window[sessions["tested"]]):
        first = int(np.flatnonzero(window == number)[0])
        learned = training_rows(start + life, first, desk.windows.embargo_sessions)
        tested = np.flatnonzero(window[start] == number)
        slope = MinimumVariance(call=slope_coefficients(state.episodes(np.flatnonzero(learned)), "call"))
        own, stop = state.episodes(tested), first - desk.windows.embargo_sessions
        bases = {slope.name: slope.band(own), HALF: replace(slope, call=half_of(slope.call)).band(own)}
        hedges = {"delta_implied": DeltaImplied().band(own)} | bases
        for name, shift in shifts_of(desk, sessions, own, stop).items():
            hedges |= {f"{base}, {name}": shifted(band, shift) for base, band in bases.items()}
        for name, band in hedges.items():
            pieces.setdefault(name, []).append(book(market.episodes(tested), band.checked(name)))
    judged = start[sessions["tested"].to_numpy()[start]]
    return (
        {name: joined(each) for name, each in pieces.items()},
        judged,
        close[judged + life] / close[judged] - 1,
    )


def shifts_of(desk: Desk, sessions: pd.DataFrame, state: MarketState, stop: int) -> dict[str, FloatArray]:
    """Return every shift, [N, T], estimated on the sessions before row `stop`."""
    turbulent = past_days(sessions, desk.market.atm_ratio, stop, in_regime=True)
    pooled = past_days(sessions, desk.market.atm_ratio, stop, in_regime=False)
    shifts = {}
    for name, shift in SHIFTS.items():
        shifts[name] = state.regime_prob[..., -1] * shift(state, turbulent)
        shifts[f"{name} always"] = shift(state, pooled)
    describe(sessions["session"].iloc[stop], turbulent, pooled, shifts)
    return shifts


def describe(
    until: pd.Timestamp, turbulent: PastDays, pooled: PastDays, shifts: dict[str, FloatArray]
) -> None:
    """Print what was estimated and how large the shifts are."""
    rate, usual = (SESSIONS_A_YEAR * float(each.share @ each.jumps) for each in (turbulent, pooled))
    sizes = ", ".join(f"{name} {shift.mean():+.4f}" for name, shift in shifts.items())
    print(
        f"until {until.date()}: {pooled.jumps.sum()} jumps, a year of turbulence has {rate:.1f}, "
        f"any year {usual:.1f}; mean shift {sizes}",
        flush=True,
    )


def sessions_of(desk: Desk) -> pd.DataFrame:
    """Return close, VIX and the walked-forward filtered regimes of every session before 2004."""
    tables = load_tables(desk.data)
    close = tables["bars"].set_index("session")["close"]
    matrix = assemble(tables["bars"], tables["implied_vol"])["features"]
    matrix = matrix[matrix["session"] < END].reset_index(drop=True)
    windows = refit_windows(desk.windows, pd.DatetimeIndex(matrix["session"]))
    found = matrix[["session", "implied_vol"]].join(learn_regimes(desk, matrix, windows).signals, how="inner")
    return found.assign(
        close=close.reindex(found["session"]).to_numpy(),
        window=np.concatenate([np.full(each.stop - each.start, each.number) for each in windows]),
        tested=np.concatenate([np.full(each.stop - each.start, each.tested) for each in windows]),
    ).reset_index(drop=True)


def judge(name: str, days: DaySet, folder: Path) -> None:
    """Print every shift against the same policy without it, at every cost."""
    desk = desk_of(name, days, folder)
    sessions = sessions_of(desk)
    for bps in COSTS:
        ledgers, start, market_return = walked(desk, sessions, bps)
        rivals = {each: own for each in ledgers if (own := each.partition(", ")[0]) != each}
        dates = pd.DatetimeIndex(sessions["session"])
        show(f"{name}, {bps:g} bp", panel_of(ledgers, dates, start, market_return), rivals, desk)


def main() -> None:
    """Judge SPY's bars, and closes where a file of them is named."""
    spy = (date(1998, 1, 2), date(2000, 1, 3), date(2001, 1, 2), date(2003, 12, 31))
    closes = (date(1990, 1, 2), date(1992, 1, 2), date(1994, 1, 3), date(2003, 12, 31))
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(limits=1):
        judge("SPY 2001-2003", DaySet(spy_bars, "spot", spy, ("log_parkinson_1d",)), Path(folder))
        if len(sys.argv) > 1:
            bars = {"bars": {"file": Path(sys.argv[1]).resolve()}}
            judge("closes 1994-2003", DaySet(lambda _: bars, "spot", closes, ("return_1d",)), Path(folder))


if __name__ == "__main__":
    main()
