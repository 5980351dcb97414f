"""From a decision to the market and back: nothing is sent that is not written down, nothing heard is lost."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

from pipeline.domain.errors import GatewayError, JournalError, RiskError
from pipeline.domain.orders import Order, Report
from pipeline.live.account import Account, replayed
from pipeline.live.gateway import Gateway
from pipeline.live.grounds import Grounds
from pipeline.live.journal import Entry, Journal
from pipeline.risk.state import HALTED, Latch, RiskState, resumed, tightened

P = ParamSpec("P")


class OrderPath:
    """The only way by which a desk's orders reach its gateway, and the only listener of its reports.

    It fails closed: a journal that cannot be written, or a report that nothing explains, halts. What has
    halted sends nothing, cancels what works, and stays so after a restart.

    Parameters
    ----------
    journal : what it is begun from: its orders and reports, and its risk state.
    gateway : started by whoever recovers (`recovery.recover`).
    now : the clock, ns since 1970 UTC; a replay gives its own.

    Attributes
    ----------
    account : what the desk holds and what works.
    latch : the risk state.
    sent : when orders were decided that were sent, ns, the newest last.
    newest : time of the newest report of the market, ns.
    listeners : are told of each report that has been booked.
    """

    def __init__(self, journal: Journal, gateway: Gateway, now: Callable[[], int]) -> None:
        self.journal, self.gateway, self._now = journal, gateway, now
        orders, reports = journal.orders(), journal.reports()
        self.account: Account = replayed(orders, reports)
        self.sent = deque(sorted(each.decided for each in orders))
        self.latch: Latch = journal.latch()
        self.newest = max((report.time for report in reports), default=0)
        self.listeners: list[Callable[[Report], None]] = []

    def send(self, order: Order, why: Entry | Grounds | None = None) -> None:
        """Write an order down, and then hand it over; one that was sent already is not sent again.

        A line of the audit goes with it as one transaction; the grounds of a decision tell both.

        Raises
        ------
        OrderError
            Another order has its id.
        RiskError
            The desk has halted.
        JournalError
            It cannot be written down; it was not sent, and the desk has halted.
        GatewayError
            The gateway did not take it; whether it arrived is found out by recovering.
        """
        account, order_id = self.account, order.order_id
        if order_id in account.orders:
            account.intend(order)
            return
        if self.latch.state is HALTED:
            raise RiskError(f"order {order.order_id}: halted by {self.latch.who}: {self.latch.why}")
        try:
            if isinstance(why, bytes):
                self.journal.decide(order_id, why)
            else:
                self.journal.intend(order, why)
        except JournalError as error:
            self._lost(error)
            raise
        account.intend(order)
        self.sent.append(order.decided)
        if order.replaces:
            self.gateway.replace(order)
        else:
            self.gateway.submit(order)

    def cancel(self, order_id: str) -> None:
        """Ask the market to cancel an order, under every id under which it may have it."""
        now = self._now()
        for order in self.account.orders[order_id].sent:
            self.gateway.cancel(order, now)

    def hear(self, report: Report) -> None:
        """Take in what the market says; what it says twice counts once.

        An order that was given up and works after all is cancelled.

        Raises
        ------
        JournalError
            It cannot be written down; the account has it, and the desk has halted.
        GatewayError
            The gateway did not take a cancellation.
        """
        if report.report_id in self.account.seen:
            return
        report = self.account.told_apart(report)
        order_id, given_up = report.order_id, self.account.given_up(report.order_id)
        try:
            self._written(self.journal.report, report)
        finally:
            unexplained = len(self.account.unexplained)
            self.account.report(report)
            self.newest = max(self.newest, report.time)
        if len(self.account.unexplained) > unexplained:
            why = f"report {report.report_id} of order {order_id}: {self.account.unexplained[-1].why}"
            self.turn(HALTED, "account", why)
        else:
            for told in self.listeners:
                told(report)
        if (
            given_up
            and not self.account.given_up(order_id)
            and not self.account.orders[order_id].standing.over
        ):
            self.cancel(order_id)

    def turn(self, state: RiskState, who: str, why: str) -> None:
        """Tighten the risk state; one that halts cancels everything that works, whatever else fails.

        Raises
        ------
        JournalError
            The turn cannot be written down; it holds as long as the process lives.
        """
        before, self.latch = self.latch, tightened(self.latch, state, who, why, self._now())
        if self.latch is before:
            return
        try:
            self.journal.turn(self.latch)
        finally:
            if self.latch.state is HALTED:
                self.cancel_all()

    def resume(self, person: str, reason: str) -> None:
        """Trade again, by a person's decision.

        Raises
        ------
        RiskError
            Person or reason is not told, or the desk trades already.
        """
        latch = resumed(self.latch, person, reason, self._now())
        self._written(self.journal.turn, latch)
        self.latch = latch

    def note(self, entry: Entry | Grounds) -> None:
        """Write a line of the audit, or that of the grounds of a decision that sends nothing itself.

        Raises
        ------
        JournalError
            It cannot be written down; the desk has halted.
        """
        self._written(self.journal.audit, entry)

    def cancel_all(self) -> None:
        """Ask the market to cancel everything that works; a fault of one leaves out none of the others."""
        faults: list[GatewayError] = []
        for order_id in list(self.account.working):
            try:
                self.cancel(order_id)
            except GatewayError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def _written(self, write: Callable[P, None], *row: P.args, **named: P.kwargs) -> None:
        try:
            write(*row, **named)
        except JournalError as error:
            self._lost(error)
            raise

    def _lost(self, error: JournalError) -> None:
        """Halt, for something cannot be written down; that it has halted often can be."""
        with suppress(JournalError):
            self.turn(HALTED, "journal", str(error))
