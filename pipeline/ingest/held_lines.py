"""Which lines of a block are sound, and why the others are held."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.market_tables import Batch, held


class HeldLines:
    """Lines of a block: each is sound until something is wrong with it, and the first reason stays.

    Examples
    --------
    >>> lines = HeldLines(3)
    >>> lines.refuse(np.array([False, True, False]), "no price")
    >>> lines.refuse(np.array([True, True, False]), "no size")
    >>> lines.sound.tolist(), lines.reasons
    ([False, False, True], {1: 'no price', 0: 'no size'})
    """

    def __init__(self, count: int) -> None:
        self.sound = np.ones(count, dtype=np.bool_)
        self.reasons: dict[int, str] = {}

    def refuse(self, wrong: NDArray[np.bool_], reason: str) -> None:
        """Hold the lines that are `wrong`, unless they are held already."""
        lines = np.flatnonzero(wrong & self.sound)
        if len(lines):
            self.reasons |= dict.fromkeys(lines.tolist(), reason)
            self.sound[lines] = False

    def by_table(
        self, tables: Callable[[int], str], file: str, number: NDArray[np.int64], shown: Callable[[int], str]
    ) -> Iterator[Batch]:
        """Yield the held lines by table, each with its `number` and what is `shown` of it."""
        by_table: dict[str, list[tuple[int, str, str]]] = {}
        for line in sorted(self.reasons):
            row = (int(number[line]), self.reasons[line], shown(line))
            by_table.setdefault(tables(line), []).append(row)
        for table, rows in by_table.items():
            yield held(table, file, rows)
