"""Whether the market of the tested days is the one that was learned from, feature by feature."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.sheets import Cell, Sheet, number
from pipeline.features.book_at import REASONS
from pipeline.features.book_days import BOOK_STATE

QUALITY: Final = {
    "half_spread": "half-spread",
    "crossing_cost": "crossing cost of the desk's order",
    "depth": "depth",
    "log_rate": "log trade intensity",
    "log_variance_20": "log variance, 20 decisions",
    "sound": "share of the time with a sound book",
}
DECISIONS: Final = (
    "The decisions from the first signals to the test against the tested ones; spread, cost and depth are "
    "means over the interval before a decision."
)
BINS: Final = 10
FEWEST_FOR_AN_INDEX: Final = 10 * BINS
LEAST_SHARE: Final = 1e-4
"""Share of an empty bin, so that it has a logarithm."""
NO_FEATURES: Final = ("time", "day", "minutes", "step_seconds", BOOK_STATE)
LOST: Final = 0.1
"""Loss of known decisions that is marked."""
SOUND_ENOUGH: Final = 0.9
"""Share of a day's decisions with a sound book below which it is marked."""
FEW_DAYS: Final = 12
"""Days that are listed without unfolding."""
LARGE: Final = 0.25
"""Index from which a shift is called large (Siddiqi 2006, chapter 5)."""


def drift_table(signals: pd.DataFrame) -> pd.DataFrame:
    """Compare what is learned from and what is tested on: one row a measure of market quality.

    Parameters
    ----------
    signals : one row a decision with the columns of `QUALITY` and `tested`.

    Returns
    -------
    `measure`, medians `before` and `tested`, `psi` (population stability index over deciles of the rows
    before) and `ks` (largest distance of the two distributions, Kolmogorov and Smirnov).
    """
    tested = signals["tested"].to_numpy(bool)
    rows = []
    for name in QUALITY:
        values = signals[name].to_numpy(float)
        rows.append((name, *compared(values[~tested], values[tested])))
    return pd.DataFrame(rows, columns=["measure", "before", "tested", "psi", "ks"])


def compared(before: FloatArray, after: FloatArray) -> tuple[float, float, float, float]:
    """Return both medians, the stability index and the distance of two samples; NaN values are left out.

    The index is NaN where a decile of `before` would hold fewer than ten values, all are where one is empty.
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if not (len(before) and len(after)):
        return (np.nan,) * 4
    distance = largest_distance(before, after)
    index = stability_index(before, after) if len(before) >= FEWEST_FOR_AN_INDEX else np.nan
    return float(np.median(before)), float(np.median(after)), index, distance


def largest_distance(before: FloatArray, after: FloatArray) -> float:
    """Return the largest distance of two empirical distribution functions (Kolmogorov and Smirnov).

    Examples
    --------
    >>> largest_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0, 4.0, 5.0]))
    0.75
    """
    at = np.concatenate([before, after])
    below = (np.searchsorted(np.sort(part), at, side="right") / len(part) for part in (before, after))
    first, second = below
    return float(np.abs(first - second).max())


def stability_index(before: FloatArray, after: FloatArray) -> float:
    """Return the population stability index Σ (a − b) ln(a/b) over deciles of `before`.

    a and b are the shares of the two samples in each bin; below .1 little has changed, above .25 much has.

    References
    ----------
    Siddiqi (2006), Credit risk scorecards, chapter 5.

    Examples
    --------
    >>> stability_index(np.arange(100.0), np.arange(100.0))
    0.0
    """
    edges = np.unique(np.quantile(before, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(edges, part, side="right"), minlength=len(edges) + 1) / len(part)
        for part in (before, after)
    ]
    b, a = (np.maximum(share, LEAST_SHARE) for share in shares)
    return float(np.sum((a - b) * np.log(a / b)))


def known_shares(decisions: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Return the share of decisions at which each feature is known, before the test and in it.

    Parameters
    ----------
    decisions : the decision grid, from the first decision that is learned from.
    first, last : the first and the last tested decision.

    Returns
    -------
    `feature`, `before` and `tested`, one row a column of the grid.

    Examples
    --------
    >>> times = pd.date_range("2020-01-01", periods=4, tz="UTC")
    >>> grid = pd.DataFrame({"time": times, "day": "a", "vpin": [np.nan, 1.0, 1.0, 1.0]})
    >>> known_shares(grid, times[2], times[3]).to_numpy().tolist()
    [['vpin', 0.5, 1.0]]
    """
    known = decisions.drop(columns=[name for name in NO_FEATURES if name in decisions]).notna()
    parts = {"before": decisions["time"] < first, "tested": decisions["time"].between(first, last)}
    found = pd.DataFrame({name: known[rows].mean() for name, rows in parts.items()})
    return found.rename_axis("feature").reset_index()


def known_sheet(known: pd.DataFrame) -> Sheet:
    """Show `known_shares` where one is below 1."""
    partly = known[(known["before"] < 1.0) | (known["tested"] < 1.0)]
    rows = tuple(
        (
            Cell(str(row["feature"])),
            Cell(number(100.0 * float(row["before"]), 2)),
            Cell(
                number(100.0 * float(row["tested"]), 2),
                tone="bad" if row["tested"] < row["before"] - LOST else "",
            ),
        )
        for _, row in partly.iterrows()
    )
    lead = (
        f"Columns of the decision grid that are not known at every decision; the other "
        f"{len(known) - len(partly)} are. Nothing is filled in for what is not known."
    )
    headings = ("Column", "Known before the test, % of decisions", "Known in it, %")
    return Sheet("known", "How often features are known", lead, headings, rows, folded=True)


def book_day_sheet(days: pd.DataFrame) -> Sheet:
    """Show `features.book_days`: what share of each day's decisions had a book to trade against."""
    rows = tuple(
        (
            Cell(str(row["day"])),
            Cell(number(float(row["decisions"]), 0)),
            Cell(number(100.0 * float(row["sound"]), 2), tone="bad" if row["sound"] < SOUND_ENOUGH else ""),
            *(Cell(number(100.0 * float(row[reason]), 2)) for reason in REASONS.values()),
        )
        for _, row in days.iterrows()
    )
    lead = (
        "The book at each decision of a day. Without a sound one nothing is filled: a side is not quoted, "
        "bid and ask cross, nobody said anything for too long, or events before it are missing and no "
        "snapshot has come since."
    )
    headings = ("Day", "Decisions", "Sound, %", *(f"{reason.capitalize()}, %" for reason in REASONS.values()))
    return Sheet(
        "book-days", "Decisions with a sound book", lead, headings, rows, folded=len(days) > FEW_DAYS
    )


def drift_sheet(
    drift: pd.DataFrame, quality: Mapping[str, str] = QUALITY, rows_are: str = DECISIONS
) -> Sheet:
    """Show `drift_table`; `quality` names the measures, and `rows_are` says what is compared."""
    rows = tuple(
        (
            Cell(quality[str(row["measure"])]),
            Cell(f"{float(row['before']):.4g}"),
            Cell(f"{float(row['tested']):.4g}"),
            Cell(number(float(row["psi"]), 2), tone="bad" if row["psi"] > LARGE else ""),
            Cell(number(float(row["ks"]), 2)),
        )
        for _, row in drift.iterrows()
    )
    lead = (
        f"{rows_are} PSI: population stability index over deciles of what came before, large above 0.25; KS: "
        "largest distance of the distributions."
    )
    headings = ("Measure", "Median before", "Median tested", "PSI", "KS")
    return Sheet("drift", "Drift of market quality", lead, headings, rows)
