"""`hedge promote` and `hedge rollback`: who is the champion of a desk, changed by a person with a reason."""

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Desk, HomePath
from pipeline.domain.desk_file import AnyDesk, hedged, load_any
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home

if TYPE_CHECKING:
    from pipeline.monitor.contest import Contest
    from pipeline.tracking.promotion import Change

Reason = Annotated[str, typer.Option(help="Why; it is written down.")]


def promote(
    desk: Desk,
    reason: Reason,
    model: Annotated[
        str | None, typer.Option(help="One of them alone, as regime_switched; else all challengers.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Though the criteria do not hold.")] = False,
    home: HomePath = None,
) -> None:
    """Let the challengers of a desk take over if they have won; a live desk follows at its next decision."""
    from pipeline.tracking.promotion import promote_challengers

    place, settings = Home.find(home), load_any(desk)
    came = _contest(settings, desk, place)
    if came.failed and not anyway:
        raise SettingsError(f"not promoted: {'; '.join(came.failed)} (--anyway promotes all the same)")
    evidence = {**asdict(came), "anyway": anyway}
    _print(promote_challengers(place.mlruns, settings.name, getpass.getuser(), reason, model, evidence))


def _contest(settings: AnyDesk, desk: str, place: Home) -> "Contest":
    """Judge the challengers of a desk by what `hedge live` has written down of them."""
    from pipeline.monitor.contest import compared, contest
    from pipeline.monitor.shadow import FILE
    from pipeline.tracking.champions import load_champions
    from pipeline.tracking.model_source import challengers_of, version_of

    champions = load_champions(place.mlruns, settings.name, desk)
    challengers = challengers_of(place.mlruns, settings.name, desk)
    if challengers is None:
        raise StoreError(f"desk {settings.name} has no challenger: the retrain flow registers them")
    file = place.data / "live" / settings.name / FILE
    return contest(compared(file, version_of(champions), version_of(challengers)), hedged(settings).risk)


def rollback(desk: Desk, reason: Reason, home: HomePath = None) -> None:
    """Take back the last change of a desk's champions; a live desk follows at its next decision."""
    from pipeline.tracking.promotion import roll_back

    _print(roll_back(Home.find(home).mlruns, load_any(desk).name, getpass.getuser(), reason))


def _print(changes: "Sequence[Change]") -> None:
    for each in changes:
        print(f"{each.model:<40} champion {each.before or 'none'} → {each.after or 'none'}")
