"""The comparison table for the terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import interval, number
from pipeline.evaluate.verdicts import describe_risk


def comparison_for_terminal(evaluation: Judged) -> Table:
    """Return a rich table that fits 100 columns: one row a policy, the least risk in bold green."""
    table = Table(
        title=_title(evaluation),
        caption=_caption(evaluation),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("policy", no_wrap=True)
    confidence = f"{100 * evaluation.desk.evaluation.confidence:g} %"
    headings = ("mean", "beta", "SD", "CVaR95", "risk", confidence, "cost", "trades", "gain")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    best = evaluation.comparison["risk_bps"].idxmin()
    for policy, row in evaluation.comparison.iterrows():
        shown = [
            number(float(row["pnl_mean_bps"])),
            number(float(row["market_beta"])),
            number(float(row["pnl_sd_bps"])),
            number(float(row["cvar95_bps"])),
            number(float(row["risk_bps"])),
            interval(float(row["risk_bps_low"]), float(row["risk_bps_high"]), 0),
            number(float(row["cost_bps"]), 2),
            number(float(row["trades"])),
            number(100 * float(row["gain_vs_delta"]), 0),
        ]
        style = "bold green" if policy == best else ""
        table.add_row(Text(str(policy)), *shown, style=style)
    return table


def _title(evaluation: Judged) -> str:
    starts = evaluation.panel.starts
    return (
        f"{evaluation.desk.name}: {evaluation.panel.size} episodes from {starts[0]:%Y-%m-%d} to "
        f"{starts[-1]:%Y-%m-%d} ({evaluation.effective} that do not overlap)"
    )


def _caption(evaluation: Judged) -> str:
    return (
        f"bps of the starting spot per episode; risk: {describe_risk(evaluation.desk.risk)};\n"
        "beta: bps per % of the market; gain: % of variance removed against delta_implied"
    )
