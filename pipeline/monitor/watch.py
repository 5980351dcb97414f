"""All monitors of a desk: made from what was saved with its champion."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.monitor.alarm import Alarm, Monitor, Observed, Severity
from pipeline.monitor.concept_drift import StreamReference, StreamsWatch
from pipeline.monitor.data_drift import DataDrift
from pipeline.monitor.health import Health
from pipeline.monitor.hedging_error import HedgingErrors
from pipeline.monitor.likelihood import OneStep
from pipeline.monitor.reference import Reference, watched_horizons
from pipeline.monitor.streams import Streams
from pipeline.regimes.base import Detector
from pipeline.regimes.gaussian import GaussianDetector

log = logging.getLogger(__name__)


class Concept:
    """Watches what decisions make known, as streams, against what it was in training."""

    def __init__(
        self,
        name: str,
        step: Callable[[Observed], Mapping[str, float]],
        references: Mapping[str, StreamReference],
    ) -> None:
        self.name, self._step, self._watched = name, step, StreamsWatch(name, references)

    def watch(self, seen: Observed) -> Sequence[Alarm]:
        """Take in the next decision; see `Monitor`."""
        return self._watched.take(seen.at, seen.day, self._step(seen))

    def state(self) -> Mapping[str, float]:
        """Return the rank of the last batch by stream."""
        return self._watched.state()


def monitors(desk: IntradayDesk, reference: Reference | None, detector: Detector) -> list[Monitor]:
    """Return the monitors of a desk: `data`, `concept`, `pnl` and `health`; without a reference the last."""
    health = Health(desk.grid.every_seconds or math.inf, desk.grid.stale_after_seconds)
    if reference is None or not isinstance(detector, GaussianDetector):
        return [health]
    streams = Streams(watched_horizons(desk), OneStep(detector))
    return [
        DataDrift(reference.data, reference.a_day),
        Concept("concept", streams.step, reference.concept),
        Concept("pnl", HedgingErrors(desk).step, reference.pnl),
        health,
    ]


class Watch:
    """Shows every decision to all monitors; one that fails is left out from then on, and that is an alarm."""

    def __init__(self, watching: Sequence[Monitor]) -> None:
        self._watching = list(watching)

    def watch(self, seen: Observed) -> list[Alarm]:
        """Return what any of them has to say of the next decision."""
        found: list[Alarm] = []
        for monitor in tuple(self._watching):
            try:
                found += monitor.watch(seen)
            except Exception as error:  # a monitor must never end the loop
                log.exception("monitor %s", monitor.name)
                self._watching.remove(monitor)
                said = (
                    f"monitor {monitor.name} has failed and watches no more ({type(error).__name__}: {error})"
                )
                found.append(Alarm("watch", monitor.name, Severity.WARNING, said, seen.at, {}))
        return found

    def state(self) -> dict[tuple[str, str], float]:
        """Return what is measured now, by monitor and feature."""
        return {
            (monitor.name, feature): value
            for monitor in self._watching
            for feature, value in monitor.state().items()
        }
