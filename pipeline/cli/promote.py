"""`hedge promote` and `hedge rollback`: who is the champion of a desk, changed by a person with a reason."""

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Desk, HomePath
from pipeline.domain.desk_file import load_any
from pipeline.domain.home import Home

if TYPE_CHECKING:
    from pipeline.tracking.promotion import Change

Reason = Annotated[str, typer.Option(help="Why; it is written down.")]


def promote(
    desk: Desk,
    reason: Reason,
    model: Annotated[
        str | None, typer.Option(help="One of them alone, as regime_switched; else all challengers.")
    ] = None,
    home: HomePath = None,
) -> None:
    """Let the challengers of a desk take over; a live desk decides with them at its next decision."""
    from pipeline.tracking.promotion import promote_challengers

    name = load_any(desk).name
    _print(promote_challengers(Home.find(home).mlruns, name, getpass.getuser(), reason, model))


def rollback(desk: Desk, reason: Reason, home: HomePath = None) -> None:
    """Take back the last change of a desk's champions; a live desk follows at its next decision."""
    from pipeline.tracking.promotion import roll_back

    _print(roll_back(Home.find(home).mlruns, load_any(desk).name, getpass.getuser(), reason))


def _print(changes: "Sequence[Change]") -> None:
    for each in changes:
        print(f"{each.model:<40} champion {each.before or 'none'} → {each.after}")
