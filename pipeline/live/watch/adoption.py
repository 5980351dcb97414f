"""A person adopts what a gateway holds and the journal of a desk that does not run lacks."""

import math

from pipeline.domain.errors import RiskError
from pipeline.domain.orders import Order, Report, Standing
from pipeline.live.journal import Entry, Journal
from pipeline.live.recovery import POSITION, RECONCILES, Difference
from pipeline.live.watch.request import line_of

ADOPTS = "adopt"


def unexplained(journal: Journal) -> list[Difference]:
    """Return what differed when the desk was last reconciled, without what has been adopted since."""
    found: list[Difference] = []
    for entry in journal.entries():
        if entry.what == RECONCILES:
            found = [Difference(*told) for told in entry.inputs["differences"]]
        elif entry.what == ADOPTS:
            adopted = entry.inputs["instrument"], entry.inputs.get("venue", "")
            found = [each for each in found if (each.instrument, each.venue) != adopted]
    return found


def adopt(
    journal: Journal,
    price: float,
    person: str,
    reason: str,
    now: int,
    instrument: str | None = None,
    venue: str | None = None,
) -> Difference:
    """Book the difference of one position as an order that was filled at a price; return it.

    The gateway is not asked: the next start compares again, and halts where the two still differ. One that
    was cut off between its order and its fill is found by it too. Orders that differ are not adopted.

    Parameters
    ----------
    price : money a unit at which it is booked.
    person, reason : who decides and why, for the audit.
    now : ns since 1970 UTC, for the audit. Order and fill have the time of the newest that there are, by the
        clock of the desk's market, which may be one of a past day; with its limit the order teaches no cost.
    instrument, venue : whose position, and at which of several venues; None where only one differs.

    Raises
    ------
    RiskError
        There is nothing to adopt, or more than one and none is named, or the price is none.
    JournalError
        It cannot be written down.
    """
    person, reason = line_of("person", person, "adopt for"), line_of("reason", reason, "adopt for")
    if not (math.isfinite(price) and price > 0.0):
        raise RiskError(f"--price {price:g}: give the positive price at which the units are booked")
    found = _meant([each for each in unexplained(journal) if each.what == POSITION], instrument, venue)
    instrument, units = found.instrument, found.gateway - found.journal
    order_id = f"adopted-{now}-{instrument}"
    inputs = {
        "instrument": instrument,
        "venue": found.venue,
        "units": units,
        "price": price,
        "difference": str(found),
    }
    decided = max((each.decided for each in journal.orders()), default=0)
    told = max((each.time for each in journal.reports()), default=0)
    order = Order(order_id, instrument, units, price, decided, parent=f"adopted by {person}")
    journal.intend(order, Entry(now, person, ADOPTS, reason, inputs))
    report = Report(order_id, order_id, Standing.FILLED, units, price, time=told, text="adopted")
    journal.report(report.of_venue(found.venue) if found.venue else report)
    return found


def _meant(differ: list[Difference], instrument: str | None, venue: str | None) -> Difference:
    """Return the one of the positions that differ which a person means."""
    if not differ:
        raise RiskError("no position differed when the desk was last started: start it, which compares them")
    meant = [each for each in differ if instrument in (None, each.instrument) and venue in (None, each.venue)]
    if len(meant) != 1:
        named = ", ".join(
            f"{each.instrument} at {each.venue}" if each.venue else each.instrument for each in differ
        )
        option = "--venue" if any(each.venue for each in differ) else "--instrument"
        raise RiskError(f"{option}: give one of those whose positions differ: {named}")
    return meant[0]
