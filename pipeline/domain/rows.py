"""Large batches in blocks of rows, on every core: for work that does not look from one row to another."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

CELLS_A_BLOCK = 1 << 15
"""Numbers of one array in a block: few enough for the arrays of a block to stay near the core."""
CELLS_WORTH_IT = 1 << 18


def in_blocks(rows: int, cells_a_row: int, work: Callable[[slice], None]) -> None:
    """Call `work` with every block of rows; large batches on as many threads as there are cores.

    The blocks do not depend on the number of cores, and a row's result on neither. What `work` does must
    release the interpreter's lock (NumPy, numba with `nogil`) for threads to help.

    Examples
    --------
    >>> seen = []
    >>> in_blocks(5, 10, seen.append)
    >>> seen
    [slice(0, 5, None)]
    """
    if not is_large(rows, cells_a_row):
        work(slice(0, rows))
        return
    step = max(1, CELLS_A_BLOCK // cells_a_row)
    blocks = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        for _ in threads.map(work, blocks):
            pass


def is_large(rows: int, cells_a_row: int) -> bool:
    """Tell whether a batch is worth blocks and threads."""
    return rows * cells_a_row >= CELLS_WORTH_IT
