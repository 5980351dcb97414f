"""A promoted model takes over at the next decision; one that is missing or damaged does not."""

import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import SettingsError, StoreError
from pipeline.live import adopting, catching_up
from pipeline.live.adopting import Adopting
from pipeline.live.learned import Learned

NAMES = ("minutes", "log_depth")


class Signals:
    """Remembers what it was made of and which decisions it has seen."""

    busy = 0

    def __init__(self, fitted, before, names):
        if fitted == "damaged":
            raise KeyError("log_rate")
        if fitted == "busy" and Signals.busy:
            Signals.busy -= 1
            raise OSError("too many open files")
        self.made, self.seen = (fitted, before, names), []

    def step(self, row):
        self.seen.append(row.at)


class Hedger:
    model = "old"

    def adopt(self, learned, signals):
        if learned.policy == "refused":
            raise SettingsError("policy refused reads the desk's own state")
        self.model, self.signals = learned.model, signals


class Source:
    """Answers in turn, with nothing in the end, which is counted."""

    def __init__(self, *answers):
        self._answers, self.idle = list(answers), 0

    def newer(self):
        self.idle += not self._answers
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(adopting, "POLLED", 0.01)
    monkeypatch.setattr(adopting, "AGAIN", 0.02)
    monkeypatch.setattr(catching_up, "RunningSignals", Signals)


@pytest.fixture
def lived(tmp_path):
    return partial(living, tmp_path)


def living(place, *answers, enough=bool):
    """Decide until the entries of the audit are enough and the source has been idle for three looks."""
    entries, said, told, hedger = [], [], [], Hedger()
    path = SimpleNamespace(journal=SimpleNamespace(audit=entries.append))
    source, at = Source(*answers), 0
    control = Adopting(source, hedger, pd.DataFrame(), place, [told.append], said.append)
    with control.beside(path):
        while not enough(entries) or source.idle < 3:
            at += 1
            row = np.array([at / 2.0, 1.0])
            decided = SimpleNamespace(at=at, told=SimpleNamespace(day="one"), names=NAMES, numbers=row)
            control.after(decided, path)
            time.sleep(0.002)
    return SimpleNamespace(entries=entries, said=said, told=told, hedger=hedger, at=at)


def learned(model="new", fitted="fitted", policy="band"):
    return Learned(fitted, policy, 1e-4, model)


def test_a_promoted_model_goes_on_where_the_one_before_was(lived):
    found = lived(learned())
    assert found.hedger.model == "new"
    (entry,) = found.entries
    assert found.hedger.signals.seen == list(range(1, entry.at + 1))
    assert found.hedger.signals.made[2] == NAMES
    assert [each.model for each in found.told] == ["new"]
    assert (entry.who, entry.what) == ("models", "adopt")
    assert entry.inputs == {"before": "old", "after": "new"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (StoreError("desk x has no champion"), "StoreError: desk x has no champion"),
        (learned(fitted="damaged"), "KeyError: 'log_rate'"),
        (learned(policy="refused"), "SettingsError: policy refused reads the desk's own state"),
        (OSError("database is locked"), "OSError: database is locked"),
    ],
)
def test_what_cannot_be_taken_is_said_once_and_the_old_one_goes_on(lived, answer, why):
    found = lived(answer, answer, learned(), enough=lambda entries: len(entries) == 2)
    assert found.said == [f"newer models are not taken, old goes on: {why}"]
    assert [(each.what, each.why) for each in found.entries] == [("keep", why), ("adopt", "promoted")]
    assert found.entries[0].model == "old"
    assert found.hedger.model == "new"


def test_what_was_loaded_and_could_not_catch_up_is_tried_again_though_the_source_has_nothing_newer(lived):
    Signals.busy = 3
    found = lived(learned(fitted="busy"), enough=lambda entries: entries and entries[-1].what == "adopt")
    assert found.said == ["newer models are not taken, old goes on: OSError: too many open files"]
    assert [each.what for each in found.entries] == ["keep", "adopt"]
    assert found.hedger.model == "new"


def test_nothing_newer_changes_nothing(lived):
    found = lived(None, None, enough=lambda entries: True)
    assert (found.entries, found.said, found.hedger.model) == ([], [], "old")
