"""The columns of the grid that docs/intraday.md lists are those that the grid has."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.features.decision_history import with_history
from pipeline.features.event_catalogue import event_catalogue

DOCUMENT = Path(__file__).parents[2] / "docs" / "intraday.md"
OF_PRICE = "price"
"""Units of columns that stand beside the table: a level of price is no input of a fit."""


def documented(part):
    """Return the columns that one row of the table names, spelled out where it says `name_…`."""
    (row,) = re.findall(rf"^\| {part} \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    names = re.findall(r"`([a-z_0-9]+)(…?)`", row)
    return {f"{name}{span}" for name, many in names for span in ((1, 5, 20) if many else ("",))}


@pytest.mark.parametrize(
    ("part", "tables"),
    [
        ("quotes", {"quotes"}),
        ("trades", {"trades", "quotes"}),
        ("a book", {"book"}),
        ("a perpetual", {"funding", "perpetual_quotes", "spot_quotes"}),
    ],
)
def test_columns_of_events_are_those_of_the_catalogue(part, tables):
    own = [
        feature
        for feature in event_catalogue()
        if (sources := {source.table for source in feature.sources}) <= tables
        and (part != "trades" or "trades" in sources)
    ]
    outputs = {each.name for feature in own for each in feature.outputs if each.units != OF_PRICE}
    assert documented(part) == outputs


def test_columns_of_the_decisions_before_are_those_of_the_history():
    rows = pd.DataFrame({"day": "a", "mid": 100.0, "minutes": np.arange(3.0)})
    rows = rows.assign(half_spread=1e-4, crossing_cost=1e-4, depth=5.0)
    assert documented("the decisions before") == set(with_history(rows)) - set(rows) - {"return"}
