"""One day's quotes of an option chain, expiry by expiry: parity forward, implied volatilities, SVI slice."""

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.option_contract import AM, EUROPEAN
from pipeline.ingest.settlement_time import settlement_times
from pipeline.pricing import black
from pipeline.pricing.implied_vol import implied_vol
from pipeline.pricing.parity import parity_forward
from pipeline.pricing.svi import SviSlice, calendar_gap, fit_svi

YEAR_SECONDS: Final = 365.0 * 86_400.0
SHORTEST: Final = 1.0 / 365.0
"""Years: below it an expiry has a forward and implied volatilities, but no slice."""
COMMON: Final = np.linspace(-0.1, 0.1, 21)
"""Log-moneyness at which two slices are compared for calendar arbitrage."""
SLICE: Final = ["a", "b", "rho", "m", "sigma"]
COLUMNS: Final = [
    "event_time", "known_time", "root", "expiry", "settlement", "time_to_expiry", "spot", "forward",
    "discount", "forward_error", "pairs", "violated", "smile_quotes", *SLICE, "calendar_gap", "without_slice",
]  # fmt: skip


def with_implied_vols(quotes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the quotes of one day with what parity says of their expiry, and the expiries.

    Parameters
    ----------
    quotes : rows of `option_quotes` of one underlying and one `event_time`, European options only.

    Returns
    -------
    quotes : the rows with `mid` (NaN without a bid), `time_to_expiry` (years, to the settlement by root: the
        open of the expiry day or its close), `forward`, `discount` and `implied_vol` of the mid (NaN where it
        breaks the bounds that hold without arbitrage, or the expiry has no forward).
    expiries : one row a root and expiry, with `COLUMNS` up to `violated`; the forward is NaN where there are
        too few pairs of a call and a put, see `pricing.parity`.

    Raises
    ------
    DataError
        The rows are of more than one underlying or time, or of American options, which obey no parity.
    """
    _check_one_day(quotes)
    found = quotes.reset_index(drop=True).copy()
    settles = settlement_times(found["expiry"], found["settlement"] == AM)
    left = (settles - pd.DatetimeIndex(found["event_time"])).total_seconds().to_numpy() / YEAR_SECONDS
    found["time_to_expiry"] = left
    found["mid"] = np.where(found["bid"] > 0.0, 0.5 * (found["bid"] + found["ask"]), np.nan)
    expiries = pd.DataFrame([_expiry(rows) for _, rows in found.groupby(["root", "expiry"], sort=True)])
    expiries = expiries.sort_values(["time_to_expiry", "root"], ignore_index=True)
    found = found.merge(expiries[["root", "expiry", "forward", "discount"]], on=["root", "expiry"])
    right, mid, discount, *terms = (
        found[name].to_numpy(np.float64)
        for name in ("right", "mid", "discount", "forward", "strike", "time_to_expiry")
    )
    found["implied_vol"] = implied_vol(right, mid / discount, *terms)
    return found, expiries


def option_expiries(quotes: pd.DataFrame, tenors: Sequence[float] | None = None) -> pd.DataFrame:
    """Return the expiries of one day's chain with their SVI slices, the nearest first.

    A slice is fitted to the implied volatilities of out-of-the-money mids (puts below the forward, calls at
    it and above), each squared error of total variance weighted by one over the square of what the spread
    leaves open, (2στ · spread/vega)².

    Parameters
    ----------
    quotes : as for `with_implied_vols`.
    tenors : years; slices are fitted to the expiries on either side of each only. None fits them all.

    Returns
    -------
    expiries : `COLUMNS`. `a` to `sigma` are those of `pricing.svi.SviSlice`, NaN with the reason in
        `without_slice`. `calendar_gap` is the least excess of total variance over the slice before, at
        log-moneyness −.1 to .1: below zero a calendar spread can be arbitraged at the mids.

    Raises
    ------
    DataError
        As `with_implied_vols`.
    """
    return with_slices(*with_implied_vols(quotes), tenors)


def with_slices(
    quoted: pd.DataFrame, expiries: pd.DataFrame, tenors: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return what `option_expiries` does, from what `with_implied_vols` gave."""
    chosen = quoted[(quoted["right"] > 0) == (quoted["strike"] >= quoted["forward"])]
    smiles = dict(iter(chosen.groupby(["root", "expiry"])))
    time = expiries["time_to_expiry"].to_numpy()
    wanted = np.ones(len(time), dtype=np.bool_) if tenors is None else _beside(time, tenors)
    fitted = [
        _slice(smiles.get(key), left) if needed else _without("not asked for")
        for key, left, needed in zip(
            zip(expiries["root"], expiries["expiry"], strict=True), time, wanted, strict=True
        )
    ]
    found = pd.concat([expiries, pd.DataFrame(fitted)], axis=1)
    found["calendar_gap"] = _calendar_gaps(found)
    return found[COLUMNS]


def slice_of(expiry: Any) -> SviSlice:
    """Return the slice of a row of `option_expiries`."""
    return SviSlice(*(float(expiry[name]) for name in SLICE))


def _check_one_day(quotes: pd.DataFrame) -> None:
    if quotes.empty:
        raise DataError("option chain: no quotes: check the file and the quarantine")
    for name, what in (("underlying", "underlying"), ("event_time", "time")):
        if (values := quotes[name].unique()).size > 1:
            raise DataError(f"option chain: more than one {what}, {values[0]} and {values[1]}: take one")
    if (other := quotes.loc[quotes["exercise"] != EUROPEAN, "root"]).size:
        raise DataError(f"option chain: {other.iloc[0]} is not European, so put-call parity does not hold")


def _expiry(rows: pd.DataFrame) -> dict[str, object]:
    right, strike, bid, ask = (rows[name].to_numpy(np.float64) for name in ("right", "strike", "bid", "ask"))
    calls, puts = np.flatnonzero(right == 1.0), np.flatnonzero(right == -1.0)
    both, call, put = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    parity = parity_forward(
        both,
        call_bid=bid[calls[call]],
        call_ask=ask[calls[call]],
        put_bid=bid[puts[put]],
        put_ask=ask[puts[put]],
    )
    first = rows.iloc[0]
    own = ["event_time", "known_time", "root", "expiry", "settlement", "time_to_expiry"]
    return {name: first[name] for name in own} | {
        "spot": first["underlying_price"],
        "forward": parity.forward,
        "discount": parity.discount,
        "forward_error": parity.error,
        "pairs": parity.pairs,
        "violated": parity.violated,
    }


def _beside(time: FloatArray, tenors: Sequence[float]) -> NDArray[np.bool_]:
    """Tell which of the increasing times are the last up to a tenor or the first after it."""
    after = np.searchsorted(time, tenors, side="right")
    wanted = np.zeros(len(time), dtype=np.bool_)
    wanted[after[after < len(time)]] = True
    wanted[after[after > 0] - 1] = True
    return wanted


def _without(reason: str, quotes: int = 0) -> dict[str, object]:
    return {**dict.fromkeys(SLICE, np.nan), "smile_quotes": quotes, "without_slice": reason}


def _slice(rows: pd.DataFrame | None, time: float) -> dict[str, object]:
    if rows is None or rows["forward"].isna().all():
        return _without("no forward: too few pairs of a call and a put")
    known = rows[rows["implied_vol"].notna()]
    if time < SHORTEST:
        return _without("less than a day to expiry", len(known))
    names = ("forward", "strike", "time_to_expiry", "implied_vol")
    forward, strike, left, vol = (known[name].to_numpy(np.float64) for name in names)
    spread = (known["ask"] - known["bid"]).to_numpy() / known["discount"].to_numpy()
    off = 2.0 * vol * time * spread / black.vega(forward, strike, left, vol)
    try:
        found = fit_svi(np.log(strike / forward), vol**2 * time, _weights(off))
    except FitError as fault:
        return _without(str(fault), len(known))
    own = {name: getattr(found, name) for name in SLICE}
    return own | {"smile_quotes": len(known), "without_slice": ""}


def _weights(off: FloatArray) -> FloatArray:
    """Return 1/off², scaled to 1 at the surest quote."""
    return np.asarray((off.min() / off) ** 2) if len(off) else off


def _calendar_gaps(expiries: pd.DataFrame) -> NDArray[np.float64]:
    gaps = np.full(len(expiries), np.nan)
    fitted = np.flatnonzero(expiries["a"].notna())
    slices = {row: slice_of(expiries.loc[row]) for row in fitted}
    for before, row in itertools.pairwise(fitted):
        gaps[row] = calendar_gap(slices[before], slices[row], COMMON).min()
    return gaps
