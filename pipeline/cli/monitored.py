"""What watches a desk that goes live: monitors, and whom they tell."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.data_folder import located
from pipeline.domain.desk import shipped_desks
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.overlay_settings import OverlaySettings

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.live.control import Control
    from pipeline.live.learned import Learned
    from pipeline.live.session import Newer
    from pipeline.monitor.delivery import Delivery
    from pipeline.monitor.metrics import Metrics
    from pipeline.monitor.monitoring import Monitoring, Sink
    from pipeline.monitor.paper_pair import Challenger
    from pipeline.monitor.watch import Watch
    from pipeline.tracking.champions import Champions

API = "PREFECT_API_URL"
NOT_REACHED = (
    "Prefect at {server} does not answer ({why}): hedging goes on; until it does, nobody can be asked and no "
    "alarm starts a retrain"
)
NO_LIMITS = "no limits: no rule of [overlay] is set in {desk}: nothing but a broken market or number stops it"
NOT_WATCHED = "not watched for drift: the champion has nothing to compare with: hedge run {desk} learns it"


def named_server() -> str | None:
    """Return the Prefect server that the user names; a command's own private one is none, so ask first.

    Raises
    ------
    SettingsError
        What is named is no URL, or one with a secret.
    """
    server = os.environ.get(API) or None
    if server is not None and not server.startswith(("http://", "https://")):
        raise SettingsError(f"{API}: {server!r} is no URL: give it as http://127.0.0.1:4200/api")
    return located(server)


def monitoring(
    desk: IntradayDesk,
    named: str,
    champions: "Champions",
    place: Home,
    before: "pd.DataFrame",
    server: str | None,
) -> "tuple[list[Control], Monitoring, Metrics, Newer]":
    """Return who stands beside the loop, monitors, numbers for Prometheus, and who brings newer models.

    Parameters
    ----------
    desk, named, champions : settings, what the user calls the desk, and who decides.
    place : MLflow's runs lie there.
    before : the decision grid until the first decision.
    server : API of the Prefect server that alarms are told, see `named_server`.
    """
    from pipeline.live.session import Newer
    from pipeline.monitor.delivery import Delivery
    from pipeline.monitor.metrics import Metrics
    from pipeline.monitor.monitoring import Monitoring
    from pipeline.monitor.reference import watched_horizons
    from pipeline.monitor.shadow import FILE, Shadow
    from pipeline.tracking.live_day import LiveDay
    from pipeline.tracking.model_source import RegistrySource, learned_of

    champion = learned_of(champions, named)
    model = champion.model
    metrics, day = Metrics(desk.name, model), LiveDay(place.mlruns, desk.name, model)
    told = [Delivery("MLflow", day, _say, day.close), *_events(desk.name, server)]
    sinks: list[Sink] = [metrics, *told]
    going: list[AbstractContextManager[object]] = list(told)
    watching = Monitoring(_watch(desk, champions), watched_horizons(desk), sinks, going, model)
    source = RegistrySource(place.mlruns, desk.name, named, champions)

    def adopted(learned: "Learned") -> None:
        watching.adopt(_watch(desk, source.champions), learned.model)
        metrics.adopted(learned.model)
        day.adopted(learned.model)
        _say(f"from now on {learned.model} decides")

    beside: list[Control] = [watching, *_limits(desk, named)]
    told_of: list[Callable[[Learned], None]] = [adopted]
    challenging = _Challenging(desk, named, place, champions.hedger)
    file = place.data / "live" / desk.name / FILE
    shadow = Shadow(desk, champion, challenging, before, file, _say)
    beside.append(shadow)
    told_of.append(shadow.adopt)
    return beside, watching, metrics, Newer(source, told_of, _say)


def _limits(desk: IntradayDesk, named: str) -> "list[Control]":
    """Return who looks at the limits in a desk's file; nobody changes those of a shipped one."""
    from pipeline.live.limits_file import LimitsFile

    if not desk.overlay.limits:
        _say(NO_LIMITS.format(desk=named))
    if named in shipped_desks():
        return []
    return [LimitsFile(Path(named), lambda: _overlay_of(named), desk.overlay, _say)]


def _overlay_of(named: str) -> OverlaySettings:
    found = load_any(named)
    if not isinstance(found, IntradayDesk):
        raise SettingsError(f"{named}: is not of a desk within the day any more")
    return found.overlay


class _Challenging:
    """See `monitor.shadow.ChallengerSource`."""

    def __init__(self, desk: IntradayDesk, named: str, place: Home, hedger: str) -> None:
        from pipeline.tracking.model_source import ChallengerRegistry

        self._desk, self._named = desk, named
        self._registry = ChallengerRegistry(place.mlruns, desk.name, named, hedger)
        self.forget = self._registry.forget

    def newer(self) -> "Sequence[Callable[[], Challenger]] | None":
        found = self._registry.newer()
        return None if found is None else [partial(self._loaded, each) for each in found]

    def _loaded(self, load: "Callable[[], Champions]") -> "Challenger":
        from pipeline.monitor.paper_pair import Challenger
        from pipeline.tracking.model_source import learned_of

        found = load()
        return Challenger(learned_of(found, self._named), _watch(self._desk, found))


def _watch(desk: IntradayDesk, champions: "Champions") -> "Watch":
    from pipeline.monitor.watch import Watch, monitors

    if champions.monitors is None:
        _say(NOT_WATCHED.format(desk=desk.name))
    return Watch(monitors(desk, champions.monitors, champions.signals.detector))


def _events(desk: str, server: str | None) -> "list[Delivery]":
    if server is None:
        return []
    from flows.environment import silence_console

    silence_console()
    from flows.alarms import AlarmEvents
    from pipeline.monitor.delivery import Delivery

    events = AlarmEvents(desk, server)
    try:
        events.reach()
    except OSError as error:
        _say(NOT_REACHED.format(server=server, why=getattr(error, "reason", error)))
    return [Delivery("Prefect", events, _say)]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
