"""What a status page is told of a desk: from its journal, and of one that runs from its board as well."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple, Self
from uuid import uuid4

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.orders import Report
from pipeline.domain.overlay_settings import OverlaySettings
from pipeline.live.account import Account
from pipeline.live.grounds import DECIDES
from pipeline.live.journal import Entry, Journal
from pipeline.live.option_account import WORTH
from pipeline.live.parents import FOLLOWS, SLICE
from pipeline.live.permits import ASK, OF_REQUESTS, told_requests
from pipeline.live.watch import told
from pipeline.live.watch.board import KEPT, Board, Pulse, Snapshot
from pipeline.live.watch.explained import Explained
from pipeline.live.watch.request import turn
from pipeline.risk.usage import usage

SHOWN: Final = 60
"""Orders, and half as many turns and lines of the audit, the newest of them."""
SHARES: Final = {"median": 0.5, "p99": 0.99}
"""Of the decisions that are kept, of which it is told how long they took."""


class Cursor(NamedTuple):
    """How far somebody was told: of which story, decisions, orders, reports, turns and lines of the audit."""

    story: str = ""
    decisions: int = 0
    orders: int = 0
    reports: int = 0
    turns: int = 0
    lines: int = 0

    def __str__(self) -> str:
        """Return it as the id of an event."""
        return ".".join(map(str, self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the cursor of an event's id; of what is none, the one of somebody who was told nothing."""
        story, *numbers = text.split(".")
        try:
            return cls(story, *map(int, numbers)) if len(numbers) == len(cls._fields) - 1 else cls()
        except ValueError:
            return cls()


@dataclass(frozen=True)
class Shown:
    """What stands beside journal and board: other words for the page, each read when somebody looks.

    Attributes
    ----------
    pulse : of a running desk; without one each look reads the journal.
    feed : health of the feed, a mapping each with `name`, `value` and whether that is a `fault`.
    drift : what monitors say, a mapping each with `name`, `value`, `severity` and `said`.
    asked : where people are asked about an order, see `approvals.Approvals.told`.
    """

    pulse: Callable[[], Pulse | None] = lambda: None
    feed: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    drift: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    asked: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True)
class About:
    """What is told of a desk from its settings; of one that is known by its journal alone, its name."""

    name: str
    description: str = ""
    zone: str = "UTC"
    instrument: str = ""
    size: float = 1.0
    overlay: OverlaySettings = field(default_factory=OverlaySettings)

    @classmethod
    def of(cls, desk: IntradayDesk) -> Self:
        """Return what is told of a desk."""
        return cls(
            desk.name, desk.description, str(desk.zone), desk.data.instrument, desk.hedge.size, desk.overlay
        )


class Story:
    """Tells everybody what they have not been told yet.

    Parameters
    ----------
    desk : what is told of it.
    journal : opened to be read.
    board : of the desk's own loop; None of one that does not run.
    shown : what else there is.
    model : version of what was learned at the start; the audit says which has taken over since.
    """

    def __init__(
        self,
        desk: About,
        journal: Journal,
        board: Board | None = None,
        shown: Shown = Shown(),
        model: str = "",
    ) -> None:
        self._desk, self._journal, self._board, self._shown, self._model = desk, journal, board, shown, ""
        self._name = uuid4().hex[:12]
        self._account, self._reports = Account(), list[Report]()
        self._paid: defaultdict[str, float] = defaultdict(float)
        self._texts: dict[str, str] = {}
        self._decided: dict[str, int] = {}
        self._requests: list[Entry] = []
        self._turns, self._lines = list(journal.turns()), deque[told.Told](maxlen=SHOWN // 2)
        self._read = 0
        self._points: deque[tuple[int, told.Told]] = deque(maxlen=KEPT)
        self._newest: Snapshot | None = None
        self._took: deque[float] = deque(maxlen=KEPT)
        self._pulse: Pulse | None = None
        self._explained = Explained(desk.size)
        self._read_journal()
        self._model = model or self._model

    def tell(self, cursor: Cursor) -> tuple[Cursor, told.Told]:
        """Return what is new since a cursor, and the next cursor."""
        self._catch_up()
        if cursor.story != self._name:
            cursor = Cursor()
        now = Cursor(
            self._name,
            self._points[-1][0] if self._points else 0,
            len(self._account.orders),
            len(self._reports),
            len(self._turns),
            self._read,
        )
        news: told.Told = {"story": self._name, "status": self._status()}
        if cursor.story == "":
            news |= {"desk": self._about(), "first": True}
        if now.decisions > cursor.decisions:
            news["decisions"] = [each for number, each in self._points if number > cursor.decisions]
        if now[2:4] != cursor[2:4]:
            news["orders"] = list(self._orders())
            news["fills"] = [told.fill(each) for each in self._reports[cursor.reports :] if each.filled]
        if now.turns != cursor.turns:
            news["turns"] = [turn(each) for each in self._turns[-SHOWN // 2 :]]
        if now.lines != cursor.lines:
            news["lines"] = list(self._lines)
        return now, news

    def status(self) -> told.Told:
        """Return the state of the desk, as `hedge status` shows it."""
        self._catch_up()
        return self._status()

    def _status(self) -> told.Told:
        account = self._account
        latch = self._turns[-1] if self._pulse is None else self._pulse.latch
        instrument = self._desk.instrument or next(iter(account.positions), "")
        found: told.Told = {
            "name": self._desk.name,
            "running": self._board is not None,
            "risk": turn(latch),
            "instrument": instrument,
            "position": account.position(instrument),
            "working": [told.order(each, 0.0, "") for each in account.working.values()],
            "orders": len(account.orders),
            "fills": sum(1 for each in self._reports if each.filled),
            "traded": account.traded,
            "fees": account.fees,
            "cash": account.cash,
            "unexplained": len(account.unexplained),
            "model": self._model,
            "decisions": self._board.count if self._board is not None else len(self._points),
            "newest": self._points[-1][1]["at"] if self._points else None,
            "held": self._held(),
            "feed": [dict(each) for each in self._shown.feed()],
            "drift": [dict(each) for each in self._shown.drift()],
        }
        if (newest := self._newest) is not None:
            seen, overlay = newest.decided.seen, self._desk.overlay
            found["limits"] = [told.limit(each) for each in usage(overlay, seen, newest.decided.asked)]
            found["explained"] = {"options": self._explained.options, "hedge": self._explained.hedge}
            found["age"], found["outside"] = seen.age, seen.outside
            took = sorted(self._took)
            found["took"] = {name: took[int(share * len(took))] for name, share in SHARES.items()}
        return found

    def _held(self) -> told.Told | None:
        """Return the order that waits for a person."""
        found = told_requests(self._requests).open
        return None if found is None else {**told.question(found), **self._shown.asked()}

    def _about(self) -> told.Told:
        return {"description": self._desk.description, "zone": self._desk.zone}

    def _orders(self) -> Iterator[told.Told]:
        for order_id in islice(reversed(self._account.orders), SHOWN):
            progress = self._account.orders[order_id]
            if progress.order.order_id == order_id:
                paid = sum(self._paid[each] for each in (*progress.earlier, order_id))
                yield told.order(progress, paid, self._texts.get(order_id, ""))

    def _catch_up(self) -> None:
        """Read what was put up meanwhile and then what was written down, so that its reports are there."""
        pulse = self._shown.pulse()
        if pulse is not None and pulse == self._pulse:
            return
        snapshots = self._board.since(self._newest.number if self._newest else 0) if self._board else []
        self._read_journal()
        for snapshot in snapshots:
            if not snapshot.decided.past:
                self._explained.take(snapshot, self._decided, self._reports)
            self._points.append((snapshot.number, told.decision(snapshot)))
            self._newest = snapshot
            self._took.append(snapshot.decided.took)
        self._pulse = pulse

    def _read_journal(self) -> None:
        reports = self._journal.reports(len(self._reports))  # before the orders that they are of
        for order in self._journal.orders(len(self._account.orders)):
            self._account.intend(order)
            self._decided[order.order_id] = order.decided
        for report in reports:
            self._reports.append(report)
            self._account.report(report)
            self._paid[report.order_id] += report.filled * report.price
            if report.text:
                self._texts[report.order_id] = report.text
        self._turns += self._journal.turns(len(self._turns))
        for entry in self._journal.entries(self._read):
            self._read += 1
            self._model = entry.model or self._model
            if entry.what in OF_REQUESTS:
                self._requests = [entry] if entry.what == ASK else [*self._requests, entry]
            if entry.what not in (DECIDES, SLICE, FOLLOWS, WORTH):
                self._lines.append(told.line(entry))
            elif self._board is None and entry.what == DECIDES:
                self._points.append((self._read, told.remembered(entry)))
