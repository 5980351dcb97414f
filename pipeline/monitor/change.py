"""Two detectors of a change of scores (`batches`), and the limits at which they keep quiet without one."""

from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, PageHinkley

from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.monitor.batches import FARTHEST

Way = Literal["up", "down", "both"]
TOLERATED: Final = 0.5 / (2.0 * FARTHEST)
"""Half a scale: the shift of the mean score that Page–Hinkley lets pass."""
SPARE: Final = 3.0
"""Page–Hinkley's threshold is 1 + SPARE / D times what the highest of D days reached against the others."""
DELTAS: Final = (1e-2, 1e-4, 1e-6, 1e-9, 1e-12, 1e-16, 1e-24)
"""Of ADWIN, from jumpy to deaf; below the last it is not asked."""
RESAMPLES: Final = 200
SEED: Final = 0
ADWIN_RESAMPLES: Final = 25


@dataclass(frozen=True)
class Limits:
    """Page–Hinkley's threshold and ADWIN's delta; delta 0 where ADWIN would not keep quiet."""

    threshold: float
    delta: float

    def as_numbers(self) -> dict[str, float]:
        """Return both by name."""
        return asdict(self)


def page_hinkley(threshold: float, way: Way, known: FloatArray) -> PageHinkley:
    """Return a Page–Hinkley test that has the scores `known` behind it (Page 1954)."""
    made = PageHinkley(min_instances=1, delta=TOLERATED, threshold=np.inf, alpha=1.0, mode=way)
    for score in known:
        made.update(score)
    made.threshold = threshold
    return made


def adwin(delta: float, known: FloatArray) -> ADWIN:
    """Return an adaptive window that holds the scores `known` (Bifet and Gavaldà 2007)."""
    made = ADWIN(delta=delta, clock=1)
    for score in known:
        made.update(score)
    return made


def reached(known: FloatArray, days: FloatArray, way: Way) -> FloatArray:
    """Return the highest value of Page–Hinkley's statistic in each of the days [D, N] after `known`: [D].

    A day of this length alarms, if it is below the threshold at its begin, exactly where this is above it.
    """
    paths = np.hstack([np.broadcast_to(known, (len(days), len(known))), days])
    mean = np.cumsum(paths, axis=1) / np.arange(1, paths.shape[1] + 1)
    up = np.cumsum(paths - mean - TOLERATED, axis=1)
    down = np.cumsum(paths - mean + TOLERATED, axis=1)
    rise = up - np.minimum.accumulate(np.minimum(up, 1.0), axis=1)
    fall = np.maximum.accumulate(np.maximum(down, -1.0), axis=1) - down
    statistic = {"up": rise, "down": fall, "both": np.maximum(rise, fall)}[way]
    found: FloatArray = statistic[:, len(known) :].max(axis=1)
    return found


def limits(scores: FloatArray, day: NDArray[np.int64], way: Way, false_alarms_a_day: float) -> Limits:
    """Return the limits that keep quiet on days like those that were learned from.

    Page–Hinkley's lies where it would have alarmed on `false_alarms_a_day` of resampled days (stationary
    bootstrap, blocks of half a day), and 1 + `SPARE` / D times beyond what any of D days reached against the
    others: D + 1 days like each other have a chance of 1 / (D + 1) that the last one is the highest. ADWIN's
    delta is one step below the largest at which neither kind of day alarms.

    Parameters
    ----------
    scores : [T] of the batches of one stream.
    day : [T] number of the day of each.
    way : in which a change is bad.
    """
    numbers = np.unique(day)
    length = max(len(scores) // len(numbers), 1)
    places = stationary_indices(len(scores), max(length / 2.0, 1.0), RESAMPLES, SEED)[:, :length]
    drawn = scores[places]
    own = [(scores[day != number], scores[day == number]) for number in numbers if len(numbers) > 1]
    highest = max((float(reached(rest, one[None, :], way)[0]) for rest, one in own if len(rest)), default=0.0)
    threshold = float(np.quantile(reached(scores, drawn, way), 1.0 - false_alarms_a_day))
    quiet = [(scores, each) for each in drawn[:ADWIN_RESAMPLES]] + own
    deaf = next(
        (k for k, delta in enumerate(DELTAS) if not any(_alarms(delta, *x) for x in quiet)), len(DELTAS)
    )
    beyond = (1.0 + SPARE / len(numbers)) * highest
    return Limits(max(threshold, beyond), DELTAS[deaf + 1] if deaf + 1 < len(DELTAS) else 0.0)


def _alarms(delta: float, known: FloatArray, day: FloatArray) -> bool:
    made = adwin(delta, known)
    for score in day:
        made.update(score)
        if made.drift_detected:
            return True
    return False
