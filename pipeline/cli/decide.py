"""`hedge decide`: the champions' orders for the newest session."""

import sys
from datetime import datetime
from datetime import time as clock_time
from typing import Annotated

import typer

from pipeline.cli.options import DataFolder, Desk, Force, HomePath, Json
from pipeline.cli.running import prepared, run_flow
from pipeline.domain.errors import SettingsError

STALE = 3


def decide(
    desk: Desk,
    position: Annotated[
        float | None,
        typer.Option(
            help="Units of the hedge instrument held now, one a unit of the underlying; else what the desk's "
            "decision.position_file says, else none."
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="call, put or straddle; else the desk's own.")] = None,
    strike: Annotated[float | None, typer.Option(help="In the data's money; else the desk's own.")] = None,
    expiry: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="A session, or within the day a time of the desk's zone; else the desk's own life.",
        ),
    ] = None,
    quantity: Annotated[
        float | None, typer.Option(help="Options, each on one unit of the underlying; negative is sold.")
    ] = None,
    opened: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="When it was dealt; else the newest session."),
    ] = None,
    allow_stale: Annotated[
        bool, typer.Option("--allow-stale", help="Exit with 0 although newer sessions are missing.")
    ] = False,
    home: HomePath = None,
    force: Force = False,
    as_json: Json = False,
    data: DataFolder = None,
) -> None:
    """Say what each hedger does now, from the champion models of the last run; exit code 3 on stale data."""
    if kind not in (None, "call", "put", "straddle"):
        raise SettingsError(f"--kind is {kind}: give call, put or straddle")
    place = prepared(desk, home, data)
    option = {
        "kind": kind,
        "strike": strike,
        "quantity": quantity,
        "expiry": expiry and (expiry if expiry.time() != clock_time(0) else expiry.date()),
        "opened": opened and opened.date(),
    }
    made, file = run_flow("daily_decision", desk, place, force, position=position, allow_stale=True, **option)

    from rich.console import Console

    from pipeline.live.decision_log import decision_as_json
    from pipeline.live.decision_text import decision_for_terminal

    if as_json:
        print(decision_as_json(made), end="")
    else:
        Console(width=100, highlight=False).print(decision_for_terminal(made))
        print(f"written to {file}")
    if made.stale and not allow_stale:
        print(f"hedge: {made.warnings[0]}; --allow-stale accepts it", file=sys.stderr)
        raise typer.Exit(STALE)
