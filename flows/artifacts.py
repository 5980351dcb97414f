"""What the page of a flow run shows in Prefect's UI."""

import json
import os
from pathlib import Path
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from pipeline.domain.pages import report_page, run_page
from pipeline.live.decision import Decision
from pipeline.live.decision_text import decision_as_markdown
from pipeline.tracking.publish import Published

MLFLOW_URL = "HEDGE_MLFLOW_URL"
"""Environment variable: where MLflow's pages are served, set by `hedge up`."""
SHOWN = (
    "pnl_mean_bps",
    "market_beta",
    "pnl_sd_bps",
    "cvar95_bps",
    "risk_bps",
    "cost_bps",
    "trades",
    "gain_vs_delta",
)


def show_run(published: Published) -> None:
    """Put comparison, files read, verdicts and links on the page of the current flow run."""
    summary = json.loads((published.folder / "summary.json").read_text(encoding="utf-8"))
    rows = [
        {"policy": name, **{metric: _rounded(policy[metric]) for metric in SHOWN}}
        for name, policy in summary["policies"].items()
    ]
    create_table_artifact(rows, key="comparison", description="Policies over the test episodes")
    files = [
        {**file, "reasons": ", ".join(f"{count} {reason}" for reason, count in file["reasons"].items())}
        for file in summary["data"]["files"]
    ]
    if files:
        create_table_artifact(files, key="data", description="Files read, and rows in quarantine")
    if held_back := summary.get("held_back"):
        create_table_artifact(held_back, key="held-back", description="Options that the book lacks")
    sentences = [f"- **{verdict['question']}** {verdict['sentence']}" for verdict in summary["verdicts"]]
    create_markdown_artifact("\n".join(sentences), key="verdicts", description="What the test years say")
    report, run = links(published)
    create_link_artifact(report, key="report", link_text=f"Report {published.folder.name}")
    if run:
        create_link_artifact(run, key="mlflow-run", link_text="Run in MLflow")


def links(published: Published) -> tuple[str, str | None]:
    """Return where report and MLflow run open: in MLflow's pages if they are served, else as a file."""
    if not (pages := os.environ.get(MLFLOW_URL)):
        return (published.folder / "report.html").as_uri(), None
    place = (pages, published.experiment, published.run_id)
    return report_page(*place), run_page(*place)


def show_decision(decision: Decision, file: Path) -> None:
    """Put a decision on the page of the current flow run, as text and as a table of orders."""
    text = f"{decision_as_markdown(decision)}\n\nWritten to `{file}`"
    create_markdown_artifact(text, key="decision", description=f"Decision after {decision.session}")
    rows: list[dict[str, Any]] = [
        {
            name: _rounded(value, 4) if isinstance(value, float) else value
            for name, value in vars(order).items()
        }
        for order in decision.orders
    ]
    create_table_artifact(rows, key="orders", description=f"Orders after {decision.session}")


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
