"""Write the tables of known markets into docs/results.md: the last step of `make tables`."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import machine_facts
from pipeline.evaluate.information_map import SEED

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "results.md"
MAP = PROJECT / "data" / "reports" / "map"
BENCHMARKS = PROJECT / "data" / "benchmarks.json"
MARKETS = {
    "market_a_0bp": "A, no cost",
    "market_a_1bp": "A, 1 bp",
    "market_a_10bp": "A, 10 bp",
    "market_a_100bp": "A, 100 bp",
    "market_b_known_10bp": "B, 10 bp, regime known",
    "market_b_known_50bp": "B, 50 bp, regime known",
    "market_b_belief_10bp": "B, 10 bp, filtered",
    "market_b_belief_50bp": "B, 50 bp, filtered",
}


def replaced(page: str, name: str, text: str) -> str:
    """Return the page with another text between the marks of a table; they have to be there."""
    marks = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"{PAGE.name} has no marks <!-- {name}: … --> and <!-- end of {name} -->")
    return marks.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def machine(facts: dict) -> str:
    return f"{facts['cores']} cores, {facts['system']} {facts['architecture']}, Python {facts['python']}"


def map_table() -> str:
    for ending in ("csv", "json"):
        shutil.copyfile(MAP / f"map.{ending}", PROJECT / "docs" / "results" / f"information_map.{ending}")
    shutil.copyfile(MAP / "map.png", PROJECT / "docs" / "img" / "information_map.png")
    made = datetime.fromtimestamp((MAP / "map.md").stat().st_mtime, UTC)
    table = (MAP / "map.md").read_text(encoding="utf-8")
    return f"{table}\nSeed {SEED}, {made:%Y-%m-%d}, {machine(machine_facts())}."


def optimum_table() -> str:
    found = json.loads(BENCHMARKS.read_text(encoding="utf-8"))
    lines = ["| market | published | dynamic programme | off |", "|---|--:|--:|--:|"]
    for name, label in MARKETS.items():
        record = found[f"optimum.{name}"]
        detail = record["detail"]
        lines.append(f"| {label} | {detail['published']:g} | {detail['ours']:.5f} | {record['ours']:.3f} % |")
    known, belief = (found[f"optimum.{seen}_seconds"]["ours"] for seen in ("known", "belief"))
    run = found["optimum.known_seconds"]["run"]
    lines.append(
        f"\nOne solve of Market B takes {known:.2f} s with the regime known and {belief:.2f} s filtered "
        f"(best of five, load {run['load_before']:g} before), a process that solves it "
        f"{found['optimum.peak_memory']['ours']:.2f} GiB. {run['date']}, {machine(run['machine'])}."
    )
    return "\n".join(lines)


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, table in {"map": map_table, "optimum": optimum_table}.items():
        page = replaced(page, name, table())
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
