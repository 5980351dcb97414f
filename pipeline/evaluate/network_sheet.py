"""The table of the report that says which trained network hedged which windows."""

import pandas as pd

from pipeline.evaluate.judged import Judged
from pipeline.evaluate.sheets import Cell, Sheet, number

LEAD = (
    "A network hedges from its first session until the next one of its policy takes over. It learned in "
    "simulated markets, or from what the desk had stored: days of its market, quotes of options; what it was "
    "told was known before that session. The risk is that on paths, days or quotes which taught nothing, in "
    "money (of network_slope the mean squared error in units of a slope): of one that has learned nothing; "
    "before its steps, which is with the weights of the network before where it began with them; and of the "
    "network that was kept, on what is stored the best of its checkpoints. One that is no better than "
    "untrained becomes nobody's champion."
)
HEADINGS = (
    "Policy", "Network", "First session", "Began with", "Steps", "Risk untrained", "Risk before",
    "Risk after", "Volatilities, % a year", "Regimes: volatility over the one marked",
    "Staying in them, % a day",
)  # fmt: skip


def network_sheet(evaluation: Judged) -> Sheet | None:
    """Which network served when, and what it was told; None where no network hedged."""
    table = evaluation.tables["networks"]
    if table.empty:
        return None
    rows, previous = [], ""
    for _, row in table.iterrows():
        policy = str(row["policy"])
        rows.append(
            (
                Cell(policy if policy != previous else ""),
                Cell(str(row["network"])),
                Cell(f"{row['first']:%Y-%m-%d}"),
                Cell("the network before" if row["goes_on"] else "nothing learned"),
                Cell(number(float(row["steps"]), 0)),
                *(Cell(number(float(row[f"risk_{when}"]), 5)) for when in ("untrained", "before", "after")),
                Cell(_two(row, "volatility_low", "volatility_high", 1)),
                Cell(_two(row, "ratio_calm", "ratio_wild", 2, factor=1.0)),
                Cell(_two(row, "stays_calm", "stays_wild", 1)),
            )
        )
        previous = policy
    return Sheet("networks", "Trained networks by window", LEAD, HEADINGS, tuple(rows), labels=4, folded=True)


def _two(row: pd.Series, first: str, second: str, decimals: int, factor: float = 100.0) -> str:
    values = [float(row[name]) for name in (first, second)]
    if not all(value == value for value in values):
        return "–"
    return " … ".join(number(factor * value, decimals) for value in values)
