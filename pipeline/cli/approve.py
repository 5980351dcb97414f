"""`hedge approve`: what a live desk asks people, and their answer."""

import getpass
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.attend import Desk, JournalName, Person, found_desk
from pipeline.cli.monitored import API, named_server
from pipeline.cli.options import HomePath
from pipeline.cli.promote import PROMOTE
from pipeline.domain.errors import RiskError, SettingsError, StoreError

if TYPE_CHECKING:
    from pipeline.live.approvals import Answer


def approve(
    desk: Desk,
    request: Annotated[str | None, typer.Argument(help="Its id; else the one that is open.")] = None,
    yes: Annotated[bool, typer.Option("--approve", help="What is asked for may be done.")] = False,
    reduce: Annotated[float | None, typer.Option(help="So many units of it may be sent, unsigned.")] = None,
    no: Annotated[bool, typer.Option("--reject", help="It may not be done.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    person: Person = None,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Say what a desk asks, an order or a promotion, and answer it: the same as on its page in Prefect.

    An answer about an order counts at the next decision, if the market is still where it was; silence means
    no.
    """
    given, server = _answer(yes, reduce, no, reason, person), named_server()
    name, orders = _orders(desk, journal, home)
    asked = _promotions(server, name, alone=orders is None) | (orders or {})
    if given is None:
        _show(name, asked)
        return
    chosen = next(iter(asked), None) if request is None and len(asked) == 1 else request
    if chosen not in asked:
        raise RiskError(f"desk {name}: {_closed(request, list(asked))}")
    if server is None:
        raise SettingsError(f"set {API} to the API of the Prefect server that hedge up has printed")
    if given.quantity is not None and chosen not in (orders or {}):
        raise SettingsError("--reduce: a promotion is approved or rejected")
    from flows.questions import answer_for

    answer_for(server, chosen, given)
    follows = "acts on it at its next decision" if chosen in (orders or {}) else "has its answer"
    print(f"{given.verdict.value}: {chosen}; desk {name} {follows}")


def _orders(desk: str, journal: str | None, home: Path | None) -> tuple[str, dict[str, str] | None]:
    """Return the name of a desk and what it asks about orders; None where it has never gone live."""
    from pipeline.domain.desk_file import load_any
    from pipeline.live.permits import told_requests

    try:
        found = found_desk(desk, journal, home)
    except StoreError:
        if journal is not None or named_server() is None:
            raise
        return load_any(desk).name, None
    with found.read() as known:
        asked = told_requests(known.entries()).open
    if asked is None:
        return found.desk, {}
    until = f"{datetime.fromtimestamp(asked.deadline / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return found.desk, {asked.request: f"{asked.told}; until {until} on the desk's clock"}


def _promotions(server: str | None, desk: str, alone: bool) -> dict[str, str]:
    """Return the promotions that wait for a person; none, and the cause on stderr, where Prefect is away."""
    if server is None:
        return {}
    from flows.questions import waiting

    try:
        return waiting(server, desk, PROMOTE)
    except StoreError as error:
        if alone:
            raise
        print(f"promotions are not known: {error}", file=sys.stderr)
        return {}


def _answer(
    yes: bool, reduce: float | None, no: bool, reason: str | None, person: str | None
) -> "Answer | None":
    """Return what the options say; None where they say nothing.

    Raises
    ------
    SettingsError
        They contradict each other, or are no answer.
    """
    from pydantic import ValidationError

    from pipeline.live.approvals import Answer, Verdict

    said = {Verdict.APPROVE: yes, Verdict.REDUCE: reduce is not None, Verdict.REJECT: no}
    chosen = [verdict for verdict, each in said.items() if each]
    if not chosen:
        return None
    if len(chosen) > 1 or reason is None:
        raise SettingsError("give one of --approve, --reduce UNITS and --reject, and a --reason")
    told = {"person": getpass.getuser() if person is None else person, "reason": reason}
    try:
        return Answer(verdict=chosen[0], quantity=reduce, **told)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"--{'-'.join(map(str, first['loc']))}: {first['msg']}") from None


def _show(desk: str, asked: Mapping[str, str]) -> None:
    if not asked:
        print(f"desk {desk} asks nothing")
    for request, told in asked.items():
        print(f"{request}: {told}")


def _closed(request: str | None, asked: Sequence[str]) -> str:
    if request is None:
        return f"it asks {' and '.join(asked)}: name one" if asked else "it asks nothing"
    if asked:
        return f"request {request} is not open; {' and '.join(asked)} is"
    return f"request {request} is not open any more, or never was"
