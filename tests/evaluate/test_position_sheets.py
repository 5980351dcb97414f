from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.book_sheets import book_sheet
from pipeline.evaluate.position_sheets import held_back_sheet, positions_sheet


@pytest.fixture
def with_positions(evaluation):
    options = pd.DataFrame(
        {
            "file": "held.csv",
            "row": [2, 4],
            "kind": ["call", "put"],
            "strike": [2400.0, 2350.5],
            "expiry": pd.to_datetime(["2016-06-17", "2016-07-15"]),
            "quantity": [-100.0, 0.25],
            "opened": [pd.Timestamp("2016-06-01"), pd.NaT],
            "price": [31.5, np.nan],
        }
    )
    held = pd.DataFrame(
        {"table": "positions", "file": "held.csv", "row": [3], "reason": "quantity of zero", "text": "call,1"}
    )
    book = evaluation.desk.book.model_validate({"positions": "held.csv"})
    desk = evaluation.desk.model_copy(update={"book": book})
    return replace(
        evaluation, desk=desk, tables={**evaluation.tables, "positions": options, "held_back": held}
    )


def texts(sheet):
    return [[cell.text for cell in row] for row in sheet.rows]


def test_options_are_listed_as_they_were_read(with_positions):
    assert texts(positions_sheet(with_positions)) == [
        ["2", "call", "−100", "2,400", "2016-06-01", "2016-06-17", "31.5"],
        ["4", "put", "+0.25", "2,350.5", "taken over", "2016-07-15", "at its mark"],
    ]
    assert texts(held_back_sheet(with_positions)) == [["3", "quantity of zero", "call,1"]]


def test_what_one_spot_is_in_the_money_of_the_bars_is_said(with_positions):
    days = with_positions.tables["book"]["session"].min()
    close = with_positions.tables["signals"].set_index("session")["close"][days]
    assert (
        f"one option is on 10,000 of them, or {close:,.2f} in the money of the bars."
        in book_sheet(with_positions).lead
    )


def test_a_rolling_programme_has_no_such_sheets(evaluation):
    assert positions_sheet(evaluation) is None
    assert held_back_sheet(evaluation) is None
    assert "money of the bars" not in book_sheet(evaluation).lead
