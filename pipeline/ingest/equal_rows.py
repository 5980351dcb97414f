"""Rows that two tables have in common, the n-th of equal ones with the n-th."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.ingest.market_tables import LADDER, SCHEMAS

_LADDERS: Final = frozenset(field.name for field in SCHEMAS["book"] if field.type == LADDER)


def numbered(
    first: pd.DataFrame, second: pd.DataFrame, columns: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of two tables [rows] a number of each row, the same where rows agree in some columns.

    NaN agrees with NaN; of the levels of a book a hash is compared.
    """
    rows = pd.concat([_comparable(each, columns) for each in (first, second)], ignore_index=True)
    groups = rows.groupby(list(rows.columns), sort=False, dropna=False).ngroup()
    number = np.asarray(groups, dtype=np.int64)
    return number[: len(first)], number[len(first) :]


def matched(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of two tables [rows] whether the other has the row, as often as it comes.

    Parameters
    ----------
    first, second : what `numbered` said of their rows.

    Examples
    --------
    >>> [each.tolist() for each in matched(np.array([1, 1, 2]), np.array([1, 1, 1, 3]))]
    [[True, True, False], [True, True, False, False]]
    """
    turns = [pd.Series(each).groupby(each).cumcount().to_numpy() for each in (first, second)]
    rows = len(first) + len(second)
    keys = [each * (rows + 1) + turn for each, turn in zip((first, second), turns, strict=True)]
    return np.isin(keys[0], keys[1]), np.isin(keys[1], keys[0])


def hashed(rows: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.uint64]:
    """Return [rows] a hash of some columns of each."""
    found = pd.util.hash_pandas_object(_comparable(rows, columns), index=False)
    return np.asarray(found, dtype=np.uint64)


def _comparable(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    ladders = [name for name in columns if name in _LADDERS and rows[name].dtype == object]
    return rows[list(columns)].assign(**{name: _hashed(rows[name]) for name in ladders})


def _hashed(levels: "pd.Series[Any]") -> NDArray[np.uint64]:
    """Return [rows] a hash of the levels of each."""
    columns = pd.DataFrame(np.stack(list(levels)))
    return np.asarray(pd.util.hash_pandas_object(columns, index=False), dtype=np.uint64)
