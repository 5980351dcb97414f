"""What an account is worth is written down where it is worth something."""

from types import SimpleNamespace

import numpy as np

from pipeline.live.journal import Entry
from pipeline.live.option_account import WORTH, Worth
from pipeline.live.worth_kept import EVERY, WorthKept


def decided(minute, mid=100.0, worth=1.0, past=False):
    told = SimpleNamespace(day="2020-03-05")
    return SimpleNamespace(
        at=minute * EVERY, told=told, mid=mid, past=past, worth=Worth(0.0, 0.0, 0.5, worth, 0.0)
    )


def journal(*entries):
    return SimpleNamespace(entries=lambda: entries)


def test_what_was_told_before_a_start_is_not_told_again():
    lines = []
    for told, minutes in (((), (1, 2, 3)), ((1, 2), (1, 2, 3)), ((1, 2, 3), (1, 2))):
        before = [Entry(each * EVERY, "account", WORTH, "", {}) for each in told]
        path = SimpleNamespace(note=lines.append, journal=journal(*before))
        with (kept := WorthKept()).beside(path):
            for each in minutes:
                kept.after(decided(each), path)
    assert [each.at // EVERY for each in lines] == [1, 2, 3, 3]


def test_what_is_no_number_is_not_kept():
    lines = []
    path = SimpleNamespace(note=lines.append, journal=journal())
    with (kept := WorthKept()).beside(path):
        for each in (
            decided(1, mid=np.nan),
            decided(2, past=True),
            decided(3, worth=7.0),
            decided(4, worth=np.nan),
            decided(5, mid=np.nan),
        ):
            kept.after(each, path)
    assert [(each.at, each.inputs["highest"]) for each in lines] == [(3 * EVERY, 7.5)]
