"""The decisions of a desk's life are there for models that join it, to the bit, and not in memory."""

import os
import threading
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.live import catching_up
from pipeline.live.catching_up import BLOCK, CatchingUp

NAMES = tuple(f"f{number}" for number in range(100))


class Seen:
    """Signals that remember what they are told."""

    def __init__(self, fitted, before, names):
        self.names, self.rows = names, []

    def step(self, row):
        self.rows.append(row)


def decided(number, rng):
    numbers = rng.normal(size=len(NAMES))
    numbers[number % len(NAMES)] = np.nan
    day = SimpleNamespace(day=f"2020-03-{1 + number // 500:02d}")
    return SimpleNamespace(at=10**18 + number, told=day, names=NAMES, numbers=numbers)


def test_rows_come_back_to_the_bit_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(catching_up, "RunningSignals", Seen)
    rng, rows = np.random.default_rng(3), CatchingUp(pd.DataFrame(), tmp_path / "desk")
    kept = [rows.keep(decided(number, rng)) for number in range(2 * BLOCK + 3)]
    signals, seen = rows.signals(SimpleNamespace(signals=None), threading.Event())
    assert (signals.names, seen) == (NAMES, len(kept))
    kept += [rows.keep(decided(number, rng)) for number in range(seen, seen + 5)]
    for told, row in zip([*signals.rows, *rows.missed(seen)], kept, strict=True):
        assert (told.at, told.day, told.numbers.tobytes()) == (row.at, row.day, row.numbers.tobytes())
    assert list((tmp_path / "desk").iterdir()) == []


def test_a_disk_that_is_full_names_the_folder(tmp_path, monkeypatch):
    rows = CatchingUp(pd.DataFrame(), tmp_path)
    monkeypatch.setattr(os, "pwrite", lambda *_: 3)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"):
        rows.keep(decided(0, np.random.default_rng(1)))


def test_memory_does_not_grow_with_the_decisions(tmp_path):
    rng, rows = np.random.default_rng(3), CatchingUp(pd.DataFrame(), tmp_path)
    rows.keep(decided(0, rng))
    tracemalloc.start()
    try:
        for number in range(5_000):
            rows.keep(decided(number, rng))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000, "5000 rows of 800 bytes"


def test_without_a_decision_it_waits_until_the_desk_ends(tmp_path):
    ended = threading.Event()
    ended.set()
    with pytest.raises(InterruptedError):
        CatchingUp(pd.DataFrame(), tmp_path).signals(SimpleNamespace(signals=None), ended)
