"""How good the quotes of a chain are, day by day: spreads, counts, and what is against no-arbitrage."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.market_quality import compared
from pipeline.evaluate.sheets import Sheet, number, plain_rows

COMMON: Final = 0.1
"""Log-moneyness to either side within which two expiries are compared."""
QUALITY: Final[Mapping[str, str]] = {
    "half_spread_bps": "half-spread of a quote, bps of the forward",
    "relative_spread": "half-spread over the mid",
    "quotes": "quotes a day",
    "slices": "expiries a day",
    "without_bid": "share of quotes without a bid",
    "butterfly_mid": "share of slices with a butterfly below zero at the mids",
    "calendar_mid": "share of expiries with less variance than the one before",
}
QUOTE_MEASURES: Final = ("half_spread_bps", "relative_spread")
ROUNDING: Final = 1e-9


def chain_quality(quoted: pd.DataFrame) -> pd.DataFrame:
    """Return one row a day of a chain: counts, spreads, and the shares of slices that allow arbitrage.

    Parameters
    ----------
    quoted : quotes with `mid`, `forward`, `time_to_expiry` and `implied_vol`, of `features.chain_matrix`.

    Returns
    -------
    `day`, `quotes`, `slices` (a root and expiry), `without_bid` (share of the quotes), medians
    `half_spread_bps` (of the forward) and `relative_spread` (of the mid), and by share of slices:

    - `butterfly_mid`, where three neighbouring strikes of calls or of puts make a butterfly below zero at the
      mids, λ m₁ + (1 − λ) m₃ < m₂ with λ = (K₃ − K₂)/(K₃ − K₁);
    - `butterfly_quoted`, where it could be bought below zero, wings at the ask and body at the bid;
    - `calendar_mid`, where total variance at the mids lies below that of the expiry before of the same root
      at some log-moneyness within ±.1.

    Notes
    -----
    Mids are on a grid of ticks, so far from the money a butterfly at the mids can be below zero by rounding
    alone: what could be traded is the second measure.
    """
    day = quoted["event_time"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    rows = [{"day": at, **_day(own)} for at, own in quoted.groupby(day, sort=True)]
    return pd.DataFrame(rows)


def quote_measures(quoted: pd.DataFrame) -> pd.DataFrame:
    """Return `day`, `half_spread_bps` and `relative_spread` of every quote with a bid and a forward."""
    known = quoted[quoted["mid"].notna() & quoted["forward"].notna()]
    half = 0.5 * (known["ask"] - known["bid"])
    day = known["event_time"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    return pd.DataFrame(
        {
            "day": day,
            "half_spread_bps": 1e4 * half / known["forward"],
            "relative_spread": half / known["mid"],
        }
    )


def chain_drift(quality: pd.DataFrame, quotes: pd.DataFrame, test_start: pd.Timestamp) -> pd.DataFrame:
    """Compare the chains that were learned from with the tested ones, as `market_quality.drift_table`.

    Parameters
    ----------
    quality, quotes : of `chain_quality` (measures a day) and `quote_measures` (measures a quote).
    test_start : first tested day.
    """
    rows = []
    for name in QUALITY:
        table = quotes if name in QUOTE_MEASURES else quality
        tested = (table["day"] >= test_start).to_numpy()
        values = table[name].to_numpy(float)
        rows.append((name, *compared(values[~tested], values[tested])))
    return pd.DataFrame(rows, columns=["measure", "before", "tested", "psi", "ks"])


def arbitrage_sheet(quality: pd.DataFrame) -> Sheet:
    """The quality of the chains, day by day, and what of it is against no-arbitrage."""
    shares = ("without_bid", "relative_spread", "butterfly_mid", "butterfly_quoted", "calendar_mid")
    shown = quality.assign(
        day=quality["day"].dt.strftime("%Y-%m-%d"), **{name: 100 * quality[name] for name in shares}
    )
    formats = (
        ("day", -1), ("quotes", 0), ("slices", 0), ("without_bid", 1), ("half_spread_bps", 2),
        ("relative_spread", 1), ("butterfly_mid", 1), ("butterfly_quoted", 1), ("calendar_mid", 1),
    )  # fmt: skip
    headings = (
        "Day", "Quotes", "Slices", "Without a bid, %", "Half-spread, bps of the forward",
        "Half-spread over the mid, %", "Butterfly below zero at the mids, % of slices",
        "… that could be traded, %", "Calendar below zero at the mids, %",
    )  # fmt: skip
    mean = quality[["butterfly_mid", "butterfly_quoted", "calendar_mid"]].mean()
    lead = (
        "A slice is an expiry of one root. Three neighbouring strikes whose mids are not convex make a "
        f"butterfly below zero: {number(100 * mean['butterfly_mid'])} % of the slices have one, most of them "
        f"by ticks; wings bought at the ask and the body sold at the bid do in "
        f"{number(100 * mean['butterfly_quoted'])} %. Total variance below that of the expiry before, within "
        f"a tenth of the forward: {number(100 * mean['calendar_mid'])} %."
    )
    rows = plain_rows(shown, formats)
    return Sheet("arbitrage", "Arbitrage and quality of the chains", lead, headings, rows, folded=True)


def _day(quotes: pd.DataFrame) -> dict[str, float]:
    measures = quote_measures(quotes)
    slices = [own for _, own in quotes.groupby(["root", "expiry"], sort=True)]
    at_mid = [_butterfly(own, "mid", "mid") for own in slices]
    quoted = [_butterfly(own, "ask", "bid") for own in slices]
    calendar = [
        gap for _, own in quotes.groupby("root", sort=True) for gap in _calendar(own) if gap is not None
    ]
    return {
        "quotes": float(len(quotes)),
        "slices": float(len(slices)),
        "without_bid": float((quotes["bid"] <= 0.0).mean()),
        "half_spread_bps": float(measures["half_spread_bps"].median()),
        "relative_spread": float(measures["relative_spread"].median()),
        "butterfly_mid": float(np.mean(at_mid)),
        "butterfly_quoted": float(np.mean(quoted)),
        "calendar_mid": float(np.mean(calendar)) if calendar else float("nan"),
    }


def _butterfly(quotes: pd.DataFrame, wings: str, body: str) -> bool:
    """Tell whether three neighbouring strikes of calls or of puts make a butterfly below zero."""
    sold = quotes[quotes["bid"] > 0.0]
    for _, own in sold.groupby("right"):
        rows = own.sort_values("strike")
        strike, outer, inner = (rows[name].to_numpy(float) for name in ("strike", wings, body))
        if len(strike) < 3:
            continue
        weight = (strike[2:] - strike[1:-1]) / (strike[2:] - strike[:-2])
        value = weight * outer[:-2] + (1.0 - weight) * outer[2:] - inner[1:-1]
        if (value < -ROUNDING).any():
            return True
    return False


def _calendar(quotes: pd.DataFrame) -> list[bool | None]:
    """Tell of each expiry after the first whether it has less total variance somewhere; None is unknown."""
    found: list[bool | None] = []
    before: tuple[FloatArray, FloatArray] | None = None
    for _, own in sorted(quotes.groupby("expiry"), key=lambda each: each[1]["time_to_expiry"].iloc[0]):
        smile = _smile(own)
        if smile is None:
            continue
        if before is not None:
            k, variance = before
            inside = (k >= smile[0][0]) & (k <= smile[0][-1])
            later = np.interp(k[inside], *smile)
            found.append(bool((later < variance[inside] - ROUNDING).any()) if inside.any() else None)
        before = smile
    return found


def _smile(quotes: pd.DataFrame) -> tuple[FloatArray, FloatArray] | None:
    """Return log-moneyness within ±`COMMON` and total variance of the out-of-the-money side."""
    out = quotes[(quotes["right"] > 0) == (quotes["strike"] >= quotes["forward"])].sort_values("strike")
    k = np.log(out["strike"].to_numpy(float) / out["forward"].to_numpy(float))
    variance = out["implied_vol"].to_numpy(float) ** 2 * out["time_to_expiry"].to_numpy(float)
    use = (np.abs(k) <= COMMON) & np.isfinite(variance)
    return (k[use], variance[use]) if use.sum() >= 2 else None
