"""Interleaved timing: rivals take turns, so that a busy minute of the machine hits them alike."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

Clocked = Callable[[], float]
"""Does its work once and returns the seconds that it took."""


@dataclass(frozen=True)
class Timing:
    """Seconds of every round.

    Examples
    --------
    >>> Timing((0.3, 0.1, 0.2)).spread()
    {'min': 0.1, 'median': 0.2, 'max': 0.3}
    """

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least: what the work takes when nothing else wants the machine."""
        return min(self.seconds)

    def spread(self) -> dict[str, float]:
        """Return the least, the median and the most."""
        return {"min": self.best, "median": statistics.median(self.seconds), "max": max(self.seconds)}


def clocked(work: Callable[[], object]) -> Clocked:
    """Return `work` as something that tells how long it took."""

    def run() -> float:
        started = perf_counter()
        work()
        return perf_counter() - started

    return run


def interleaved(rivals: Mapping[str, Clocked], rounds: int = 9, warm_up: int = 1) -> dict[str, Timing]:
    """Time the rivals in turns; every other round goes through them backwards.

    Parameters
    ----------
    rivals : what to time; one in another process tells the seconds that it measured there.
    rounds : rounds that count.
    warm_up : rounds before them that do not: compilation, caches, first pages of memory.

    Examples
    --------
    >>> interleaved({"a": lambda: 2.0, "b": lambda: 1.0}, rounds=3)["b"].best
    1.0
    """
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(warm_up + rounds):
        names = list(rivals) if number % 2 == 0 else list(reversed(rivals))
        for name in names:
            seconds = rivals[name]()
            if number >= warm_up:
                found[name].append(seconds)
    return {name: Timing(tuple(seconds)) for name, seconds in found.items()}
