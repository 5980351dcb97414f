"""The table of the report that says where the cost of trading comes from."""

from pipeline.backtest.ledger import SOURCES
from pipeline.domain.desk import Desk
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.sheets import Cell, Sheet, number

HEADINGS = {"fee": "Fee", "spread": "Half-spread", "fixed_fee": "Fixed fees", "impact": "Impact"}
VIEWS = {"episodes": "Average episode, bps", "book": "The book, all days, bps"}


def cost_sheet(evaluation: Evaluation) -> Sheet:
    """Cost by source of every policy, of an average episode and of the book."""
    costs = evaluation.costs
    shown = [name for name in SOURCES if (costs[name] > 0.0).any()]
    rows = []
    for view, heading in VIEWS.items():
        for place, (_, row) in enumerate(costs[costs["view"] == view].iterrows()):
            cells = (Cell(number(float(row[name]), 2)) for name in (*shown, "cost"))
            rows.append((Cell(heading if place == 0 else ""), Cell(str(row["policy"])), *cells))
    headings = ("View", "Policy", *(HEADINGS[name] for name in shown), "Cost")
    lead = f"bps of the starting spot, for what one option is on. {cost_in_words(evaluation.desk)}"
    return Sheet("costs", "Cost by source", lead, headings, tuple(rows), labels=2, folded=True)


def cost_in_words(desk: Desk) -> str:
    """Say what is charged for a trade.

    Examples
    --------
    >>> print(cost_in_words(Desk(name="x", policies={"run": ()})))
    Charged: 0.2 bps fee, 0.8 bps half-spread × the illiquidity realised at the fill.
    """
    costs, execution = desk.costs, desk.execution
    charged = [
        f"{costs.fee_bps:g} bps fee",
        f"{costs.half_spread_bps:g} bps half-spread × the illiquidity realised at the fill",
    ]
    if costs.fixed_fee_bps:
        charged.append(f"{costs.fixed_fee_bps:g} bps fixed fee a trade")
    if execution.impact:
        left = "gone by the next session"
        if execution.impact_half_life:
            left = f"half of it gone after {execution.impact_half_life:g} sessions"
        charged.append(
            f"impact with Y = {execution.impact:g} at {100 * execution.notional_share:g} % of a median "
            f"session's volume for one option, {left}"
        )
    lots = f"; lots of {100 * execution.lot:g} % of an option" if execution.lot else ""
    return f"Charged: {', '.join(charged)}{lots}."
