"""Write the tables of known markets into docs/results.md: the last step of `make tables`."""

import json
import re
import shutil
import sys
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
CASES = {
    "deep_hedging.unseen": ("volatility_15", "volatility_25", "volatility_30", "cost_5bp", "cost_20bp"),
    "deep_regimes.unseen": (
        "shorter_regimes", "longer_regimes", "less_contrast", "more_contrast", "one_volatility",
    ),
    "agent_traps.unseen_ppo": ("volatility_15", "volatility_25", "volatility_30", "cost_50bp", "cost_200bp"),
    "agent_traps.unseen_sac": ("volatility_15", "volatility_25", "volatility_30", "cost_50bp", "cost_200bp"),
}  # fmt: skip
"""Markets in which nobody was trained, by benchmark."""
UNSEEN = {
    "deep_hedging.unseen": "Market A, 10 bp, band network, unseen {}: share of the gap",
    "deep_regimes.unseen": "Market B, 10 bp, recurrent band, unseen {}: over the belief-state optimum",
    "agent_traps.unseen_ppo": "Market A, 100 bp, PPO, unseen {}: share of the gap",
    "agent_traps.unseen_sac": "Market A, 100 bp, SAC, unseen {}: share of the gap",
}
LEARNED = {
    "deep_hedging.market_a_10bp": ("Market A, 10 bp, band network: share of the gap delta to optimum", "%"),
    "deep_hedging.market_a_100bp": ("Market A, 100 bp, band network: share of the gap delta to optimum", "%"),
    "deep_hedging.imaki_european": ("European option of Imaki et al.: premium (exact .0225388)", ""),
    "deep_regimes.market_b_10bp": ("Market B, 10 bp, recurrent band: over the belief-state optimum", "%"),
    "deep_regimes.market_b_50bp": ("Market B, 50 bp, recurrent band: over the belief-state optimum", "%"),
    "deep_heston.price_50": ("Heston, CVaR50: price off the published 1.94", "%"),
    "deep_heston.price_99": ("Heston, CVaR99: price off the published 3.49", "%"),
    "deep_heston.own_criterion_50": ("Heston, CVaR50: trained for it less trained for CVaR99", "money"),
    "deep_heston.own_criterion_99": ("Heston, CVaR99: trained for it less trained for CVaR50", "money"),
    "deep_heston.memory": ("Heston, cost 1 %, CVaR99: what memory takes off the price", "%"),
    "deep_lookback.premium": ("Lookback of Imaki et al.: premium", ""),
    "deep_lookback.over_optimum": ("Lookback of Imaki et al.: premium over the exact optimum", ""),
    "deep_frictions.over_best_rival": ("Impact and latency: learned less the best analytic band", "money"),
    "deep_frictions.ppo_over_best_rival": ("Impact and latency: PPO less the best analytic band", "money"),
    "deep_frictions.sac_over_best_rival": ("Impact and latency: SAC less the best analytic band", "money"),
    "deep_hedging.cost_exponent": ("Cost exponent: slope off the programme's", ""),
    "deep_speed.imaki": ("Training to Imaki's premium: pfhedge's seconds over ours", "times"),
    "deep_traps.nothing_owed_band": ("Nothing owed, band: mean position", "units"),
    "deep_traps.nothing_owed_plain": ("Nothing owed, plain: mean position", "units"),
    "deep_traps.nothing_owed_recurrent": ("Nothing owed, recurrent: mean position", "units"),
    "deep_traps.tomorrow_band": ("Told tomorrow, band: share of perfect foresight", "%"),
    "deep_traps.tomorrow_plain": ("Told tomorrow, plain: share of perfect foresight", "%"),
    "deep_traps.tomorrow_recurrent": ("Told tomorrow, recurrent: share of perfect foresight", "%"),
    "agent_traps.nothing_owed_ppo": ("Nothing owed, PPO: mean position", "units"),
    "agent_traps.nothing_owed_sac": ("Nothing owed, SAC: mean position", "units"),
    "agent_traps.tomorrow_ppo": ("Told tomorrow, PPO: share of perfect foresight", "%"),
    "agent_traps.tomorrow_sac": ("Told tomorrow, SAC: share of perfect foresight", "%"),
    "reinforcement.ppo_over_constant_1_month": ("Cao et al., 1 month, PPO: over the constant band", "points"),
    "reinforcement.ppo_over_constant_3_months": (
        "Cao et al., 3 months, PPO: over the constant band",
        "points",
    ),
    "reinforcement.sac_1_month": ("Cao et al., 1 month, SAC: gain over delta (theirs 16.6)", "%"),
    "reinforcement.sac_3_months": ("Cao et al., 3 months, SAC: gain over delta (theirs 29.0)", "%"),
    "reinforcement.deep_over_ppo_1_month": ("Cao et al., 1 month, band network: over PPO", "points"),
    "reinforcement.deep_over_ppo_3_months": ("Cao et al., 3 months, band network: over PPO", "points"),
    "deep_quotes.gain_recurrent": ("Quotes of the S&P 500, 2019: squared error of delta removed", "%"),
    "deep_traps.options_naive": ("An option at naive prices: money found", "money"),
    "deep_traps.options_nested": ("An option at nested prices: money found", "money"),
    **{
        f"{name}_{case}": (UNSEEN[name].format(case.replace("_", " ")), "%")
        for name, cases in CASES.items()
        for case in cases
    },
}
"""Records of the benchmarks of learned hedgers that the page shows, with their units."""
SEED_OF_TRAINING, TEST_SEED = 7, 99
BOUNDS = {"at_least": "≥", "at_most": "≤", "below": "<"}


def replaced(page: str, name: str, text: str) -> str:
    """Return the page with another text between the marks of a table; they have to be there."""
    marks = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"{PAGE.name} has no marks <!-- {name}: … --> and <!-- end of {name} -->")
    return marks.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def machine(facts: dict) -> str:
    return f"{facts['cores']} cores, {facts['system']} {facts['architecture']}, Python {facts['python']}"


def made_by(command: str, *files: Path) -> None:
    """Refuse a table of what has not been made, naming the command that makes it."""
    for file in files:
        if not file.is_file():
            raise SystemExit(f"{file.relative_to(PROJECT)} is missing: run {command}")


def map_table() -> str:
    made_by("hedge map", *(MAP / f"map.{ending}" for ending in ("csv", "json", "png", "md")))
    for ending in ("csv", "json"):
        shutil.copyfile(MAP / f"map.{ending}", PROJECT / "docs" / "results" / f"information_map.{ending}")
    shutil.copyfile(MAP / "map.png", PROJECT / "docs" / "img" / "information_map.png")
    made = datetime.fromtimestamp((MAP / "map.md").stat().st_mtime, UTC)
    table = (MAP / "map.md").read_text(encoding="utf-8")
    return f"{table}\nSeed {SEED}, {made:%Y-%m-%d}, {machine(machine_facts())}."


def optimum_table() -> str:
    made_by("make tables, or make bench BENCH=optimum", BENCHMARKS)
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


def learned_table() -> str:
    made_by("make tables", BENCHMARKS)
    found = json.loads(BENCHMARKS.read_text(encoding="utf-8"))
    lines, machines = ["| what | measured | bound | met | measured on |", "|---|--:|--:|:-:|---|"], []
    for name, (label, unit) in LEARNED.items():
        record = found.get(name)
        figure = None if record is None else record[(record["target"] or {"of": "ours"})["of"]]
        if figure is None:
            lines.append(f"| {label} | not measured | | | |")
            continue
        error = record.get("detail", {}).get("error") or found.get(f"{name}_error", {}).get("ours")
        spread = f" ± {error:.2g}" if error else ""
        target = record["target"] or {}
        bound = next((f"{sign} {target[key]:g}" for key, sign in BOUNDS.items() if key in target), "")
        met = {True: "yes", False: "no", None: ""}[record["met"]]
        lines.append(f"| {label} | {figure:.6g}{spread} {unit} | {bound} | {met} | {record['run']['date']} |")
        machines.append(machine(record["run"]["machine"]))
    lines.append(
        f"\nSeed {SEED_OF_TRAINING}, test paths of seed {TEST_SEED}; {'; '.join(dict.fromkeys(machines))}."
    )
    return "\n".join(lines)


TABLES = {"map": map_table, "optimum": optimum_table, "learned": learned_table}


def main(names: list[str]) -> None:
    """Write the tables that are named, by default all."""
    page = PAGE.read_text(encoding="utf-8")
    for name in names or TABLES:
        page = replaced(page, name, TABLES[name]())
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
