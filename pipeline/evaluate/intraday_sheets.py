"""The tables of the report that only a run within the day has."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.evaluate.cost_sheet import HEADINGS
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import Cell, Sheet, number, plain_rows

BOOKED = {**HEADINGS, "impact": "Beyond the best level"}


EVENTS: Final = (
    "Probability that the variance of the next decisions (spike), and the worst crossing cost within the "
    "next interval (gap), lie above their high quantile of the training rows. A skill above zero beats the "
    "frequency in the training rows."
)
"""What an event is within the day."""


def charged_sheet(evaluation: Judged) -> Sheet:
    """What the average P&L is made of, and the cost by source."""
    sources = [name for name in BOOKED if (evaluation.costs[name] > 0.0).any()]
    costs = evaluation.costs.set_index("policy")
    rows = []
    for policy, row in evaluation.attribution.iterrows():
        parts = [float(row[name]) for name in ("premium", "trading", "cost", "payoff", "pnl")]
        source = [float(costs[name].to_dict()[policy]) for name in sources]
        rows.append((Cell(str(policy)), *(Cell(number(value, 2)) for value in (*parts, *source))))
    headings = ("Policy", "Premium", "+ Trading", "− Cost", "− Payoff", "= P&L, bps")
    lead = (
        "Averages per episode, bps of the starting spot, and the cost by source. An order meets the book of "
        "its arrival and walks its levels; what the mid moved on the way is part of trading."
    )
    named = (*headings, *(f"of cost: {BOOKED[name].lower()}" for name in sources))
    return Sheet("charged", "What the P&L is made of, and what was charged", lead, named, tuple(rows))


def unfilled_sheet(unfilled: pd.DataFrame) -> Sheet:
    """How many orders the book did not fill, or not whole, and why."""
    counts = unfilled.pivot_table(
        index="policy", columns="reason", values="orders", aggfunc="sum", sort=False
    )
    filled = unfilled.drop_duplicates(["policy", "window"]).groupby("policy", sort=False)["filled"].sum()
    shown = [name for name in counts.columns if counts[name].any()]
    rows = tuple(
        (
            Cell(str(policy)),
            Cell(number(float(filled.to_dict()[policy]), 0)),
            *(Cell(number(float(counts.loc[policy, name]), 0)) for name in shown),
        )
        for policy in filled.index
    )
    lead = (
        "Orders of the tested episodes: those that traded (in part too), and those that met no sound book or "
        "less than they asked for. What is not filled is decided again at the next decision; at the end of "
        "an option what the levels do not show pays one spread more than the last of them."
    )
    headings = ("Policy", "Traded", *(str(name) for name in shown))
    return Sheet("unfilled", "Orders that were not filled", lead, headings, rows, folded=True)


def event_interval_sheet(table: pd.DataFrame) -> Sheet:
    """The interval of each probability against what came, in all and by groups of the forecast."""
    shown = table.copy()
    for name in ("forecast", "lower", "upper", "observed"):
        shown[name] = 100 * shown[name]
    shown["inside"] = np.where(table["inside"], "yes", "no")
    formats = (
        ("event", -1), ("group", -1), ("forecast", 1), ("lower", 1), ("upper", 1), ("observed", 1),
        ("inside", -1), ("brier", 4), ("brier_base", 4), ("p", 3), ("n", 0),
    )  # fmt: skip
    headings = (
        "Event", "Group", "Probability, %", "Lower, %", "Upper, %", "Happened, %", "Inside", "Brier",
        "Brier, base rate", "p, base rate", "n",
    )  # fmt: skip
    lead = (
        "Each forecast lies between two probabilities of which one is calibrated (Venn–Abers: how often the "
        "event came after earlier forecasts such as this one, with and without one more). Means over the "
        "tested decisions, in all and in five groups from the lowest forecasts to the highest. Brier is that "
        "of the merged probability; p tests it against the frequency in the training rows."
    )
    return Sheet(
        "event-intervals", "Intervals of the probabilities", lead, headings, plain_rows(shown, formats), 2
    )


def regimes_sheet(regimes: pd.DataFrame) -> Sheet:
    """The regimes by volatility, trend and persistence."""
    shown = regimes.assign(volatility=100 * regimes["volatility"], occupancy=100 * regimes["occupancy"])
    formats = (
        ("name", -1),
        ("trend", -1),
        ("variance_ratio", 2),
        ("volatility", 1),
        ("occupancy", 1),
        ("mean_minutes", 1),
        ("entries_an_hour", 2),
    )
    headings = (
        "Regime",
        "Trend",
        "Variance ratio, 5 decisions",
        "Volatility, % a calendar year",
        "Share of decisions, %",
        "Mean duration, minutes",
        "Entries an hour",
    )
    lead = "From the filtered probabilities: what was known then. A variance ratio above 1 is trending."
    return Sheet("regimes", "Regimes", lead, headings, plain_rows(shown, formats), labels=2)


def left_out_sheet(left_out: pd.DataFrame) -> Sheet:
    """Starts that could not be used, by reason."""
    rows = plain_rows(left_out, (("reason", -1), ("starts", 0)))
    lead = "An episode needs a signal at each of its decisions, and a sound book where its hedge is closed."
    return Sheet("left-out", "Starts that were left out", lead, ("Reason", "Starts"), rows, folded=True)


def held_sheet(held: pd.DataFrame) -> Sheet | None:
    """Rows in quarantine by file and reason."""
    if held.empty:
        return None
    rows = plain_rows(held, (("file", -1), ("table", -1), ("reason", -1), ("count", 0), ("examples", -1)))
    lead = "Rows that failed a check, or made a book that nobody could have traded at; nothing is dropped."
    headings = ("File", "Table", "Reason", "Rows", "Examples")
    return Sheet("held", "Quarantine", lead, headings, rows, labels=3, folded=True)
