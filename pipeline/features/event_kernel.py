"""The one compiled loop behind both forms of an event feature, made from its three functions.

numba's cache does not see edits in another module, so the loop has to stand in the file of the functions
that it calls. It is therefore written into the feature's own module when that is imported, under a name that
tells the loop's own text apart, and cached on disk beside it: an edit of either compiles it again.
"""

import hashlib
import sys
from typing import Any, Final

from numba import njit

from pipeline.domain.lent_array import lent

LOOP: Final = """
def {name}(known_time, source, columns, grid, state, times, parameters, values):
    known_time, source, columns, grid = lent(known_time), lent(source), lent(columns), lent(grid)
    state, times, parameters, values = lent(state), lent(times), lent(parameters), lent(values)
    row = 0
    for place in range(grid.size):
        now = grid[place]
        while row < known_time.size and known_time[row] <= now:
            {step}(state, times, parameters, known_time[row], source[row], columns[row])
            row += 1
        {read}(state, times, parameters, now, values[place])
    while row < known_time.size:
        {step}(state, times, parameters, known_time[row], source[row], columns[row])
        row += 1
"""


def compiled(function: Any) -> Any:
    """Return a function of a feature compiled: no arithmetic is reordered, a division by zero is IEEE's."""
    return njit(nogil=True, error_model="numpy")(function)


def kernel(step: Any, read: Any) -> Any:
    """Return the compiled loop over rows and grid times that calls `step` and `read`.

    Parameters
    ----------
    step : `step(state, times, parameters, known_time, source, row)`, compiled, of some module.
    read : `read(state, times, parameters, now, values)`, compiled, of the same module.

    Raises
    ------
    ValueError
        One of them is not compiled, or is not known in that module under its own name.
    """
    functions = [_plain(part) for part in (step, read)]
    module = functions[0].__module__
    scope = sys.modules[module].__dict__
    for part, function in zip((step, read), functions, strict=True):
        if scope.get(function.__name__) is not part:
            raise ValueError(
                f"{function.__name__} has to stand at the top of {module}, where the loop calls it"
            )
    text = hashlib.sha256(LOOP.encode()).hexdigest()[:8]
    name = f"_over_{functions[0].__name__.strip('_')}_{functions[1].__name__.strip('_')}_{text}"
    if name not in scope:
        scope.setdefault("lent", lent)
        source = LOOP.format(name=name, step=functions[0].__name__, read=functions[1].__name__)
        exec(compile(source, str(scope["__file__"]), "exec"), scope)  # nosec B102 # LOOP, with names
        scope[name] = njit(cache=True, nogil=True, error_model="numpy")(scope[name])
    return scope[name]


def _plain(part: Any) -> Any:
    if not hasattr(part, "py_func"):
        raise ValueError(f"{getattr(part, '__name__', part)} has to be compiled: decorate it with @compiled")
    return part.py_func
