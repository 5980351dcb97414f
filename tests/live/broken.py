"""Parts of a desk that break a rule: a check that kills it has to find them out."""

from collections.abc import Mapping

from pipeline.domain.orders import Order
from pipeline.live.grounds import Grounds
from pipeline.live.journal import Entry
from pipeline.live.order_path import OrderPath
from pipeline.live.paper import PaperGateway
from pipeline.live.venue import Book


class SendsFirst(OrderPath):
    """A path that sends before it writes down."""

    def send(self, order: Order, why: Entry | Grounds | None = None) -> None:
        self.gateway.submit(order)
        self.journal.decide(order.order_id, why) if isinstance(why, bytes) else self.journal.intend(
            order, why
        )
        self.account.intend(order)


class TellsFirst(PaperGateway):
    """A venue that tells before it has written down what it filled."""

    def advance(self, at: int, books: Mapping[str, Book]) -> None:
        for told in self._venue.advance(at, books):
            self._hear(told.report)
            self._write(told)
