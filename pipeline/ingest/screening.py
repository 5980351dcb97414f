"""Checks of single cells: what is no number, and what a column may not hold, goes to quarantine."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.raw_table import Text

MISSING: Final = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "-", "."})
"""Texts, in small letters, that say that there is no value."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def numbers(screened: Quarantine, name: str, texts: Text, optional: bool = False) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where it holds none; those rows go to quarantine.

    Parameters
    ----------
    screened : the verdict on each row so far.
    name : of the column, for the reason.
    texts : [rows] its text.
    optional : a row without a value is as good as one with.
    """
    values = np.full(len(texts), np.nan)
    empty = np.zeros(len(texts), dtype=np.bool_)
    for row, text in enumerate(texts):
        if _NUMBER.fullmatch(text):
            values[row] = float(text)
        else:
            empty[row] = text.lower() in MISSING
    if not optional:
        refuse(screened, empty, f"no value: {name}")
    refuse(screened, np.isnan(values) & ~empty, f"not a number: {name}")
    return values


def refuse(screened: Quarantine, faulty: NDArray[np.bool_], reason: str) -> None:
    """Put the faulty rows in quarantine that no reason was found for yet."""
    screened.put(np.flatnonzero(faulty & screened.sound), reason)
