"""Whether forecasts, intervals and regimes still do as well as when they were learned (`streams.Streams`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.monitor.alarm import Alarm, Severity
from pipeline.monitor.batches import BATCH, Batch, BatchReference
from pipeline.monitor.change import Limits, Way, adwin, limits, page_hinkley

LEAST_BATCHES: Final = 20


@dataclass(frozen=True)
class StreamKind:
    """In which way a change is bad, and the least that matters, absolute or as a share of the mean."""

    way: Way
    least: float
    relative: bool = False
    severity: Severity = Severity.CRITICAL


KINDS: Final[Mapping[str, StreamKind]] = {
    "qlike": StreamKind("up", 0.5, relative=True),
    "pinball": StreamKind("up", 0.25, relative=True),
    "coverage": StreamKind("both", 0.1),
    "cost": StreamKind("up", 0.5, relative=True),
    "regime": StreamKind("both", 0.2, severity=Severity.WARNING),
    "likelihood": StreamKind("down", 0.5),
    "error": StreamKind("both", 1.0),
    "miss": StreamKind("up", 0.5, relative=True),
}
"""By the first part of a stream's name. Which regime it is, is no fault of a model: look at it."""


def kind_of(stream: str) -> StreamKind:
    """Return the kind of a stream.

    Examples
    --------
    >>> kind_of("qlike_15").way, kind_of("regime_0").way
    ('up', 'both')
    """
    return KINDS[stream.partition("_")[0]]


@dataclass(frozen=True)
class StreamReference:
    """What a stream was, in means of `batch` values, and the limits of its detectors."""

    batches: BatchReference
    limits: Limits


Streamed = Iterable[tuple[str, Mapping[str, float]]]
"""The day of each decision, and the values that it made known."""


def learn_streams(
    streamed: Streamed, false_alarms_a_day: float, batch: int = BATCH
) -> dict[str, StreamReference]:
    """Learn every stream with at least `LEAST_BATCHES` batches; the streams share the false alarms.

    Raises
    ------
    DataError
        There is no such stream.
    """
    values: dict[str, list[float]] = {}
    days: dict[str, list[str]] = {}
    for day, found in streamed:
        for name, value in found.items():
            values.setdefault(name, []).append(value)
            days.setdefault(name, []).append(day)
    known = {name: np.array(each) for name, each in values.items() if len(each) >= LEAST_BATCHES * batch}
    if not known:
        raise DataError("drift of forecasts cannot be told: fewer decisions were forecast than it takes")
    share = false_alarms_a_day / len(known)
    return {name: _learned(name, each, days[name], share, batch) for name, each in known.items()}


def _learned(name: str, values: FloatArray, days: Sequence[str], share: float, batch: int) -> StreamReference:
    kind = kind_of(name)
    least = kind.least * (abs(float(values.mean())) if kind.relative else 1.0)
    reference = BatchReference.learn(values, batch, least)
    scores = reference.score(reference.means)
    numbers = np.unique(days, return_inverse=True)[1][: len(scores) * batch : batch]
    return StreamReference(reference, limits(scores, numbers, kind.way, share))


class StreamWatch:
    """One stream: Page–Hinkley every day anew, ADWIN over days; silent after an alarm until the next day."""

    def __init__(self, name: str, reference: StreamReference) -> None:
        self._name, self._reference = name, reference
        self._scores, self._way = reference.batches.score(reference.batches.means), kind_of(name).way
        self._batch = Batch(reference.batches)
        self._within: Any = None
        self._over = adwin(reference.limits.delta, self._scores) if reference.limits.delta else None
        self.score = 0.5

    def begin(self) -> None:
        """Begin a day."""
        self._batch = Batch(self._reference.batches)
        self._within = page_hinkley(self._reference.limits.threshold, self._way, self._scores)

    def add(self, value: float) -> str:
        """Take in a value; return which detector says that there is a change, or nothing."""
        score = self._batch.add(value)
        if score is None:
            return ""
        self.score = score
        said = ""
        if self._within is not None:
            self._within.update(score)
            said = "Page–Hinkley" if self._within.drift_detected else ""
        if self._over is not None:
            self._over.update(score)
            if self._over.drift_detected and self._is_bad(self._over.estimation) and self._within is not None:
                said = said or "ADWIN"
        if said:
            self._within = None
        return said

    def _is_bad(self, mean: float) -> bool:
        moved = mean - float(self._scores.mean())
        return {"up": moved > 0.0, "down": moved < 0.0, "both": True}[self._way]


class StreamsWatch:
    """All streams of one kind of a desk, and the alarms that they give reason to."""

    def __init__(self, name: str, references: Mapping[str, StreamReference]) -> None:
        self._name, self._references = name, references
        self._watched = {stream: StreamWatch(stream, each) for stream, each in references.items()}
        self._day = ""

    def take(self, at: int, day: str, found: Mapping[str, float]) -> list[Alarm]:
        """Take in the values that a decision made known."""
        if day != self._day:
            self._day = day
            for each in self._watched.values():
                each.begin()
        return [
            self._alarm(at, stream, said)
            for stream, value in found.items()
            if stream in self._watched and (said := self._watched[stream].add(value))
        ]

    def state(self) -> dict[str, float]:
        """Return the score of the last batch by stream, .5 for what was usual."""
        return {stream: each.score for stream, each in self._watched.items()}

    def _alarm(self, at: int, stream: str, detector: str) -> Alarm:
        score = self._watched[stream].score
        usual = float(self._references[stream].batches.means.mean())
        said = (
            f"{stream} is not what it was in training ({detector}): {usual:.4g} on average then, the last "
            f"mean is {6.0 * score - 3.0:+.1f} scales from it"
        )
        return Alarm(self._name, stream, kind_of(stream).severity, said, at, {"score": score, "usual": usual})
