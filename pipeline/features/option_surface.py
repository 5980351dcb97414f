"""What an option chain says on a day: volatility by tenor, skew, convexity, term structure, carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri

from pipeline.domain.instruments import FloatArray
from pipeline.features.option_expiries import slice_of, with_implied_vols, with_slices
from pipeline.pricing.svi import SviSlice

DAYS: Final = (30, 60, 90)
"""Tenors, calendar days."""
DELTA: Final = 0.25
"""Forward delta at which skew and convexity are read."""
FURTHEST: Final = 1.0
"""Log-moneyness within which an option of that delta is looked for."""
NAMES: Final = (
    *(f"{name}_{days}d" for days in DAYS for name in ("atm_vol", "skew", "vol_slope", "convexity", "carry")),
    "term_slope",
)


@dataclass(frozen=True)
class TenorSmile:
    """The smile at a tenor between two slices: total variance linear in time at each log-moneyness.

    w_T(k) = (1 − λ) w_1(k) + λ w_2(k), λ = (T − T_1)/(T_2 − T_1): increasing in T wherever the pair is.

    Examples
    --------
    >>> flat = [SviSlice(0.04 * years, 0.0, 0.0, 0.0, 0.1) for years in (0.1, 0.2)]
    >>> smile = TenorSmile(flat[0], flat[1], weight=0.5, time=0.15)
    >>> round(float(smile.vol(0.0)), 6), smile.slope, round(smile.vol_at_delta(0.25), 6)
    (0.2, 0.0, 0.2)
    """

    near: SviSlice
    far: SviSlice
    weight: float
    time: float

    def total_variance(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return w_T(k)."""
        w = (each.total_variance(log_moneyness) for each in (self.near, self.far))
        return np.asarray((1.0 - self.weight) * next(w) + self.weight * next(w))

    def vol(self, log_moneyness: FloatArray | float) -> FloatArray:
        """Return the implied volatility √(w/T), annual and decimal."""
        return np.sqrt(self.total_variance(log_moneyness) / self.time)

    @property
    def slope(self) -> float:
        """dσ/dk at the money, σ′ = w′/(2√(wT))."""
        first = (1.0 - self.weight) * self.near.slope(0.0) + self.weight * self.far.slope(0.0)
        return float(first / (2.0 * np.sqrt(self.total_variance(0.0) * self.time)))

    def vol_at_delta(self, delta: float) -> float:
        """Return the volatility at which Black's forward delta is `delta`: a call above 0, a put below.

        The strike solves N(d_1) = Δ for a call, N(d_1) = 1 + Δ for a put, d_1 = −k/√w + √w/2; NaN where none
        within a log-moneyness of ±1 does.
        """
        quantile = float(ndtri(delta if delta > 0.0 else 1.0 + delta))

        def off(k: float) -> float:
            root = float(np.sqrt(self.total_variance(k)))
            return -k / root + 0.5 * root - quantile

        if off(-FURTHEST) * off(FURTHEST) > 0.0:
            return np.nan
        return float(self.vol(brentq(off, -FURTHEST, FURTHEST, xtol=1e-12)))


def option_surface(quotes: pd.DataFrame) -> pd.DataFrame:
    """Return one row a day of a chain, in the order of `known_time`; a day sees its own quotes only.

    Parameters
    ----------
    quotes : rows of `option_quotes` of one underlying, European options, of any number of days.

    Returns
    -------
    surface : `event_time`, `known_time` (of the day's last quote) and for T of 30, 60 and 90 days:
        `atm_vol_T` at the forward; `skew_T` = σ(25Δ put) − σ(25Δ call); `vol_slope_T` = dσ/dk at the money;
        `convexity_T` = ½(σ(25Δ put) + σ(25Δ call)) − `atm_vol_T`; `carry_T` = ln(F/S)/T, the parity forward's
        basis over the underlying, with ln F linear in time; and `term_slope`, the at-the-money volatility at
        90 days less that at 30. NaN where an expiry next to the tenor has no slice, or where the chain does
        not reach it.

    Notes
    -----
    The underlying's price in a chain need not be of the same second as its quotes: in the files of 2019 that
    moves `carry` over 30 days by about .2 % a year for each .5 points. The forward itself is the chain's own.

    References
    ----------
    Gatheral, Jacquier (2014); Mixon (2011), "What does implied volatility skew measure?", for 25Δ measures.
    """
    rows = [surface_of(*with_implied_vols(day)) for _, day in quotes.groupby("event_time", sort=True)]
    return pd.concat(rows, ignore_index=True)


def surface_of(quoted: pd.DataFrame, expiries: pd.DataFrame) -> pd.DataFrame:
    """Return the one row of a day of `option_surface`, from what `with_implied_vols` gave."""
    fitted = with_slices(quoted, expiries, [days / 365.0 for days in DAYS])
    found: dict[str, Any] = {
        "event_time": quoted["event_time"].iloc[0],
        "known_time": quoted["known_time"].max(),
    }
    for days, smile in tenor_smiles(fitted):
        found[f"carry_{days}d"] = _carry(fitted, days / 365.0)
        if smile is not None:
            found |= {f"{name}_{days}d": value for name, value in _read(smile).items()}
    near, far = (found.get(f"atm_vol_{days}d", np.nan) for days in (DAYS[0], DAYS[-1]))
    found["term_slope"] = far - near
    return pd.DataFrame([found], columns=["event_time", "known_time", *NAMES])


def risk_premium(atm_vol: FloatArray, forecast_vol: FloatArray) -> FloatArray:
    """Return the volatility risk premium: implied less forecast variance over the same horizon, annual.

    Examples
    --------
    >>> risk_premium(np.array([0.2]), np.array([0.15])).round(4)
    array([0.0175])
    """
    return np.asarray(atm_vol**2 - forecast_vol**2)


def tenor_smiles(expiries: pd.DataFrame) -> Iterator[tuple[int, TenorSmile | None]]:
    """Yield the smile at each of `DAYS`, None where the chain does not tell it."""
    for days in DAYS:
        pair = _around(expiries, days / 365.0)
        if pair is None or expiries.loc[list(pair), "a"].isna().any():
            yield days, None
            continue
        near, far = (slice_of(expiries.loc[row]) for row in pair)
        start, end = expiries["time_to_expiry"].to_numpy(np.float64)[list(pair)]
        weight = (days / 365.0 - start) / (end - start)
        yield days, TenorSmile(near, far, float(weight), days / 365.0)


def _read(smile: TenorSmile) -> dict[str, float]:
    atm, put, call = float(smile.vol(0.0)), smile.vol_at_delta(-DELTA), smile.vol_at_delta(DELTA)
    middle = 0.5 * (put + call)
    return {"atm_vol": atm, "skew": put - call, "vol_slope": smile.slope, "convexity": middle - atm}


def _around(expiries: pd.DataFrame, time: float) -> tuple[int, int] | None:
    after = int(np.searchsorted(expiries["time_to_expiry"], time, side="right"))
    return None if after in (0, len(expiries)) else (after - 1, after)


def _carry(expiries: pd.DataFrame, time: float) -> float:
    pair = _around(expiries, time)
    if pair is None:
        return np.nan
    rows = expiries.loc[list(pair)]
    logs = np.log(rows["forward"].to_numpy() / rows["spot"].to_numpy())
    left = rows["time_to_expiry"].to_numpy()
    return float((logs[0] + (time - left[0]) / (left[1] - left[0]) * (logs[1] - logs[0])) / time)
