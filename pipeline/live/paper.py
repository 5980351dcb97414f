"""The paper gateway: orders filled in the book as it came, by a venue that a file keeps as a venue would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pipeline.domain.errors import GatewayError, OrderError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.execution.walk import Taken
from pipeline.live.gateway import Hear, Resting
from pipeline.live.line_file import LineFile
from pipeline.live.venue import Accepted, Book, Told, Venue

Latency = Callable[[Order], int]
"""Nanoseconds from a decision to its arrival at the venue."""


class PaperGateway:
    """A gateway to a `Venue` whose every event is in a file, a line each, before anybody hears of it.

    The caller says how time goes: `advance(at, books)` before an event of the market at `at` changes a book,
    so that an order meets the book that stood when it arrived, and again by the clock where the market is
    quiet. A line that the death of the process cut short never happened.

    Parameters
    ----------
    place : the file, made if it is not there.
    latency : of each order and, from when it is asked for, of its cancellation.
    fee, fixed_fee, crossing : see `venue.Venue`.

    Raises
    ------
    GatewayError
        The file is no venue's, is damaged or cannot be written, or another process has it.

    Examples
    --------
    >>> import asyncio, tempfile
    >>> book, order = Book([99.0], [5.0], [100.0, 101.0], [2.0, 2.0]), Order("a", "BTC", 3.0, decided=100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paper = PaperGateway(Path(folder) / "venue", latency=lambda order: 5)
    ...     asyncio.run(paper.start(lambda report: print(report.filled, report.price)))
    ...     for _ in range(2):
    ...         paper.submit(order)
    ...     paper.advance(105, {"BTC": book})
    ...     print("arrives at", paper.due)
    ...     paper.advance(106, {"BTC": book})
    ...     paper.close()
    arrives at 105
    3.0 100.33333333333333
    """

    def __init__(
        self,
        place: Path,
        latency: Latency,
        *,
        fee: float = 0.0,
        fixed_fee: float = 0.0,
        crossing: float = 1.0,
    ) -> None:
        self._file, self._latency = LineFile(place, "paper venue"), latency
        self._venue, self.broken = Venue(fee, fixed_fee, crossing), ""
        self._hear: Hear = _unheard
        try:
            for happened in self._happened():
                self._venue.apply(happened)
        except BaseException:
            self._file.close()
            raise

    async def start(self, hear: Hear) -> None:
        """Let `hear` have every report from now on."""
        self._hear = hear

    async def stop(self) -> None:
        """Tell nobody any more; orders stay open in the file."""
        self._hear = _unheard

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def submit(self, order: Order) -> None:
        """Take an order in; an id that the venue has had is no new order."""
        if order.order_id not in self._venue.known:
            self._accept(Accepted(order.decided + self._latency(order), order.order_id, order))

    def replace(self, order: Order) -> None:
        """Take in an order that takes another one's place when it arrives, if that one still rests then."""
        self.submit(order)

    def cancel(self, order: Order, at: int) -> None:
        """Ask for an order to be cancelled; one that is over by the arrival, or unknown, is not."""
        order_id = order.order_id
        found = self._venue.orders.get(order_id) or self._venue.replacing.get(order_id)
        if found is not None:
            self._accept(Accepted(max(at + self._latency(found.order), found.arrives), order_id, None))

    @property
    def due(self) -> float:
        """When the next order or cancellation arrives, ns; infinite for none."""
        return self._venue.due

    def hasten(self, at: int) -> None:
        """Let what is on its way arrive at `at`, ns, at the latest; a start knows nothing of that."""
        self._venue.hasten(at)

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        """Let everything happen that arrives before `at`, in the books that stood until then."""
        for told in self._venue.advance(at, books):
            self._write(told)
            self._hear(told.report)

    def taken(self, order: Order) -> Taken:
        """Return what the desk has taken of the side that an order takes."""
        return self._venue.taken_by(order)

    async def open_orders(self) -> Sequence[Resting]:
        """Return the orders on their way or resting."""
        return self._venue.open_orders()

    async def positions(self) -> Mapping[str, float]:
        """Return signed units by instrument."""
        return dict(self._venue.positions)

    async def fills(self, since: int) -> Sequence[Report]:
        """Return every report from a time on, ns."""
        told = (each.report for each in self._happened() if isinstance(each, Told))
        return [report for report in told if report.time >= since]

    def _accept(self, accepted: Accepted) -> None:
        self._write(accepted)
        self._venue.apply(accepted)

    def _write(self, happened: Accepted | Told) -> None:
        self._file.append(_record(happened))

    def _happened(self) -> list[Accepted | Told]:
        found = []
        for number, line in enumerate(self._file.lines(), start=2):
            try:
                found.append(_event(line))
            except (ValueError, TypeError, KeyError, OrderError) as error:
                raise self._file.damaged(number, error) from None
        return found


def _record(happened: Accepted | Told) -> dict[str, Any]:
    if isinstance(happened, Told):
        taken = happened.taken
        gone = None if taken is None else [[*level, gone] for level, gone in taken.items()]
        return {"report": astuple(happened.report), "taken": gone}
    order = None if happened.order is None else tuple(happened.order)
    return {"arrives": happened.arrives, "order_id": happened.order_id, "order": order}


def _event(record: dict[str, Any]) -> Accepted | Told:
    if "report" in record:
        report_id, order_id, standing, *rest = record["report"]
        report = Report(report_id, order_id, Standing(standing), *rest)
        gone = record["taken"]
        return Told(report, None if gone is None else {(price, shown): each for price, shown, each in gone})
    order = None if record["order"] is None else Order(*record["order"])
    return Accepted(record["arrives"], record["order_id"], order)


def _unheard(report: Report) -> None:
    raise GatewayError(f"report {report.report_id} came before the gateway was started")
