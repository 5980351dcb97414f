"""The results as a table in the terminal."""

from collections.abc import Collection, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

BOUNDS = {"at_least": "≥", "at_most": "≤", "below": "<"}


def show(records: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> None:
    """Print the records of `names`, one a row."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("result", overflow="fold")
    for heading in ("ours", "peer", "ratio", "target", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, record in records.items():
        if name in names:
            met = {True: "[green]yes[/]", False: "[bold red]no[/]", None: ""}[record["met"]]
            figures = [_number(record[key]) for key in ("ours", "peer", "ratio")]
            why = f"\n  {record['reason']}" if record.get("reason") else ""
            table.add_row(f"{name} ({record['unit']}){why}", *figures, _bound(record["target"]), met)
    Console().print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _bound(target: Mapping[str, Any] | None) -> str:
    if target is None:
        return ""
    key = next(key for key in BOUNDS if key in target)
    return f"{'ratio ' if target['of'] == 'ratio' else ''}{BOUNDS[key]} {target[key]:g}"
