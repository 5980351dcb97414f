"""Write the results of the newest run into the README: `python docs/refresh.py`, after `make run`."""

import json
import shutil
from pathlib import Path

PROJECT = Path(__file__).parent.parent
LATEST = PROJECT / "data" / "reports" / "latest"
FIGURES = ("gain_over_delta", "cost_risk_frontier", "stressed_episode", "regimes_over_price")
START = "<!-- results: written by docs/refresh.py from data/reports/latest -->"
END = "<!-- end of results -->"


def table(summary: dict) -> str:
    lines = ["| policy | mean | beta | SD | CVaR95 | risk | 95 % of risk | cost | trades | gain |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, policy in summary["policies"].items():
        low, high = policy["ci"]["risk_bps"]
        numbers = (
            f"{policy['pnl_mean_bps']:.1f}",
            f"{policy['market_beta']:.1f}",
            f"{policy['pnl_sd_bps']:.1f}",
            f"{policy['cvar95_bps']:.1f}",
            f"{policy['risk_bps']:.1f}",
            f"{low:.0f} … {high:.0f}",
            f"{policy['cost_bps']:.2f}",
            f"{policy['trades']:.1f}",
            f"{100 * policy['gain_vs_delta']:.0f} %",
        )
        lines.append(f"| `{name}` | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    pictures = PROJECT / "docs" / "img"
    pictures.mkdir(exist_ok=True)
    for name in FIGURES:
        shutil.copyfile(LATEST / f"{name}.png", pictures / f"{name}.png")
    summary = json.loads((LATEST / "summary.json").read_text(encoding="utf-8"))
    verdicts = [f"- **{verdict['question']}** {verdict['sentence']}" for verdict in summary["verdicts"]]
    results = "\n\n".join((START, table(summary), "\n".join(verdicts), END))
    readme = PROJECT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    readme.write_text(before + results + after, encoding="utf-8")


if __name__ == "__main__":
    main()
