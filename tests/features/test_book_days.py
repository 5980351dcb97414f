"""Days without a book are said, and a run in which no decision has one ends."""

import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.features.book_days import book_days, check_books
from pipeline.features.book_walk import SOUND, STALE, UNTRUSTED


def grid(**states):
    """Days with the states of the book at their decisions."""
    rows = [(day, state) for day, found in states.items() for state in found]
    return pd.DataFrame(rows, columns=["day", "book_state"])


def test_nothing_is_said_of_days_whose_every_decision_had_a_sound_book():
    assert check_books(book_days(grid(a=[SOUND] * 3, b=[SOUND])), "XYZ") == []


def test_a_day_without_any_is_warned_of_and_the_worst_days_are_named_first():
    days = book_days(grid(a=[SOUND] * 999 + [STALE], b=[UNTRUSTED] * 3 + [STALE], c=[SOUND]))
    assert days.set_index("day").loc["b", ["sound", "untrusted", "stale"]].tolist() == [0.0, 0.75, 0.25]
    share, nothing = check_books(days, "XYZ")
    assert share == (
        "XYZ: 99.5 % of 1,005 decisions had a sound book, the least on b 0.0 % (stale 25.0 %, "
        "untrusted 75.0 %), a 99.9 % (stale 0.1 %)"
    )
    assert nothing == "XYZ: warning: no decision of b had a sound book, so nothing is traded then"


def test_a_run_without_any_sound_book_ends_in_one_line():
    with pytest.raises(DataError, match=r"XYZ: no decision of 2 had a sound book \(untrusted 100.0 %\)"):
        check_books(book_days(grid(a=[UNTRUSTED], b=[UNTRUSTED])), "XYZ")
