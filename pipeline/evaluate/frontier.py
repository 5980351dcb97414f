"""The cost–risk frontier over risk aversion: a figure and a table of the report."""

import pandas as pd
from matplotlib.figure import Figure

from pipeline.evaluate.comparison import ABLATIONS
from pipeline.evaluate.figures import UNHEDGED, label_column
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import Cell, Column, Sheet, number
from pipeline.evaluate.style import colour_of, house_style, one_axes

COLUMNS = (
    Column("cost_bps", "Trading cost, bps", 2),
    Column("trades", "Trades"),
    Column("pnl_mean_bps", "Mean P&L, bps"),
    Column("pnl_sd_bps", "SD, bps"),
    Column("cvar95_bps", "CVaR95, bps"),
    Column("risk_bps", "Risk at this aversion, bps"),
)


def aversion_frontier(table: pd.DataFrame) -> Figure:
    """Draw cost against SD over risk aversion.

    A policy that heeds the aversion is a line, named at its largest, one that does not a ring. Points grow
    with the aversion. The book without a hedge would squeeze all others and is left out, as are the
    flagship's ablations, which lie on top of it: the table has them.
    """
    drawn = table[~table["policy"].isin([UNHEDGED, *ABLATIONS.values()])]
    last = max(drawn["aversion"].nunique() - 1, 1)
    sizes = 10.0 + 40.0 * (drawn["aversion"].rank(method="dense") - 1.0) / last
    with house_style():
        figure, axes = one_axes(7.4, 4.5)
        for policy, rows in drawn.assign(size=sizes).groupby("policy", sort=False):
            colour, along = colour_of(str(policy)), rows.sort_values("aversion")
            cost, risk = along["cost_bps"], along["pnl_sd_bps"]
            if along["moves"].any():
                axes.plot(cost, risk, color=colour, linewidth=1.0, alpha=0.7)
                axes.scatter(cost, risk, s=along["size"], color=colour, edgecolors="white", linewidths=0.6)
            else:
                axes.scatter(cost[:1], risk[:1], s=30, facecolors="none", edgecolors=colour)
        axes.set_title("Cost and risk over risk aversion; ring: the aversion changes nothing")
        axes.set_xlabel("Trading cost (bps of spot per episode)")
        axes.set_ylabel("Standard deviation of the P&L (bps of spot)")
        axes.margins(x=0.06, y=0.08)
        ends = (
            drawn.sort_values("aversion").groupby("policy").tail(1).sort_values("pnl_sd_bps", kind="stable")
        )
        names = [str(policy) for policy in ends["policy"]]
        label_column(
            axes, names, ends["cost_bps"].to_numpy(), ends["pnl_sd_bps"].to_numpy(),
            [colour_of(name) for name in names],
        )  # fmt: skip
    return figure


def frontier_sheet(evaluation: Judged) -> Sheet | None:
    """Every policy that heeds the risk aversion, at each; the least risk of each aversion stands out."""
    table = evaluation.tables["frontier"]
    if table.empty:
        return None
    least = table.groupby("aversion")["risk_bps"].transform("min")
    rows = tuple(
        (
            Cell(str(row["policy"])),
            Cell(f"{row['aversion']:.3g}"),
            *(
                Cell(
                    number(float(row[column.metric]), column.decimals),
                    tone="best" if column.metric == "risk_bps" and row["risk_bps"] == lowest else "",
                )
                for column in COLUMNS
            ),
        )
        for (_, row), lowest in zip(table.iterrows(), least, strict=True)
        if row["moves"] or row["risk_bps"] == lowest
    )
    lead = (
        f"Every policy fitted again and tested at {table['aversion'].nunique()} risk aversions, from a tenth "
        "to ten times the desk's own, on the same episodes; training rows only choose, as everywhere. Listed "
        "are the policies that the aversion changes, and whichever has the least risk at an aversion."
    )
    headings = ("Policy", "Aversion", *(column.heading for column in COLUMNS))
    return Sheet("frontier", "Over risk aversion", lead, headings, rows, labels=1, folded=True)
