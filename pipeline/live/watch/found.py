"""A desk found by its journals, whether it runs or not, and spoken to either way."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pipeline.domain.errors import JournalError, RiskError, SettingsError, StoreError
from pipeline.ingest.file_lock import lock_holder
from pipeline.live.journal import Journal
from pipeline.live.journal_place import JOURNAL, journals_of, told_place
from pipeline.live.recovery import Difference
from pipeline.live.watch.address import address
from pipeline.live.watch.adoption import adopt
from pipeline.live.watch.request import Request as Wished
from pipeline.live.watch.request import turn, written_down

Told = dict[str, Any]

PATIENCE: Final = 8.0
"""Seconds that a running desk has for its answer, and one that starts until it answers."""
LOOK: Final = 0.1
"""Seconds between two looks whether it does."""


@dataclass(frozen=True)
class Found:
    """One journal of a desk, in `folder`."""

    desk: str
    folder: Path

    @property
    def process(self) -> str | None:
        """The number of the process that writes the journal; None where the desk does not run."""
        return lock_holder(self.folder / f"{JOURNAL}.lock")

    @property
    def url(self) -> str | None:
        """Where the running desk answers; None where it does not run or has not said so."""
        return address(self.folder) if self.process else None

    @property
    def place(self) -> str:
        """Where the journal is kept, as people are told it."""
        return told_place(self.folder / JOURNAL)

    def read(self) -> Journal:
        """Return the journal, opened to be read."""
        return Journal(self.folder / JOURNAL, self.desk, now=0, writing=False)

    def status(self, secret: str = "") -> Told:  # nosec B107 # none
        """Return how a running desk says that it stands.

        Parameters
        ----------
        secret : the token, which one needs that is served beyond loopback.

        Raises
        ------
        JournalError
            It does not answer.
        SettingsError
            It is not the token.
        """
        return self._answer("status", secret=secret)

    def ask(self, wished: Wished, secret: Callable[[], str | None]) -> Told:
        """Halt or resume it, and return the risk state: through its server, or in the journal of one at rest.

        Parameters
        ----------
        wished : by a person.
        secret : tells the token; it is asked for where the desk runs.

        Raises
        ------
        JournalError
            It cannot be done; the message says what to do.
        RiskError
            The desk does not take it.
        SettingsError
            There is no token.
        """
        if self.process is None:
            return turn(written_down(self.desk, self.folder / JOURNAL, wished))
        known = secret()
        if known is None:
            raise SettingsError(
                f"desk {self.desk} runs, and no token is known: set HEDGE_TOKEN or HEDGE_TOKEN_FILE"
            )
        if not self._up():
            return turn(written_down(self.desk, self.folder / JOURNAL, wished))
        body = {"person": wished.person, "reason": wished.reason}
        risk: Told = self._answer(wished.wish.value, json.dumps(body).encode(), known)["risk"]
        return risk

    def adopt(
        self,
        price: float,
        person: str,
        reason: str,
        instrument: str | None = None,
        venue: str | None = None,
    ) -> Difference:
        """Adopt a position, see `adoption.adopt`, as the one writer of the journal of a desk at rest."""
        now = time.time_ns()
        with Journal(self.folder / JOURNAL, self.desk, now=now) as journal:
            return adopt(journal, price, person, reason, now, instrument, venue)

    def _up(self) -> bool:
        """Tell whether it still runs; one that is starting is given a while to say where it answers."""
        until = time.monotonic() + PATIENCE
        while self.process and self.url is None and time.monotonic() < until:
            time.sleep(LOOK)
        return self.process is not None

    def _answer(self, what: str, body: bytes | None = None, secret: str = "") -> Told:  # nosec B107 # none
        headers = {"Content-Type": "application/json"}
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        url = self.url
        try:
            if url is None:
                raise URLError("it has not said where it answers")
            asked = Request(f"{url}/{what}", body, headers)
            with build_opener(ProxyHandler({})).open(asked, timeout=PATIENCE) as answer:
                found: Told = json.load(answer)
                return found
        except HTTPError as error:
            with error:
                raise _refused(self.desk, error) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            where = "" if url is None else f" at {url}"
            raise JournalError(
                f"desk {self.desk} runs as process {self.process} and does not answer{where} ({reason}): "
                "end that process, then ask again, and it is written into its journal"
            ) from None


def _refused(desk: str, error: HTTPError) -> Exception:
    if error.code == 401:
        return SettingsError(f"desk {desk}: the token is not that of the running desk")
    try:
        said = str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        said = f"it answers {error.code}"
    return RiskError(said) if error.code == 409 else JournalError(f"desk {desk}: {said}")


def _named(desk: str, name: Callable[[str], str], gone_live: Sequence[str]) -> str:
    """Return the name of a desk file; where it cannot be read a desk is known by its name all the same."""
    try:
        return name(desk)
    except SettingsError as error:
        known = f" (gone live have {', '.join(gone_live)}: give a name)" if gone_live else ""
        raise SettingsError(f"{error}{known}") from None


def found_journal(live: Path, desk: str, name: Callable[[str], str], journal: str | None) -> Found:
    """Return the journal of a desk: the only one, the only one that is written just now, or the one named.

    Parameters
    ----------
    live : folder of all live desks.
    desk : its name, as its folder below `live`, or a desk file.
    name : tells the name of a desk file.
    journal : name of the journal's folder; None where one is meant.

    Raises
    ------
    StoreError
        There is none, or there are several; the message names them.
    """
    gone_live = sorted(each.name for each in live.glob("*/"))
    known = desk if desk in gone_live else _named(desk, name, gone_live)
    folders = {each.parent.name: each.parent for each in journals_of(live / known)}
    if not folders:
        raise StoreError(f"desk {known} has not gone live: no journal below {live / known}")
    if journal is not None and journal not in folders:
        raise StoreError(f"--journal {journal}: desk {known} has {', '.join(folders)}")
    chosen = [Found(known, each) for folder, each in folders.items() if journal in (None, folder)]
    running = [each for each in chosen if each.process]
    if len(chosen) > 1 and len(running) != 1:
        what = "several that run" if running else "several journals, none of which runs"
        named = ", ".join(each.folder.name for each in running or chosen)
        raise StoreError(f"desk {known} has {what}: name one with --journal: {named}")
    return running[0] if len(chosen) > 1 else chosen[0]
