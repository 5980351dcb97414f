"""What a router remembers: where each order went, and what was heard of it there."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing, settled
from pipeline.live.line_file import LineFile


@dataclass(slots=True)
class Routing:
    """Where an order went.

    Attributes
    ----------
    parts : signed units by venue; a venue has one order of this id. Empty where it could go nowhere.
    filled, fees : signed units and money by venue.
    heard, over : venues that have said something of it, and at which it trades no more.
    newest : time of its newest report, ns.
    gone : whether a venue had taken it and holds it no more, and has not said why.
    """

    order: Order
    parts: Mapping[str, float]
    filled: dict[str, float] = field(default_factory=dict)
    fees: dict[str, float] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    newest: int = 0
    gone: bool = False

    @property
    def alone(self) -> bool:
        """Tell whether it went to one venue, whose own reports say when it is over."""
        return len(self.parts) == 1

    @property
    def ended(self) -> bool:
        """Tell whether it trades nowhere any more and the venues' own reports do not say so."""
        left = settled(self.order.quantity - sum(self.filled.values()), self.order.quantity)
        return not (self.alone or self.gone) and self.over.issuperset(self.parts) and left != 0.0

    def left(self, name: str) -> float:
        """Return the signed units that a venue may still fill."""
        return self.parts[name] - self.filled.get(name, 0.0)


class Routings:
    """The fold of a router's file: where orders went, written before they are sent, and each report once.

    Parameters
    ----------
    place : the file, made if it is not there.

    Attributes
    ----------
    by_order : every order that went somewhere.
    working : those of them that may still trade, by venue and then by id.
    newest : time of the newest report, ns.

    Raises
    ------
    GatewayError
        The file is no router's, is damaged or cannot be written, or another process has it.
    """

    def __init__(self, place: Path) -> None:
        self.by_order: dict[str, Routing] = {}
        self.working: defaultdict[str, dict[str, Routing]] = defaultdict(dict)
        self.newest = 0
        self._fees: dict[tuple[str, str], float] = {}
        self._file = LineFile(place, "router")
        try:
            for number, line in enumerate(self._file.lines(), start=2):
                try:
                    self._take(line)
                except (TypeError, KeyError, ValueError, AttributeError, OrderError) as error:
                    raise self._file.damaged(number, error) from None
        except BaseException:
            self._file.close()
            raise

    @property
    def heard(self) -> int:
        """How many reports were heard."""
        return len(self._fees)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def bind(self, order: Order, parts: Mapping[str, float]) -> Routing:
        """Write down where an order goes, for good."""
        self._write({"order": tuple(order), "parts": dict(parts)})
        return self.by_order[order.order_id]

    def lose(self, order_id: str, names: list[str]) -> None:
        """Write down that venues neither hold an order nor have said that it is over."""
        self._write({"lost": order_id, "venues": names})

    def hear(self, name: str, report: Report) -> tuple[Report, bool]:
        """Take in what a venue says of an order that went there; return it and whether it was new.

        A fee of all fills of a shared order, which is that of one venue's part, is told apart.
        """
        routing, key = self.by_order.get(report.order_id), (name, report.report_id)
        if routing is None or name not in routing.parts:
            return report, False
        new = key not in self._fees
        if report.fee_so_far and not routing.alone:
            before = routing.fees.get(name, 0.0)
            fee = settled(report.fee - before, report.fee) if new else self._fees[key]
            report = replace(report, fee=fee, fee_so_far=False)
        if new:
            said = report.standing.value, report.filled, report.fee, report.time
            self._write({"heard": report.order_id, "at": name, "report": report.report_id, "said": said})
        return report, new

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.append(line)
        self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        if "heard" in line:
            standing, filled, fee, time = line["said"]
            self._fees[line["at"], line["report"]] = fee
            self._heard(line["at"], self.by_order[line["heard"]], Standing(standing), filled, fee, time)
        elif "lost" in line:
            routing = self.by_order[line["lost"]]
            routing.gone = not routing.heard.isdisjoint(line["venues"])
            for name in line["venues"]:
                self._end(name, routing)
        else:
            order = Order(*line["order"])
            routing = Routing(order, line["parts"], newest=order.decided)
            self.by_order[order.order_id] = routing
            for name in routing.parts:
                self.working[name][order.order_id] = routing

    def _heard(
        self, name: str, routing: Routing, standing: Standing, filled: float, fee: float, time: int
    ) -> None:
        routing.heard.add(name)
        routing.filled[name] = routing.filled.get(name, 0.0) + filled
        routing.fees[name] = routing.fees.get(name, 0.0) + fee
        routing.newest, self.newest = max(routing.newest, time), max(self.newest, time)
        replaced = self.by_order.get(routing.order.replaces)
        if replaced is not None and (filled or standing not in (Standing.REJECTED, Standing.CANCELLED)):
            self._end(name, replaced)
        if standing.over:
            self._end(name, routing)

    def _end(self, name: str, routing: Routing) -> None:
        routing.over.add(name)
        self.working[name].pop(routing.order.order_id, None)
