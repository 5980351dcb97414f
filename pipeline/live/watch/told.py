"""What is shown of decisions, orders and limits, as plain data for JSON; times are ms since 1970."""

from typing import Any

from pipeline.domain.desk import regime_names
from pipeline.domain.orders import Report
from pipeline.live.account import Progress
from pipeline.live.approvals import Question
from pipeline.live.journal import Entry
from pipeline.live.watch.board import Snapshot
from pipeline.risk.usage import Usage

Told = dict[str, Any]
MS = 1_000_000


def decision(snapshot: Snapshot) -> Told:
    """Return one decision of a running desk; what is not known is left out.

    Of one that is past, what the desk held and was worth then: its account is that of now.
    """
    decided, seen = snapshot.decided, snapshot.decided.seen
    told: Told = {
        "at": decided.at // MS,
        "mid": decided.mid,
        "bid": seen.bid,
        "ask": seen.ask,
        "lower": decided.lower,
        "upper": decided.upper,
        "delta": seen.delta,
        "outside": seen.outside,
        "left": None if decided.dealt is None else decided.dealt.left,
    }
    if not decided.past:
        told |= {
            "position": decided.position,
            "asked": decided.asked,
            "sent": 0.0 if decided.order is None else decided.order.quantity,
            "rules": [each.rule for each in decided.judged.rulings],
            "hedge": decided.worth.hedge,
            "options": decided.worth.options,
        }
    if (state := decided.state) is not None:
        prob = state.regime_prob.tolist()
        told["regimes"] = dict(zip(regime_names(len(prob)), prob, strict=True))
        told["vol"] = [state.forecast_vol, state.forecast_vol_lower, state.forecast_vol_upper]
        told["implied"] = state.implied_vol
        told["cost"] = [state.cost, state.cost_lower, state.cost_upper]
    return told


def remembered(entry: Entry) -> Told:
    """Return one decision as the audit knows it, of a desk that does not run."""
    inputs = entry.inputs
    lower, upper = inputs["band"]
    bid, ask = inputs["bid"], inputs["ask"]
    return {
        "at": entry.at // MS,
        "mid": None if bid is None or ask is None else 0.5 * (bid + ask),
        "bid": bid,
        "ask": ask,
        "position": inputs["position"],
        "lower": lower,
        "upper": upper,
        "delta": inputs["delta"],
        "asked": inputs["asked"],
        "sent": inputs["sent"],
        "rules": [] if entry.why == "band" else [part.split(":")[0] for part in entry.why.split("; ")],
    }


def order(progress: Progress, paid: float, text: str) -> Told:
    """Return an order and how far it is; `paid` is the money of its fills."""
    asked = progress.order
    return {
        "at": asked.decided // MS,
        "id": asked.order_id,
        "instrument": asked.instrument,
        "quantity": asked.quantity,
        "limit": asked.limit,
        "filled": progress.filled,
        "price": paid / progress.filled if progress.filled else None,
        "standing": progress.standing.value,
        "text": text,
    }


def question(asked: Question) -> Told:
    """Return an order that waits for a person."""
    return {
        "request": asked.request,
        "order": asked.order,
        "why": asked.why,
        "at": asked.at // MS,
        "deadline": asked.deadline // MS,
    }


def fill(report: Report) -> Told:
    """Return a fill."""
    return {"at": report.time // MS, "units": report.filled, "price": report.price}


def line(entry: Entry) -> Told:
    """Return a line of the audit."""
    return {"at": entry.at // MS, "who": entry.who, "what": entry.what, "why": entry.why}


def limit(usage: Usage) -> Told:
    """Return how far a rule is used."""
    return {
        "rule": usage.rule,
        "value": usage.value,
        "limit": usage.limit,
        "share": usage.share,
        "soft": usage.soft,
        "action": usage.action.name.lower(),
    }
