"""Champion and challenger judged: by what a live desk wrote down, or on the sessions of a daily one."""

from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, hedged
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.monitor.contest import Contest
    from pipeline.monitor.daily_contest import Models
    from pipeline.tracking.champions import Champions

UNJUDGED = (
    "no hedging on paper is written down of {model}, which learned: the report of its run compares it with "
    "the other hedgers on the tested days"
)


def contest_of(settings: AnyDesk, desk: str, home: Path | None, model: str | None = None) -> "Contest":
    """Judge the challengers of a desk, or that of one model by its own evidence; `desk` is its user's name.

    Raises
    ------
    StoreError
        It has none.
    """
    from pipeline.monitor.contest import BLOCK, Contest, compared, contest
    from pipeline.monitor.shadow import FILE
    from pipeline.policies.live_choice import named_live
    from pipeline.policies.saved_network import LEARNED
    from pipeline.tracking.champions import load_champions
    from pipeline.tracking.model_source import challengers_of, version_of

    place = Home.find(home)
    if model in LEARNED:
        return Contest(0, nan, nan, (nan, nan), (UNJUDGED.format(model=model),))
    champions = load_champions(place.mlruns, settings.name, desk)
    challengers = challengers_of(place.mlruns, settings.name, desk, model)
    if challengers is None:
        raise StoreError(f"desk {settings.name} has no challenger: the retrain flow registers them")
    if isinstance(settings, Desk):
        overlapping = 2.0 * settings.option.sessions / settings.option.start_every
        pairs = _of_sessions(settings, desk, home, champions, challengers)
        return contest(pairs, settings.risk, max(BLOCK, overlapping))
    lines = [version_of(each) for each in (champions, challengers)]
    if isinstance(settings, IntradayDesk):
        lines = [named_live(settings, each) for each in lines]
    file = place.data / "live" / settings.name / FILE
    return contest(compared(file, *lines), hedged(settings).risk)


def _of_sessions(
    settings: Desk, desk: str, home: Path | None, champions: "Champions", challengers: "Champions"
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
    return daily_pairs(settings, _models(champions, desk), _models(challengers, desk), close, features)


def _models(champions: "Champions", desk: str) -> "Models":
    from pipeline.backtest.stream import FittedSignals
    from pipeline.monitor.daily_contest import Models
    from pipeline.tracking.decide import NO_FLAGSHIP

    if not isinstance(champions.signals, FittedSignals) or champions.flagship is None:
        raise StoreError(f"{desk}: {NO_FLAGSHIP}, then hedge run {desk}")
    return Models(champions.signals, champions.flagship)
