"""The one compiled loop behind both forms of an event feature, made for its three functions."""

import functools
from types import FunctionType
from typing import Any

from numba import njit

from pipeline.domain.kept import kept
from pipeline.domain.lent_array import lent


def compiled(function: Any) -> Any:
    """Return a function of a feature compiled: no arithmetic is reordered, a division by zero is IEEE's."""
    return njit(nogil=True, error_model="numpy")(function)


step: Any = None
read: Any = None
"""What the loop calls: `kernel` gives it a feature's own under these names."""


def _over(
    known_time: Any,
    source: Any,
    columns: Any,
    grid: Any,
    state: Any,
    times: Any,
    parameters: Any,
    values: Any,
) -> None:
    known_time, source, columns, grid = lent(known_time), lent(source), lent(columns), lent(grid)
    state, times, parameters, values = lent(state), lent(times), lent(parameters), lent(values)
    row = 0
    for place in range(grid.size):
        now = grid[place]
        while row < known_time.size and known_time[row] <= now:
            step(state, times, parameters, known_time[row], source[row], columns[row])
            row += 1
        read(state, times, parameters, now, values[place])
    while row < known_time.size:
        step(state, times, parameters, known_time[row], source[row], columns[row])
        row += 1


@functools.cache
def kernel(step: Any, read: Any) -> Any:
    """Return the compiled loop over rows and grid times that calls `step` and `read`: one for each two.

    Parameters
    ----------
    step : `step(state, times, parameters, known_time, source, row)`, compiled.
    read : `read(state, times, parameters, now, values)`, compiled.

    Raises
    ------
    ValueError
        One of them is not compiled.
    """
    for part in (step, read):
        if not hasattr(part, "py_func"):
            name = getattr(part, "__name__", part)
            raise ValueError(f"{name} has to be compiled: decorate it with @compiled")
    name = f"_over.{step.__module__}.{step.__name__}.{read.__name__}"  # of the file in which it is kept
    over = FunctionType(_over.__code__, {**globals(), "step": step, "read": read}, name)
    over.__qualname__ = name
    return kept(nogil=True, error_model="numpy")(over)
