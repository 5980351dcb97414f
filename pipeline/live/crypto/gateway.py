"""A gateway to a crypto venue's spot market: its REST interface, asked again and again."""

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import ccxt.async_support as ccxt

from pipeline.domain.errors import GatewayError, HedgeError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.crypto.placed import Placed, PlacedOrders
from pipeline.live.crypto.words import MS, Market, Told, end_of, fee_of, fill_of, resting_of
from pipeline.live.gateway import Hear, Resting
from pipeline.live.offers import Purse
from pipeline.live.private_words import PrivateWords

OVERLAP: Final = 60_000
"""Milliseconds before the newest trade from which trades are asked for again: venues tell some late."""
DAY: Final = 24 * 3_600_000
"""Milliseconds back to which orders are listed."""
PAGE: Final = 500
"""Trades or orders that are asked for at once; a venue may tell fewer."""
LATE: Final = 5_000_000_000
"""Nanoseconds after which an order that waits for the venue is not sent any more."""
log = logging.getLogger(__name__)
logging.getLogger("ccxt").setLevel(logging.INFO)  # below, it tells every request with its key


class CcxtGateway:
    """A spot market of one venue, as `gateway.Gateway`; orders, fills and their ends are asked for.

    An order is sent once. Where its answer is lost, it is looked for among the venue's orders by the id that
    the desk gave it; where it is not found, the line is given up, and who starts again recovers. The file
    knows which ids were given, from before they are sent.

    Parameters
    ----------
    venue : of `ccxt.async_support`, with its keys; it is closed by `stop`.
    symbols : the venue's market of the desk's instrument, one.
    place : the file.
    now : ns since 1970 UTC.
    baseline : units of the base beside the desk's position.
    poll, patience : seconds between two questions, and until one that is not answered ends the line.
    rehearsal : fills are play, and say so.
    private : values that no text may repeat.

    Attributes
    ----------
    broken : why the line ended; empty while it stands.

    Raises
    ------
    GatewayError
        The file is of another venue, damaged, or another process has it.
    """

    def __init__(
        self,
        venue: Any,
        symbols: Mapping[str, str],
        place: Path,
        now: Callable[[], int],
        *,
        baseline: float = 0.0,
        poll: float = 1.0,
        patience: float = 30.0,
        rehearsal: bool = False,
        private: Sequence[str] = (),
    ) -> None:
        [(instrument, self._symbol)] = symbols.items()
        self.broken = "not started"
        self._venue, self._now, self._baseline = venue, now, baseline
        self._poll, self._patience, self._private = poll, patience, PrivateWords(private)
        self._name, self._market = f"{venue.id} {self._symbol}", Market(instrument, "", "")
        self._orders = PlacedOrders(place, self._name, now() // MS)
        self._newest = self._orders.made
        self._rehearsal = rehearsal
        self._queue: deque[tuple[Placed, Order | None, int]] = deque()
        self._woken, self._busy = asyncio.Event(), False
        self._caught_up, self._short = asyncio.Event(), set[str]()
        self._hear: Hear | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, hear: Hear) -> None:
        """Look the market up, and what became of the orders that an earlier process left."""
        self._hear, self.broken = hear, ""
        try:
            await self._venue.load_markets()
            market = self._venue.market(self._symbol)
            if not market["spot"]:
                raise GatewayError(f"{self._name}: is no spot market: name one")
            self._market = self._market._replace(base=market["base"], quote=market["quote"])
            await self._learn()
        except ccxt.BaseError as error:
            raise self._given_up(self._said(error)) from None
        except GatewayError as error:
            raise self._given_up(str(error)) from None
        self._tasks = [asyncio.create_task(self._whole(each())) for each in (self._work, self._watch)]

    async def stop(self) -> None:
        """Send what was handed over, and leave; orders stay with the venue."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while (self._queue or self._busy) and not self.broken:
                    await asyncio.sleep(0.01)
        await self.hang_up()

    async def hang_up(self) -> None:
        """Leave at once, as a death would."""
        self.broken = self.broken or "left"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._venue.close()

    def close(self) -> None:
        """Let go of the file."""
        self._orders.close()

    def submit(self, order: Order) -> None:
        """Hand an order over; an id that was handed over is no new order."""
        self._stands()
        if order.order_id not in self._orders.by_order:
            self._queue.append((self._orders.place(order.order_id), order, self._now()))
            self._woken.set()

    def replace(self, order: Order) -> None:
        """Refuse: few venues replace an order as one step, and none counts fills on under another id."""
        self._stands()
        report = Report(
            f"{order.order_id}/over", order.order_id, Standing.REJECTED, text="is not replaced here"
        )
        asyncio.get_running_loop().call_soon(self._say, report)

    def cancel(self, order: Order, at: int) -> None:
        """Ask for a cancellation, before what was handed over and is not sent yet."""
        self._stands()
        placed = self._orders.by_order.get(order.order_id)
        if placed is not None:
            self._queue.appendleft((placed, None, self._now()))
            self._woken.set()

    async def open_orders(self) -> Sequence[Resting]:
        """Return the account's orders in this market, by the desk's ids where they are its own."""
        rest = await self._asked(self._open())
        return [resting_of(each, self._named(each, str(each["id"])), self._market) for each in rest]

    async def positions(self) -> Mapping[str, float]:
        """Return what the account holds of the base beyond the baseline."""
        balance = await self._asked(self._venue.fetch_balance())
        held = round(float(balance["total"].get(self._market.base) or 0.0) - self._baseline, 10)
        return {self._market.instrument: held} if held else {}

    async def purse(self) -> Purse:
        """Return what the account has: of the base, the baseline too, and of the quote currency."""
        total = (await self._asked(self._venue.fetch_balance()))["total"]
        units, money = (float(total.get(name) or 0.0) for name in (self._market.base, self._market.quote))
        return Purse(units, money)

    async def fills(self, since: int) -> Sequence[Report]:
        """Return fills, and what has ended, from a time on, ns."""
        found: list[Report] = await self._asked(self._news(max(since // MS, self._orders.made)))
        self._caught_up.set()
        return found

    async def _asked(self, question: Awaitable[Any]) -> Any:
        try:
            return await question
        except ccxt.BaseError as error:
            raise GatewayError(f"{self._name}: {self._said(error)}") from None

    async def _work(self) -> None:
        """Send what was handed over, one after the other."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._queue:
                self._busy = True
                placed, order, since = self._queue.popleft()
                if order is None:
                    await self._cancelled(placed)
                elif self._now() - since > LATE:
                    self._over(placed, Standing.CANCELLED, "the venue was too slow: not sent any more")
                else:
                    await self._sent(placed, order)
                self._busy = False

    async def _sent(self, placed: Placed, order: Order) -> None:
        side, kind = "buy" if order.quantity > 0.0 else "sell", "market" if order.limit is None else "limit"
        try:
            amount, price = self._exact(order)
            told = {"clientOrderId": placed.client_id}
            made = await self._venue.create_order(self._symbol, kind, side, amount, price, told)
            self._orders.known(placed, str(made["id"]))
        except (ccxt.OperationFailed, ccxt.DuplicateOrderId) as error:
            await self._looked_for(placed, self._said(error))
        except ccxt.ExchangeError as error:
            self._over(placed, Standing.REJECTED, self._said(error))
            return
        self._say(_taken(placed))

    def _exact(self, order: Order) -> tuple[float, float | None]:
        """Return amount and price as the venue takes them; what it would have to round is refused."""
        # a sum of lots may be just below a step, and would be cut to the one before
        units = round(abs(order.quantity), 12)
        amount = float(self._venue.amount_to_precision(self._symbol, units))
        if abs(amount - units) > 1e-9 * amount:
            raise ccxt.InvalidOrder(f"{order.quantity:g} is not in the venue's steps: set hedge.lot to one")
        if order.limit is None:
            return amount, None
        price = float(self._venue.price_to_precision(self._symbol, order.limit))
        if abs(price - order.limit) > 1e-9 * price:
            raise ccxt.InvalidOrder(f"a limit of {order.limit:g} is not in the venue's ticks")
        return amount, price

    async def _looked_for(self, placed: Placed, why: str) -> None:
        """Find an order whose answer was lost; it is not sent again."""
        log.warning("%s: order %s: %s: looked for", self._name, placed.order_id, why)
        for _ in range(max(int(self._patience / self._poll), 1)):
            await asyncio.sleep(self._poll)
            with contextlib.suppress(ccxt.OperationFailed):
                await self._learn()
            if placed.venue_id:
                return
        raise GatewayError(f"order {placed.order_id}: {why}, and the venue does not know it")

    async def _cancelled(self, placed: Placed) -> None:
        waiting = [each for each in self._queue if each[0] is placed and each[1] is not None]
        for each in waiting:
            self._queue.remove(each)
            self._over(placed, Standing.CANCELLED, "not sent yet")
        if not placed.venue_id:
            return
        for left in range(max(int(self._patience / self._poll), 1), -1, -1):
            try:
                await self._venue.cancel_order(placed.venue_id, self._symbol)
            except ccxt.OperationFailed as error:
                if not left:
                    raise
                log.warning(
                    "%s: no cancellation of %s yet: %s", self._name, placed.order_id, self._said(error)
                )
                await asyncio.sleep(self._poll)
            except ccxt.ExchangeError as error:
                log.info("%s: no cancellation of %s: %s", self._name, placed.order_id, self._said(error))
                return
            else:
                return

    async def _watch(self) -> None:
        """Ask what became of orders, from when it was asked what had been missed.

        A venue that does not answer for long ends the line, and so does one that keeps some of what was
        bought: those fills are told, and the next start finds what is missing.
        """
        failing = 0.0
        await self._caught_up.wait()
        while True:
            await asyncio.sleep(self._poll)
            known = set(self._short)
            try:
                news = await self._news(max(self._newest - OVERLAP, self._orders.made))
            except ccxt.OperationFailed as error:
                failing += self._poll
                if failing > self._patience:
                    raise
                log.warning("%s: %s: asked again", self._name, self._said(error))
                continue
            failing = 0.0
            for report in news:
                self._say(report)
            if self._short - known:
                raise GatewayError(
                    f"the venue takes its fees in {self._market.base}, so that the desk holds less than it "
                    f"bought: let it take them in {self._market.quote} or in a token"
                )

    async def _news(self, since: int) -> list[Report]:
        """Return what rests unannounced, fills from a time on, ms, and what has ended."""
        placed = [each for each in self._orders.alive.values() if each.venue_id]
        rest = await self._open() if self._orders.alive else []
        taken, ended = self._turned_up(rest), await self._ended(placed, {str(each["id"]) for each in rest})
        return [*taken, *await self._trades(since), *ended]

    def _turned_up(self, rest: list[Told]) -> list[Report]:
        """Return that the venue took orders of which it has not said so: their answers were lost."""
        found = []
        for each in rest:
            placed = self._orders.by_client.get(str(each.get("clientOrderId")))
            if placed is not None and not placed.venue_id:
                self._orders.known(placed, str(each["id"]))
                found.append(_taken(placed))
        return found

    async def _ended(self, placed: list[Placed], rest: set[str]) -> list[Report]:
        gone = [each for each in placed if each.venue_id not in rest]
        told = [
            end_of(await self._venue.fetch_order(each.venue_id, self._symbol), each.order_id) for each in gone
        ]
        return [report for report in told if report is not None]

    async def _trades(self, since: int) -> list[Report]:
        trades = await self._listed_by(self._venue.fetch_my_trades, since)
        if any(str(each["order"]) not in self._orders.by_venue for each in trades):
            await self._learn()
        return [self._fill(each) for each in trades]

    async def _listed_by(self, fetch: Callable[..., Awaitable[list[Told]]], since: int) -> list[Told]:
        """Return all that a venue lists from a time on, ms: page after page, until one tells nothing new."""
        found: dict[str, Told] = {}
        while True:
            page = await fetch(self._symbol, since, PAGE)
            new = {str(each["id"]): each for each in page if str(each["id"]) not in found}
            if not new:
                return list(found.values())
            found |= new
            since = max(int(each["timestamp"] or since) for each in page)

    def _fill(self, trade: Told) -> Report:
        placed = self._orders.by_venue.get(str(trade["order"]))
        self._newest = max(self._newest, int(trade["timestamp"]))
        order_id = f"{self._name} {trade['order']}" if placed is None else placed.order_id
        report = fill_of(trade, order_id, self._market)
        cost, currency = fee_of(trade)
        if cost and currency == self._market.base:
            self._short.add(report.report_id)
        return report.rehearsed() if self._rehearsal else report

    async def _learn(self) -> None:
        """Learn the venue's ids of the desk's orders, from the ids that the desk gave it."""
        for each in await self._listed():
            placed = self._orders.by_client.get(str(each.get("clientOrderId")))
            if placed is not None:
                self._orders.known(placed, str(each["id"]))

    async def _listed(self) -> list[Told]:
        """Return the account's open and newest orders in this market, whatever became of them."""
        since, found = max(self._orders.made, self._now() // MS - DAY), await self._open()
        has = self._venue.has
        if has.get("fetchOrders"):
            return [*found, *await self._listed_by(self._venue.fetch_orders, since)]
        if has.get("fetchClosedOrders"):
            found += await self._listed_by(self._venue.fetch_closed_orders, since)
        if has.get("fetchCanceledOrders"):
            found += await self._listed_by(self._venue.fetch_canceled_orders, since)
        return found

    async def _open(self) -> list[Told]:
        found: list[Told] = await self._venue.fetch_open_orders(self._symbol)
        return found

    def _named(self, order: Told, otherwise: str) -> str:
        placed = self._orders.by_client.get(str(order.get("clientOrderId")))
        return otherwise if placed is None else placed.order_id

    def _over(self, placed: Placed, standing: Standing, text: str) -> None:
        self._say(Report(f"{placed.order_id}/over", placed.order_id, standing, text=text))

    def _say(self, report: Report) -> None:
        """Tell a report, and then remember that its order is over, if it is."""
        assert self._hear is not None
        self._hear(report)
        placed = self._orders.by_order.get(report.order_id)
        if report.standing.over and placed is not None:
            self._orders.over(placed)

    async def _whole(self, work: Awaitable[None]) -> None:
        """Do the work of the line; whatever goes wrong in it ends the line."""
        try:
            await work
        except ccxt.BaseError as error:
            self._end(self._said(error))
        except HedgeError as error:
            self._end(str(error))
        except Exception as error:
            log.exception("%s: a fault", self._name)
            self._end(f"a fault: {type(error).__name__}: {error}")

    def _end(self, why: str) -> None:
        if not self.broken:
            self.broken = why
            log.info("%s: the line is down: %s", self._name, why)

    def _given_up(self, why: str) -> GatewayError:
        self.broken = why
        return GatewayError(f"{self._name}: {why}")

    def _stands(self) -> None:
        if self.broken:
            raise GatewayError(f"{self._name}: {self.broken}: nothing is sent")

    def _said(self, error: Exception) -> str:
        """Return what the venue said, on one line, without addresses' parameters and what is private."""
        text = re.sub(r"\?\S*", "", " ".join(str(error).split()))[:300]
        return self._private(f"{type(error).__name__}: {text}")


def _taken(placed: Placed) -> Report:
    return Report(f"{placed.order_id}/taken", placed.order_id, Standing.WORKING)
