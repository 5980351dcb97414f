"""`make tables`: what docs/results.md shows of learned hedgers is measured by it and judged."""

import re
import runpy
from pathlib import Path

import pytest

from benchmarks.targets import load_targets

PROJECT = Path(__file__).resolve().parents[2]
PAGE = runpy.run_path(str(PROJECT / "docs" / "refresh_results.py"))


def test_every_row_of_learned_hedgers_has_a_bound():
    assert set(PAGE["LEARNED"]) <= set(load_targets())


def test_every_row_is_measured_by_the_command():
    (recipe,) = re.findall(r"^tables:.*?\n\n", (PROJECT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert {name.partition(".")[0] for name in PAGE["LEARNED"]} <= set(recipe.split())


def test_the_page_has_every_row():
    page = (PROJECT / "docs" / "results.md").read_text()
    assert [label for label, _ in PAGE["LEARNED"].values() if f"| {label} |" not in page] == []


def test_what_has_not_been_made_is_one_line_that_says_what_to_run(monkeypatch):
    for name, table, said in (
        ("MAP", "map_table", "map.csv is missing: run hedge map"),
        ("BENCHMARKS", "learned_table", "none.json is missing: run make tables"),
    ):
        monkeypatch.setitem(PAGE["main"].__globals__, name, PROJECT / "none.json")
        with pytest.raises(SystemExit, match=f"{said}$"):
            PAGE[table]()
