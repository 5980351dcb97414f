"""The price-of-regime-information map: where it pays to know the regime, and what a filter makes of it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipeline.backtest.information_price import Cell, information_price
from pipeline.domain.errors import SettingsError
from pipeline.domain.naming import hint
from pipeline.evaluate.drawing import save_pictures, settle
from pipeline.evaluate.style import BLUE, QUIET, VERMILION, house_style
from pipeline.ingest.pieces import Pieces

SEED = 20_260
AXES = {
    "risk aversion": [Cell("risk aversion", f"{each:g}", aversion=each) for each in (0.1, 0.3, 1.0, 2.0)],
    "cost": [
        Cell("cost", f"{each:g} bp", calm_bps=each, turbulent_bps=each) for each in (2.0, 10.0, 50.0, 100.0)
    ],
    "cost by regime": [
        Cell("cost by regime", f"{calm:g}/{turbulent:g} bp", calm_bps=calm, turbulent_bps=turbulent)
        for calm, turbulent in ((10.0, 10.0), (5.0, 22.5), (2.0, 30.0), (2.0, 40.0))
    ],
    "persistence": [
        Cell("persistence", f"{20 / each:g} days", leave_calm=0.02 * each, leave_turbulent=0.05 * each)
        for each in (4.0, 2.0, 1.0, 0.5, 0.25)
    ],
    "contrast": [Cell("contrast", f"{each:.2g}", contrast=each) for each in (1.5, 2.0, 35 / 12, 4.0)],
    "jump": [Cell("jump", f"{100 * each:g} %", jump=each) for each in (0.0, -0.02, -0.04, -0.08)],
}
"""By what is varied around Market B at 10 bp, risk aversion 1, no jump; the long-run volatility stays."""


def mapped(axes: Sequence[str], paths: int, pieces: Pieces) -> Iterator[pd.DataFrame]:
    """Yield the row of one market after the other, from `pieces` where they have it.

    Raises
    ------
    SettingsError
        There is no such axis.
    """
    for axis in axes:
        if axis not in AXES:
            raise SettingsError(f"the map has no axis {axis}; {hint(axis, AXES)}")
    for axis in axes:
        for cell in AXES[axis]:
            piece = pieces("information_price", information_price, cell=cell, paths=paths, seed=SEED)
            yield with_shares(piece["cell"])


def with_shares(row: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the map with what each part makes of the whole value of knowing the regime, in %.

    The whole is the risk of the naive rule less that of the optimum that knows the regime.
    """
    whole = row["naive"] - row["known"]
    rival = row["blind"].where(row["rival"] == "blind", row["blind_optimum"])
    shares = {
        f"{name}_share": 100.0 * row[name] / whole for name in ("tuning_gains", "filter_adds", "hidden")
    }
    relative = {
        f"{name}_percent": 100.0 * row[name] / rival
        for name in ("filter_adds", "filter_adds_error", "knowing_adds", "knowing_adds_error")
    }
    return row.assign(**shares, **relative)


def sentence(row: pd.Series) -> str:
    """Return one row of the map as a line of text."""
    return (
        f"{row['axis']:15} {row['label']:>10}  naive {row['naive']:8.3f}  blind {row[row['rival']]:8.3f} "
        f"({row['tuning_gains_share']:3.0f} %)  filter adds {row['filter_adds']:+.4f} +- "
        f"{row['filter_adds_error']:.4f} ({row['filter_adds_percent']:+.2f} % of risk)  knowing "
        f"{row['knowing_adds']:+.4f}"
    )


def as_markdown(table: pd.DataFrame) -> str:
    """Return the map as a table in Markdown."""
    columns = ["varied", "value", "naive", "tuned blind", "blind optimum", "filter", "known"]
    columns += ["blind gets", "filter adds", "filter adds, % of risk"]
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "--:|" * (len(columns) - 1)]
    shown = ("naive", "blind", "blind_optimum", "filter", "known")
    for row in table.to_dict("records"):
        risks = " | ".join(f"{row[name]:.3f}" for name in shown)
        lines.append(
            f"| {row['axis']} | {row['label']} | {risks} | {row['tuning_gains_share']:.0f} % | "
            f"{row['filter_adds_share']:.1f} % | {row['filter_adds_percent']:.2f} ± "
            f"{row['filter_adds_error_percent']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def drawn(table: pd.DataFrame) -> Figure:
    """Return a panel an axis: what filter and knowledge take off the better blind rule's risk, in %."""
    axes = list(dict.fromkeys(table["axis"]))
    across, down = min(3, len(axes)), -(-len(axes) // 3)
    with house_style():
        figure = Figure(figsize=(9.6, 2.7 * down), layout=ConstrainedLayoutEngine(wspace=0.08))
        panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for panel, axis in zip(panels, axes, strict=False):
            rows = table[table["axis"] == axis]
            place = np.arange(len(rows))
            for name, colour, label in (
                ("knowing_adds", QUIET, "regime known"),
                ("filter_adds", BLUE, "filtered from prices"),
            ):
                panel.errorbar(
                    place, rows[f"{name}_percent"], 2.0 * rows[f"{name}_error_percent"],
                    color=colour, marker="o", markersize=4, linewidth=1.2, capsize=2, label=label,
                )  # fmt: skip
            panel.axhline(0.0, color=VERMILION, linewidth=0.8)
            panel.set_xticks(place, rows["label"].tolist())
            panel.set_title(axis)
        for panel in panels[len(axes) :]:
            panel.set_visible(False)
        panels[0].legend()
        figure.supylabel("less risk than the better tuned blind rule, %")
    return figure


def write_map(table: pd.DataFrame, folder: Path) -> None:
    """Write the map as CSV, JSON, Markdown and a figure."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "map.csv", index=False)
    records = json.dumps(table.to_dict("records"), indent=1)
    (folder / "map.json").write_text(records + "\n", encoding="utf-8")
    (folder / "map.md").write_text(as_markdown(table), encoding="utf-8")
    figures = {"map": drawn(table)}
    settle(figures)
    save_pictures(figures, folder)
