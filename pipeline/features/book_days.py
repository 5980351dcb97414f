"""How often a day's decisions had a book to trade against, and why they had none."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.features.book_at import REASONS
from pipeline.features.book_walk import SOUND

BOOK_STATE: Final = "book_state"
"""Column of the grid: the state of the book at the decision, see `book_at`."""
COLUMNS: Final = ("day", "decisions", "sound", *REASONS.values())
SHOWN: Final = 3
"""Days that are named in one sentence."""


def book_days(grid: pd.DataFrame) -> pd.DataFrame:
    """Return of each day the `decisions`, the share with a `sound` book, and by reason the shares without.

    Examples
    --------
    >>> grid = pd.DataFrame({"day": ["a", "a", "b", "b"], "book_state": [0, 0, 4, 0]})
    >>> book_days(grid)[["day", "decisions", "sound", "untrusted"]].to_numpy().tolist()
    [['a', 2, 1.0, 0.0], ['b', 2, 0.5, 0.5]]
    """
    states = {"sound": SOUND} | {reason: state for state, reason in REASONS.items()}
    shares = pd.DataFrame({name: grid[BOOK_STATE].eq(state) for name, state in states.items()})
    days = shares.groupby(grid["day"], sort=True)
    found = days.mean().assign(decisions=days.size())
    return found.reset_index()[list(COLUMNS)]


def check_books(days: pd.DataFrame, instrument: str) -> list[str]:
    """Return what there is to say of days with decisions that had no sound book, a sentence each.

    Raises
    ------
    DataError
        No decision of any day had one.

    Examples
    --------
    >>> grid = pd.DataFrame({"day": ["a", "a", "b", "b"], "book_state": [0, 0, 4, 0]})
    >>> check_books(book_days(grid), "XYZ")
    ['XYZ: 75.0 % of 4 decisions had a sound book, the least on b 50.0 % (untrusted 50.0 %)']
    """
    count = int(days["decisions"].sum())
    sound = float(np.average(days["sound"], weights=days["decisions"])) if count else 1.0
    if sound == 0.0:
        raise DataError(
            f"{instrument}: no decision of {count:,} had a sound book ({_reasons(days)}): a book of changes "
            "begins with a snapshot, and nothing can be traded without; see docs/data.md, and "
            "grid.stale_after_seconds for a quiet one"
        )
    if sound == 1.0:
        return []
    worst = days[days["sound"] < 1.0].sort_values(["sound", "day"]).head(SHOWN)
    named = ", ".join(
        f"{day} {_percent(share)} ({_reasons(worst[worst['day'] == day])})"
        for day, share in zip(worst["day"], worst["sound"], strict=True)
    )
    said = [f"{instrument}: {_percent(sound)} of {count:,} decisions had a sound book, the least on {named}"]
    if nothing := list(days.loc[days["sound"] == 0.0, "day"]):
        more = f" and {len(nothing) - SHOWN} more days" if len(nothing) > SHOWN else ""
        said.append(
            f"{instrument}: warning: no decision of {', '.join(nothing[:SHOWN])}{more} had a sound book, so "
            "nothing is traded then"
        )
    return said


def _reasons(days: pd.DataFrame) -> str:
    shares = {name: float(np.average(days[name], weights=days["decisions"])) for name in REASONS.values()}
    return ", ".join(f"{name} {_percent(share)}" for name, share in shares.items() if share > 0.0)


def _percent(share: float) -> str:
    """Return a share in per cent, rounded down, so that only a whole one is called whole."""
    return f"{np.floor(1000.0 * share) / 10.0:.1f} %"
