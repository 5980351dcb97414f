"""A comparison of two runs for the terminal and as a page that opens offline, figures side by side."""

import base64
import json
import os
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from pipeline.domain.differences import Difference
from pipeline.evaluate.compare_runs import METRICS, RunComparison
from pipeline.evaluate.sheets import number

HEADINGS = ("mean", "beta", "SD", "CVaR95", "risk", "cost", "trades")
PARTS = ("settings", "data", "code")
Values = tuple[float | None, float | None]


def comparison_of_runs_for_terminal(found: RunComparison) -> RenderableType:
    """Return what differs, then a table of second − first by policy, for 100 columns."""
    table = Table(title=f"{found.second} minus {found.first}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("policy", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for policy, metrics in found.policies.items():
        table.add_row(policy, *(change(metrics[metric]) for metric in METRICS))
    return Group(*(line for part in PARTS for line in _lines(part, getattr(found, part))), table)


def comparison_page(found: RunComparison, first: Path, second: Path) -> str:
    """Return the comparison as one HTML page; figures that both runs have stand side by side."""
    environment = Environment(
        loader=PackageLoader("pipeline.evaluate", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = sorted(
        {path.name for path in first.glob("*.png")} & {path.name for path in second.glob("*.png")}
    )
    return environment.get_template("comparison_page.html.j2").render(
        found=found,
        parts=[(part, getattr(found, part)) for part in PARTS],
        headings=HEADINGS,
        rows=[
            (policy, [(*map(_shown, metrics[metric]), change(metrics[metric])) for metric in METRICS])
            for policy, metrics in found.policies.items()
        ],
        figures=[
            (name.removesuffix(".png").replace("_", " "), _inline(first / name), _inline(second / name))
            for name in shared
        ],
    )


def write_comparison(found: RunComparison, first: Path, second: Path, folder: Path) -> Path:
    """Write the page into a folder, whole or not at all, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{found.first}--{found.second}.html"
    building = page.with_name(f".{page.name}.{os.getpid()}.building")
    building.write_text(comparison_page(found, first, second), encoding="utf-8")
    return building.replace(page)


def comparison_as_json(found: RunComparison) -> str:
    """Return the comparison as JSON text."""
    return json.dumps(asdict(found), indent=2, ensure_ascii=False)


def change(values: Values) -> str:
    """Return second − first with its sign, a dash where a run has no value.

    Examples
    --------
    >>> change((1.0, 3.5)), change((None, 1.0)), change((2.0, 2.0))
    ('+2.50', '–', '0.00')
    """
    first, second = values
    if first is None or second is None:
        return "–"
    difference = round(second - first, 2)
    return ("+" if difference > 0 else "") + number(difference, 2)


def _shown(value: float | None) -> str:
    return "–" if value is None else number(value, 2)


def _lines(part: str, differences: tuple[Difference, ...]) -> list[str]:
    if not differences:
        return [f"{part}: the same"]
    return [f"{part}: {one.key}: {one.first or '–'} → {one.second or '–'}" for one in differences]


def _inline(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
