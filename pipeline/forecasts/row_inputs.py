"""What a model that remembers reads of one row of plain numbers."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.forecasts.task import SESSIONS_PER_YEAR, Task

PLAIN, SCALED, LOGGED = 0, 1, 2
NO_NAMES: Final[tuple[str, ...]] = ()


class RowInputs:
    """The inputs of a model from a row: scaled levels, then logs of scaled ones, then columns as they are.

    The numbers are those of `Task.scaled` and `task.columns` at the row, to the last bit where NumPy's
    logarithm is that of the C library, else to one unit in the last place.

    Parameters
    ----------
    task : whose unit and floor scale.
    names : of the numbers of a row, in their order.
    scaled, logged, plain : the columns that are read.

    Raises
    ------
    DataError
        Naming the task and the missing columns.

    Examples
    --------
    >>> from pipeline.forecasts.task import illiquidity_task
    >>> inputs = RowInputs(illiquidity_task(), ("a", "b"), logged=("b",), plain=("a",))
    >>> inputs(np.array([3.0, 1.0]))
    array([0., 3.])
    """

    def __init__(
        self,
        task: Task,
        names: Sequence[str],
        *,
        scaled: Sequence[str] = NO_NAMES,
        logged: Sequence[str] = NO_NAMES,
        plain: Sequence[str] = NO_NAMES,
    ) -> None:
        wanted = (*scaled, *logged, *plain)
        if missing := [name for name in wanted if name not in names]:
            raise DataError(f"task {task.name}: the features lack {', '.join(missing)}")
        place = {name: k for k, name in enumerate(names)}
        self._places = np.array([place[name] for name in wanted], dtype=np.int64)
        kinds = [SCALED] * len(scaled) + [LOGGED] * len(logged) + [PLAIN] * len(plain)
        self._kinds = np.array(kinds, dtype=np.int64)
        self._share = task.horizon / SESSIONS_PER_YEAR if task.squared else 0.0
        self._floor, self._values = task.floor, np.empty(len(wanted))

    def __call__(self, row: FloatArray) -> FloatArray:
        """Return the inputs at a row, [K]; the next call writes into the same array."""
        _read(row, self._places, self._kinds, self._share, self._floor, self._values)
        return self._values


@kept(nogil=True, error_model="numpy")
def _read(
    row: FloatArray,
    places: NDArray[np.int64],
    kinds: NDArray[np.int64],
    share: float,
    floor: float,
    values: FloatArray,
) -> None:
    for k in range(len(places)):
        value = row[places[k]]
        if kinds[k] != PLAIN:
            value = value * value * share if share > 0.0 else value
            value = floor if value < floor else value
        values[k] = np.log(value) if kinds[k] == LOGGED else value
