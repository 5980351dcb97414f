"""Whether the books of a file follow from the messages of another: a line lost in one shifts all the rest."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.market_tables import BUY, SELL

WINDOW: Final = 100
"""Messages in a row that are judged together."""
CONTRARY: Final = 0.5
"""Share of them from which on the files do not belong together.

A whole pair has every change right; after a line that one of them lost, next to none is.
"""
RUN: Final = 10
"""Messages in a row, all contradicted, that are enough: the other file may soon lose a line too, or end."""
_ADDED: Final = 1
_JUDGED: Final = (1, 2, 3, 4)
"""Kinds of LOBSTER's messages that change a level by their size: submitted, cancelled, deleted, executed."""
_SIDES: Final = {BUY: "bid", SELL: "ask"}

Levels = Mapping[str, NDArray[np.float64]]
"""`bid_price`, `bid_size`, `ask_price`, `ask_size` [rows, N]; NaN where a side ends."""


def contrary(
    kind: NDArray[np.int64],
    price: NDArray[np.float64],
    change: NDArray[np.int64],
    side: NDArray[np.int64],
    before: Levels,
    after: Levels,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return [rows] whether a message can be judged by its books, and whether these contradict it.

    It can where its level is within what is told of its side before and after it. Its size there must then
    have changed by that of the message, and in the right direction.

    Examples
    --------
    >>> def book(size):
    ...     rows = {"bid_price": [[7.0]], "bid_size": [[size]], "ask_price": [[9.0]], "ask_size": [[1.0]]}
    ...     return {name: np.array(values) for name, values in rows.items()}
    >>> message = [np.array([value]) for value in (1, 7.0, 5, 1)]
    >>> [each.tolist() for each in contrary(*message, book(4.0), book(9.0))]
    [[True], [False]]
    >>> [each.tolist() for each in contrary(*message, book(4.0), book(8.0))]
    [[True], [True]]
    """
    judged, wrong = np.zeros(len(kind), np.bool_), np.zeros(len(kind), np.bool_)
    wanted = np.where(kind == _ADDED, change, -change)
    for direction, name in _SIDES.items():
        told = np.isin(kind, _JUDGED) & (side == direction)
        sizes = []
        for levels in (before, after):
            prices = levels[f"{name}_price"]
            worst = np.where(np.isnan(prices[:, -1]), -np.inf * direction, prices[:, -1])
            told &= direction * price >= direction * worst
            sizes.append(np.nansum(np.where(prices == price[:, None], levels[f"{name}_size"], 0.0), axis=1))
        judged |= told
        wrong |= told & (sizes[1] - sizes[0] != wanted)
    return judged, wrong


class BookFollows:
    """Looks at a pair of files from block to block."""

    def __init__(self) -> None:
        self._before: dict[str, NDArray[np.float64]] = {}
        self._known = False
        self._lately = np.zeros(0, np.bool_)

    def astray(
        self,
        line: NDArray[np.int64],
        message: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]],
        levels: Levels,
        whole: NDArray[np.bool_],
    ) -> int | None:
        """Return the line by which all of `RUN` messages or too many of `WINDOW` were contradicted, or None.

        Parameters
        ----------
        line : [rows] of the messages.
        message : kind, price, size and direction of each, as in `contrary`.
        levels : the book after each.
        whole : [rows] whether message and book could be read.
        """
        if not len(line):
            return None
        first = self._before or {name: values[:1] for name, values in levels.items()}
        before = {name: np.concatenate([first[name], values[:-1]]) for name, values in levels.items()}
        judged, wrong = contrary(*message, before, levels)
        judged &= whole & np.r_[self._known, whole[:-1]]
        self._before, self._known = {name: values[-1:] for name, values in levels.items()}, bool(whole[-1])
        lately = np.r_[self._lately, wrong[judged]]
        many = (_counted(lately, WINDOW) > CONTRARY * WINDOW) | (_counted(lately, RUN) == RUN)
        many = many[len(self._lately) :]
        self._lately = lately[-WINDOW:]
        return int(line[judged][np.argmax(many)]) if many.any() else None


def _counted(found: NDArray[np.bool_], window: int) -> NDArray[np.int64]:
    """Return [rows] how many of each and those before it, `window` in all, are found."""
    total = np.cumsum(np.r_[0, found])
    counts: NDArray[np.int64] = (total - total[np.maximum(np.arange(len(total)) - window, 0)])[1:]
    return counts
