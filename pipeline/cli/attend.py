"""`hedge halt`, `resume`, `adopt`, `status` and `dashboard`: people and a live desk."""

import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import HomePath, Json
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home

if TYPE_CHECKING:
    from pipeline.live.watch.found import Found
    from pipeline.live.watch.story import About

NOT_ACTIVE = 5
Desk = Annotated[str, typer.Argument(help="A desk that has gone live: its name, or the path of its file.")]
JournalName = Annotated[
    str | None,
    typer.Option("--journal", help="Which of the desk's journals below data/live, where it has several."),
]
Person = Annotated[str | None, typer.Option(help="Who decides, for the audit; else the login name.")]


def halt(
    desk: Desk,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "no reason given",
    person: Person = None,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Send nothing more and cancel what works, until a person resumes; a desk at rest starts halted."""
    _ask("halt", desk, reason, person, journal, home)


def resume(
    desk: Desk,
    reason: Annotated[str, typer.Option(help="Why it may trade again, for the audit.")],
    person: Person = None,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Let a desk trade again that has halted or only reduces."""
    _ask("resume", desk, reason, person, journal, home)


def adopt(
    desk: Desk,
    price: Annotated[float, typer.Option(help="Money a unit at which the units are booked.")],
    reason: Annotated[str, typer.Option(help="Where they come from, for the audit.")],
    instrument: Annotated[
        str | None, typer.Option(help="Whose position, where those of several differ.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(help="At which venue, own or other, where a routed desk's differ at both.")
    ] = None,
    person: Person = None,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Book what the gateway holds and the journal lacks, at a start that halted; the desk must not run."""
    found = found_desk(desk, journal, home)
    booked = found.adopt(price, getpass.getuser() if person is None else person, reason, instrument, venue)
    print(f"booked at {price:g}: {booked}\nstart the desk, which compares again, and resume it")


def status(desk: Desk, journal: JournalName = None, home: HomePath = None, as_json: Json = False) -> None:
    """Say how a live desk stands; exit code 5 where it has halted or only reduces."""
    from pipeline.live.watch.status_text import status_for_terminal

    found = _status(found_desk(desk, journal, home), home)
    print(json.dumps(found, indent=2) if as_json else status_for_terminal(found))
    if found["risk"]["state"] != "active":
        raise typer.Exit(NOT_ACTIVE)


def dashboard(
    desk: Desk,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For a desk that does not run.")] = 8050,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Say where a running desk shows itself, or serve what the journal of one that does not run knows."""
    found = found_desk(desk, journal, home)
    if found.process is None:
        _serve_at_rest(desk, found, port, home)
    elif found.url is None:
        raise SettingsError(
            f"desk {found.desk} runs as process {found.process} and has not said where it answers"
        )
    else:
        print(f"{found.url} (desk {found.desk} runs)")


def _status(found: "Found", home: Path | None) -> dict[str, Any]:
    """Return how a desk stands: as it says itself, or as the journal of one that does not answer knows."""
    from pipeline.live.watch.story import About, Story
    from pipeline.live.watch.token import told_secret

    process, url = found.process, found.url
    if url is not None:
        told = found.status(told_secret(os.environ, token_place(home)) or "")
    else:
        with found.read() as known:
            told = Story(About(found.desk), known).status()
    where = {"running": process is not None, "process": process, "url": url}
    return {**told, **where, "journal": found.place}


def _serve_at_rest(desk: str, found: "Found", port: int, home: Path | None) -> None:
    from pipeline.live.watch.page_server import Serving, app_at_rest
    from pipeline.live.watch.server import Bind, listening, server_of, url_of
    from pipeline.live.watch.story import Story
    from pipeline.live.watch.token import Token

    place = token_place(home)
    serving = Serving(Bind(port=port), Token(secret_of(place, make=True)))
    with found.read() as known, listening(serving.bind) as listener:
        app = app_at_rest(Story(_about(desk, found.desk), known), found.desk, found.folder, serving)
        print(f"{url_of(listener)} (desk {found.desk} does not run: what its journal knows; Ctrl-C ends it)")
        server_of(app).run([listener])


def _about(desk: str, name: str) -> "About":
    """Return what a desk file says of itself; where there is none, the name alone."""
    from pipeline.domain.desk_file import load_any
    from pipeline.domain.intraday_desk import IntradayDesk
    from pipeline.live.watch.story import About

    try:
        settings = load_any(desk)
    except SettingsError:
        return About(name)
    return About.of(settings) if isinstance(settings, IntradayDesk) else About(name)


def _ask(
    wish: str, desk: str, reason: str, person: str | None, journal: str | None, home: Path | None
) -> None:
    from pipeline.live.watch.request import Request, Wish
    from pipeline.live.watch.token import told_secret

    found = found_desk(desk, journal, home)
    wished = Request(Wish(wish), getpass.getuser() if person is None else person, reason)
    risk = found.ask(wished, lambda: told_secret(os.environ, token_place(home)))
    print(f"desk {found.desk} is {risk['state']} ({risk['who']}: {risk['why']})")


def found_desk(desk: str, journal: str | None, home: Path | None) -> "Found":
    """Return the journal of a desk that has gone live."""
    from pipeline.live.watch.found import found_journal

    return found_journal(Home.find(home).data / "live", desk, _name_of, journal)


def _name_of(desk: str) -> str:
    from pipeline.domain.desk_file import load_any

    return load_any(desk).name


def token_place(home: Path | None) -> Path:
    """Return the file of the token where neither `HEDGE_TOKEN` nor `HEDGE_TOKEN_FILE` names one."""
    return Home.find(home).data / "live" / "token"


def secret_of(place: Path, make: bool) -> str:
    """Return the secret that is told, or a new one of a private file; else an error says how to give one."""
    from pipeline.live.watch.token import VARIABLE, made_secret, told_secret

    told = told_secret(os.environ, place)
    os.environ.pop(VARIABLE, None)  # no process that is started from here needs it
    if told is None and not make:
        raise SettingsError(
            "beyond loopback a token of your own is needed: set HEDGE_TOKEN or HEDGE_TOKEN_FILE"
        )
    return made_secret(place) if told is None else told
