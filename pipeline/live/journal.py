"""What a live desk writes down before it acts: orders, reports, the risk state and the audit."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from pipeline.domain.errors import JournalError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.grounds import Grounds
from pipeline.live.halt_file import put_by, put_by_in, settled
from pipeline.live.journal_database import JournalDatabase, check_header
from pipeline.live.journal_schema import AUDIT, INTENTS, REPORTS, RISK
from pipeline.risk.state import ACTIVE, Latch, RiskState


class Entry(NamedTuple):
    """One line of the audit: when (ns since 1970 UTC), who did what, why, on which inputs, by which model.

    In the journal a number that is none is None.
    """

    at: int
    who: str
    what: str
    why: str
    inputs: Mapping[str, Any]
    model: str = ""


class Journal:
    """One desk's journal: a row has survived the death of the process once the call that wrote it returns.

    SQLite in WAL mode by path, or a database by URL (`postgresql+psycopg://…`), which a file beside the path
    may name (`journal_place`). Rows are only added, and the database itself refuses to change or remove one.
    One process writes, others may read meanwhile. Ahead of SQLite is a log that `checkpoint` folds in, never
    a write: call it where nobody waits.

    Parameters
    ----------
    where : a path, made if it is not there, or an SQLAlchemy URL. By path the lock of its writer lies there.
    desk : whose journal it is.
    now : nanoseconds since 1970 UTC, when a new one was made.
    full : SQLite waits for the disk at every row and survives the loss of power too. Without, the last rows
        before it may be missing: recovery asks the gateway.
    writing : False reads.

    Attributes
    ----------
    decide : writes down the order of a decision, by its id, empty for none, and its line of the audit, which
        its grounds tell both, as one transaction; then it may be sent.

    Raises
    ------
    JournalError
        It cannot be opened, is damaged, another desk's or of another version, or another process writes it.
        Every method raises it where the database refuses or does not answer, and then the caller halts.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(f"{folder}/journal.db", "desk", now=0) as journal:
    ...         journal.intend(Order("a", "BTC", 0.5))
    ...         journal.orders()[0].quantity, journal.latch().state.value
    (0.5, 'active')
    """

    def __init__(
        self, where: Path | str, desk: str, *, now: int, full: bool = False, writing: bool = True
    ) -> None:
        self._database = JournalDatabase(where, writing=writing, full=full)
        self.decide = self._database.decide
        self._place = None if "://" in str(where) else Path(where)
        try:
            opened = (RiskState.ACTIVE.value, "journal", "a new journal", now)
            check_header(self._database, desk, now, [(RISK, opened)])
            if writing:
                self._database.begin((INTENTS, REPORTS, RISK, AUDIT))
                self._take_put_by()
        except BaseException:
            self.close()
            raise

    def intend(self, order: Order, why: Entry | None = None) -> None:
        """Write an order down, with a line of the audit as one transaction; then it may be sent."""
        if why is None:
            self._database.add((INTENTS, order))
        else:
            self._database.add((INTENTS, order), (AUDIT, why))

    def report(self, report: Report) -> None:
        """Write down what the market said; each report once."""
        identity = (report.report_id, report.order_id, report.standing.value)
        told = (report.filled, report.price, report.fee, report.time, report.text)
        self._database.add((REPORTS, (*identity, *told)))

    def turn(self, latch: Latch) -> None:
        """Write down that the risk state is another; by path, a tighter one that fails is kept beside it.

        Whoever opens the journal finds it there, and it is written down before anything else can be.
        """
        try:
            self._database.add((RISK, (latch.state.value, latch.who, latch.why, latch.at)))
        except JournalError:
            if self._place is not None and latch.state is not ACTIVE:
                with suppress(OSError):
                    put_by(self._place, latch)
            raise

    def audit(self, entry: Entry | Grounds) -> None:
        """Write a line of the audit, its inputs plain numbers, texts, lists and mappings, or grounds."""
        if isinstance(entry, bytes):
            self.decide("", entry)
        else:
            self._database.add((AUDIT, entry))

    def orders(self, after: int = 0) -> list[Order]:
        """Return all orders in the sequence they were written in, without the first so many."""
        return [Order(*row) for row in self._database.rows(INTENTS, after)]

    def reports(self, after: int = 0) -> list[Report]:
        """Return all reports in the sequence they were written in, without the first so many."""
        return [
            Report(report_id, order_id, Standing(standing), *rest)
            for report_id, order_id, standing, *rest in self._database.rows(REPORTS, after)
        ]

    def turns(self, after: int = 0) -> list[Latch]:
        """Return every risk state there was, the oldest first, without the first so many."""
        return [Latch(RiskState(state), *rest) for state, *rest in self._database.rows(RISK, after)]

    def latch(self) -> Latch:
        """Return the risk state that holds."""
        return self._put_by() or self.turns()[-1]

    def entries(self, after: int = 0) -> list[Entry]:
        """Return the audit in the sequence it was written in, without the first so many lines."""
        return [Entry(*row) for row in self._database.rows(AUDIT, after)]

    def checkpoint(self) -> int:
        """Fold what is ahead of SQLite's file into it; return the pages that are left, always 0 elsewhere.

        It has a connection of its own: another thread may call it, and writes do not wait for it.
        """
        return self._database.checkpoint()

    def close(self) -> None:
        """Let go of the journal; what was written stays."""
        self._database.close()

    def _put_by(self) -> Latch | None:
        return None if self._place is None else put_by_in(self._place)

    def _take_put_by(self) -> None:
        if self._place is not None and (latch := put_by_in(self._place)) is not None:
            self.turn(latch)
            settled(self._place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
