"""What watches a desk that goes live: monitors, and whom they tell."""

import os
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    from pipeline.monitor.delivery import Delivery
    from pipeline.monitor.metrics import Metrics
    from pipeline.monitor.monitoring import Monitoring, Sink
    from pipeline.tracking.champions import Champions

API = "PREFECT_API_URL"
NOT_WATCHED = "not watched for drift: the champion has nothing to compare with: hedge run {desk} learns it"


def named_server() -> str | None:
    """Return the Prefect server that the user names; a command's own private one is none, so ask first."""
    return os.environ.get(API)


def monitoring(
    desk: IntradayDesk, champions: "Champions", place: Home, server: str | None
) -> "tuple[Monitoring, Metrics]":
    """Return the monitors of a desk, and its numbers for Prometheus.

    Parameters
    ----------
    desk, champions : settings, and who decides.
    place : MLflow's runs lie there.
    server : API of the Prefect server that alarms are told, see `named_server`.
    """
    from pipeline.monitor.delivery import Delivery
    from pipeline.monitor.metrics import Metrics
    from pipeline.monitor.monitoring import Monitoring
    from pipeline.monitor.reference import watched_horizons
    from pipeline.monitor.watch import Watch, monitors
    from pipeline.tracking.live_day import LiveDay

    model = ", ".join(f"{card.name} {card.version}" for card in champions.cards)
    metrics, day = Metrics(desk.name, model), LiveDay(place.mlruns, desk.name, model)
    told = [Delivery("MLflow", day, _say, day.close), *_events(desk.name, server)]
    if champions.monitors is None:
        _say(NOT_WATCHED.format(desk=desk.name))
    watch = Watch(monitors(desk, champions.monitors, champions.signals.detector))
    sinks: list[Sink] = [metrics, *told]
    going: list[AbstractContextManager[object]] = list(told)
    return Monitoring(watch, watched_horizons(desk), sinks, going, model), metrics


def _events(desk: str, server: str | None) -> "list[Delivery]":
    if server is None:
        return []
    from flows.alarms import AlarmEvents
    from pipeline.monitor.delivery import Delivery

    return [Delivery("Prefect", AlarmEvents(desk, server), _say)]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
