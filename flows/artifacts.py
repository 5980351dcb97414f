"""What the page of a pipeline run shows in Prefect's UI."""

import json
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

SHOWN = ("pnl_mean_bps", "pnl_sd_bps", "cvar95_bps", "risk_bps", "cost_bps", "trades", "gain_vs_delta")


def show(folder: Path) -> None:
    """Put comparison, files read, verdicts and a link to the report on the page of the current flow run."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
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
    sentences = [f"- **{verdict['question']}** {verdict['sentence']}" for verdict in summary["verdicts"]]
    create_markdown_artifact("\n".join(sentences), key="verdicts", description="What the test years say")
    create_link_artifact((folder / "report.html").as_uri(), key="report", link_text="Report")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
