"""A lived day in words and as JSON."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.live.session import Lived


def lived_facts(desk: IntradayDesk, day: str, lived: Lived) -> dict[str, Any]:
    """Return what came of a day as plain data: units of the hedge, money of the data."""
    orders = [each.order for each in lived.decided if each.order is not None]
    account, instrument = lived.account, desk.data.instrument
    filled = sum(progress.filled != 0.0 for progress in account.orders.values())
    return {
        "desk": desk.name,
        "day": day,
        "over": lived.whole,
        "decisions": len(lived.decided),
        "orders_sent": len(orders),
        "orders": len(account.orders),
        "orders_filled": filled,
        "position": account.position(instrument),
        "traded": account.traded,
        "fees": account.fees,
        "rules": dict(Counter(ruling.rule for each in lived.decided for ruling in each.judged.rulings)),
        "state": lived.latch.state.value,
        "state_who": lived.latch.who,
        "state_why": lived.latch.why,
    }


def lived_as_json(desk: IntradayDesk, day: str, lived: Lived) -> str:
    """Return `lived_facts` as JSON."""
    return json.dumps(lived_facts(desk, day, lived), indent=2)


def for_terminal(desk: IntradayDesk, day: str, lived: Lived, folder: Path) -> str:
    """Return `lived_facts` as lines."""
    facts = lived_facts(desk, day, lived)
    rules = ", ".join(f"{rule} {count}" for rule, count in facts["rules"].items()) or "none broken"
    return "\n".join(
        (
            f"desk       {desk.name}, {day} lived again{'' if lived.whole else ', until it was stopped'}",
            f"decisions  {facts['decisions']}, {facts['orders_sent']} orders sent now",
            f"orders     {facts['orders']} in the journal, {facts['orders_filled']} filled, whole or in part",
            f"position   {facts['position']:.6g} of {desk.data.instrument}",
            f"traded     {facts['traded']:,.2f}, fees {facts['fees']:,.2f}",
            f"rules      {rules}",
            f"state      {facts['state']} ({facts['state_who']}: {facts['state_why']})",
            f"journal    {folder / 'journal.db'}",
        )
    )
