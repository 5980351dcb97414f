"""What a desk has lived through, in words and as JSON."""

import json
from pathlib import Path
from typing import Any

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.journal_place import JOURNAL, told_place
from pipeline.live.session import Lived

NONE_BROKEN = {True: "none broken", False: "none set: [overlay] of the desk file limits nothing"}


def lived_facts(desk: IntradayDesk, feed: str, lived: Lived) -> dict[str, Any]:
    """Return what came of a feed as plain data: units of the hedge, money of the data."""
    account, instrument = lived.account, desk.data.instrument
    filled = sum(
        each.filled != 0.0 and each.order.order_id == order_id for order_id, each in account.orders.items()
    )
    return {
        "desk": desk.name,
        "feed": feed,
        "over": lived.whole,
        "decisions": lived.decisions,
        "orders_sent": lived.orders,
        "orders": len(account.orders),
        "orders_filled": filled,
        "position": account.position(instrument),
        "traded": account.traded,
        "fees": account.fees,
        "rules": dict(lived.rules),
        "state": lived.latch.state.value,
        "state_who": lived.latch.who,
        "state_why": lived.latch.why,
    }


def lived_as_json(desk: IntradayDesk, feed: str, lived: Lived) -> str:
    """Return `lived_facts` as JSON."""
    return json.dumps(lived_facts(desk, feed, lived), indent=2)


def for_terminal(desk: IntradayDesk, feed: str, lived: Lived, folder: Path) -> str:
    """Return `lived_facts` as lines."""
    facts = lived_facts(desk, feed, lived)
    rules = (
        ", ".join(f"{rule} {count}" for rule, count in facts["rules"].items())
        or NONE_BROKEN[desk.overlay.limits]
    )
    return "\n".join(
        (
            f"desk       {desk.name}, {feed}{'' if lived.whole else ', until it was stopped'}",
            f"decisions  {facts['decisions']}, {facts['orders_sent']} orders sent now",
            f"orders     {facts['orders']} in the journal, {facts['orders_filled']} filled, whole or in part",
            f"position   {facts['position']:.6g} of {desk.data.instrument}",
            f"traded     {facts['traded']:,.2f}, fees {facts['fees']:,.2f}",
            f"rules      {rules}",
            f"state      {facts['state']} ({facts['state_who']}: {facts['state_why']})",
            f"journal    {told_place(folder / JOURNAL)}",
        )
    )
