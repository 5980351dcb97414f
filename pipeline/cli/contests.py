"""Champion and challenger judged: by what a live desk wrote down, or on the sessions of a daily one."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, hedged
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.monitor.contest import Contest
    from pipeline.monitor.daily_contest import Models
    from pipeline.tracking.champions import Champions


def contest_of(settings: AnyDesk, desk: str, home: Path | None, model: str | None = None) -> "Contest":
    """Judge the challengers of a desk, or that of one model by its own evidence; `desk` is its user's name.

    A network is held against that in whose place it would come, within the day against what hedges now.

    Raises
    ------
    StoreError
        It has none.
    """
    from pipeline.monitor.contest import BLOCK, compared, contest
    from pipeline.monitor.shadow import FILE
    from pipeline.policies.live_choice import named_live
    from pipeline.tracking.champions import load_champions
    from pipeline.tracking.model_source import challengers_of, version_of

    place = Home.find(home)
    with place.meant():
        hedger = _hedger(settings, place, model)
        champions = load_champions(place.mlruns, settings.name, desk, hedger=hedger)
        challengers = challengers_of(place.mlruns, settings.name, desk, model, hedger)
        if challengers is None:
            raise StoreError(f"desk {settings.name} has no challenger: the retrain flow registers them")
        if isinstance(settings, Desk):
            overlapping = 2.0 * settings.option.sessions / settings.option.start_every
            pairs = _of_sessions(settings, desk, home, champions, challengers, model or hedger)
            return contest(pairs, settings.risk, max(BLOCK, overlapping))
        lines = [named_live(settings, version_of(each), each.hedger) for each in (champions, challengers)]
        file = place.data / "live" / settings.name / FILE
        return contest(compared(file, *lines), hedged(settings).risk)


def _hedger(settings: AnyDesk, place: Home, model: str | None) -> str:
    """Return the policy whose champion gives the band: of a daily desk a network that is challenged."""
    from pipeline.policies.live_choice import followed
    from pipeline.policies.saved_network import LEARNED
    from pipeline.tracking.database import connect
    from pipeline.tracking.promotion import CHAMPION, aliased

    if isinstance(settings, Desk) and model in LEARNED and model not in settings.policies.networks:
        reigning = aliased(connect(place.mlruns), settings.name, CHAMPION)
        if f"{settings.name}.{model}" in reigning:
            return str(model)
    return followed(settings)


def _of_sessions(
    settings: Desk,
    desk: str,
    home: Path | None,
    champions: "Champions",
    challengers: "Champions",
    policy: str,
) -> "pd.DataFrame":
    """Hedge with both through the newest session of a daily desk's data."""
    from pipeline.cli.running import prepared, progress_shown
    from pipeline.monitor.daily_contest import daily_pairs

    root = str(prepared(desk, home, None).root)

    from flows.datasets import made, store_of
    from flows.works import works_of

    works = works_of(settings)
    with progress_shown():
        market = made(works.market(settings), root)
        matrix = made(works.matrix(settings, market), root)
    close, features = store_of(root).open(market)["bars"]["close"], store_of(root).open(matrix)["features"]
    ours, theirs = (_models(each, settings, desk, policy) for each in (champions, challengers))
    return daily_pairs(settings, ours, theirs, close, features)


def _models(champions: "Champions", settings: Desk, desk: str, policy: str) -> "Models":
    from pipeline.backtest.stream import FittedSignals
    from pipeline.monitor.daily_contest import Models
    from pipeline.tracking.decide import NO_FLAGSHIP
    from pipeline.tracking.model_source import band_of

    hedger, seen = band_of(champions, settings, policy)
    if not isinstance(champions.signals, FittedSignals) or hedger is None:
        raise StoreError(f"{desk}: {NO_FLAGSHIP}, then hedge run {desk}")
    return Models(champions.signals, hedger, seen)
