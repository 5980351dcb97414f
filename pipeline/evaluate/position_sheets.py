"""The tables of the report about a user's file of positions: what the book holds, and the rows held back."""

import numpy as np

from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.sheets import Cell, Sheet, number

FEW = 12
"""Options that are listed without unfolding."""


def positions_sheet(evaluation: Evaluation) -> Sheet | None:
    """The options of the file of positions; None for a rolling programme."""
    options = evaluation.tables["positions"]
    if options.empty:
        return None
    opened = options["opened"].dt.strftime("%Y-%m-%d").fillna("taken over")
    price = [_amount(each) if np.isfinite(each) else "at its mark" for each in options["price"]]
    columns = (
        options["row"].astype(str),
        options["kind"],
        [_amount(each, sign=True) for each in options["quantity"]],
        [_amount(each) for each in options["strike"]],
        opened,
        options["expiry"].dt.strftime("%Y-%m-%d"),
        price,
    )
    rows = tuple(tuple(Cell(str(text)) for text in row) for row in zip(*columns, strict=True))
    lead = (
        f"As read from {options['file'].iloc[0]}. Quantities are in units of the underlying, negative is "
        "sold; an option without an opening date was taken over on the first tested session."
    )
    headings = ("Row", "Kind", "Quantity", "Strike", "Opened", "Expiry", "Price")
    return Sheet("positions", "The options held", lead, headings, rows, 2, folded=len(rows) > FEW)


def held_back_sheet(evaluation: Evaluation) -> Sheet | None:
    """The rows of the file of positions that failed a check; None where none did."""
    held = evaluation.tables["held_back"]
    if held.empty:
        return None
    columns = ("row", "reason", "text")
    rows = tuple(tuple(Cell(str(row[name])) for name in columns) for row in held.to_dict("records"))
    lead = (
        f"{len(held)} rows of {held['file'].iloc[0]} failed a check: the book on this page is hedged without "
        "them and is not the book of the file. hedge decide refuses such a file."
    )
    return Sheet("held-back", "Rows held back", lead, ("Row", "Reason", "Text"), rows, 3)


def _amount(value: float, sign: bool = False) -> str:
    """Print a number with as many decimals as it has, four at most."""
    places = next((n for n in range(4) if round(value, n) == value), 4)
    return number(value, places, sign)
