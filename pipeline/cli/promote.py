"""`hedge promote` and `hedge rollback`: who is the champion of a desk, changed by a person with a reason."""

import getpass
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipeline.cli.contests import contest_of
from pipeline.cli.monitored import API, named_server
from pipeline.cli.options import Desk as Named
from pipeline.cli.options import HomePath
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk

if TYPE_CHECKING:
    from pipeline.monitor.contest import Contest
    from pipeline.tracking.promotion import Change

PROMOTE: Final = "promote-"
"""How requests for a promotion begin."""


def _told(reason: str) -> str:
    if not reason.strip():
        raise SettingsError("--reason: say why; it is written down")
    return reason


Reason = Annotated[str, typer.Option(help="Why; it is written down.", callback=_told)]


def promote(
    desk: Named,
    reason: Reason,
    model: Annotated[
        str | None, typer.Option(help="One of them alone, as regime_switched; else all challengers.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Though the criteria do not hold.")] = False,
    home: HomePath = None,
) -> None:
    """Let the challengers of a desk take over if they have won; a live desk follows at its next decision.

    Where the desk file says `[promotion] approval = true` it waits until a person has approved it. First
    models, and a hedger that the desk file names anew, challenge nobody: they have nothing to win.
    """
    from pipeline.policies.live_choice import followed
    from pipeline.tracking.champions import unchallenged
    from pipeline.tracking.promotion import challengers, promote_challengers

    place, settings, who = Home.find(home), load_any(desk), getpass.getuser()
    hedger = followed(settings)
    meant = challengers(place.mlruns, settings.name, model, hedger)
    models = {name.rpartition(".")[2] for name in meant}
    first = unchallenged(place.mlruns, settings.name, models, hedger)
    came = None if first else contest_of(settings, desk, home, model)
    if came and came.failed and not anyway:
        raise SettingsError(f"not promoted: {'; '.join(came.failed)} (--anyway promotes all the same)")
    evidence: dict[str, Any] = {"first": first} if came is None else {**asdict(came), "anyway": anyway}
    if isinstance(settings, Desk | IntradayDesk) and settings.promotion.approval:
        evidence["approved"] = _approved(settings, _question(meant, came, who, reason))
    _print(promote_challengers(place.mlruns, settings.name, who, reason, model, evidence, meant, hedger))
    if file := settings.policies.networks.get(model or ""):
        _say(f"policies.networks names {file} for {model}: the desk hedges with that until it names none")


def _question(meant: Mapping[str, str], came: "Contest | None", who: str, reason: str) -> str:
    """Return what a person is asked, in words."""
    models = ", ".join(f"{name} {version}" for name, version in meant.items())
    if came is None:
        judged = "nobody decides in their place yet, so nothing was compared"
    else:
        won = f"they have won: {came.options} options, risk falls by {came.saved:.4g}"
        judged = "; ".join(came.failed) or won
    return f"promote {models} ({who}: {reason}). {judged[0].upper()}{judged[1:]}"


def _approved(settings: Desk | IntradayDesk, question: str) -> dict[str, str]:
    """Return who has approved a promotion, and why."""
    server, told = named_server(), settings.promotion
    if server is None:
        raise SettingsError(
            f"promotion.approval: a person has to approve it in Prefect: set {API} to the API of the server "
            "that hedge up has printed"
        )
    from flows.promoting import Promotion, approved

    request = f"{PROMOTE}{settings.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    asked = Promotion(request, question)
    answer = approved(server, settings.name, asked, told.deadline_seconds, _say)
    return {"person": answer.person, "reason": answer.reason}


def rollback(desk: Named, reason: Reason, home: HomePath = None) -> None:
    """Take back the last change of a desk's champions; a live desk follows at its next decision."""
    from pipeline.tracking.promotion import roll_back

    _print(roll_back(Home.find(home).mlruns, load_any(desk).name, getpass.getuser(), reason))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _print(changes: "Sequence[Change]") -> None:
    for each in changes:
        print(f"{each.model:<40} champion {each.before or 'none'} → {each.after or 'none'}")
