"""`hedge approve`: what a live desk asks people, and their answer."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.attend import Desk, JournalName, Person, found_desk
from pipeline.cli.monitored import API, named_server
from pipeline.cli.options import HomePath
from pipeline.domain.errors import RiskError, SettingsError

if TYPE_CHECKING:
    from pipeline.live.approvals import Answer
    from pipeline.live.permits import Requests


def approve(
    desk: Desk,
    request: Annotated[str | None, typer.Argument(help="Its id; else the one that is open.")] = None,
    yes: Annotated[bool, typer.Option("--approve", help="The order may be sent.")] = False,
    reduce: Annotated[float | None, typer.Option(help="So many units of it may be sent, unsigned.")] = None,
    no: Annotated[bool, typer.Option("--reject", help="It may not be sent.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit.")] = None,
    person: Person = None,
    journal: JournalName = None,
    home: HomePath = None,
) -> None:
    """Say what a live desk asks, and answer it: the same as on the page of its flow run in Prefect.

    An answer counts at the next decision, if the market is still where it was; silence means no.
    """
    from pipeline.live.permits import told_requests

    given = _answer(yes, reduce, no, reason, person)
    found = found_desk(desk, journal, home)
    with found.read() as known:
        entries = known.entries()
    requests = told_requests(entries)
    if given is None:
        _show(found.desk, requests)
        return
    open_one = None if requests.open is None else requests.open.request
    if open_one is None or request not in (None, open_one):
        raise RiskError(f"desk {found.desk}: {_closed(request, open_one)}")
    server = named_server()
    if server is None:
        raise SettingsError(f"set {API} to the API of the Prefect server that hedge up has printed")
    from flows.questions import answer_for

    answer_for(server, open_one, given)
    print(f"{given.verdict.value}: {open_one}; desk {found.desk} acts on it at its next decision")


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


def _show(desk: str, requests: "Requests") -> None:
    if requests.open is None:
        print(f"desk {desk} asks nothing")
        return
    asked = requests.open
    until = datetime.fromtimestamp(asked.deadline / 1e9, UTC)
    print(f"{asked.request}: {asked.told}; until {until:%Y-%m-%d %H:%M:%S} UTC on the desk's clock")


def _closed(request: str | None, open_one: str | None) -> str:
    if open_one is not None:
        return f"request {request} is not open; {open_one} is"
    return "it asks nothing" if request is None else f"request {request} is not open any more, or never was"
