"""Forecasts at one row of plain numbers: all models that need no more than the row, in one compiled call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.forecasts.flat_trees import NO_TREES, FlatTrees, NodeArray
from pipeline.forecasts.task import SESSIONS_PER_YEAR, Task

IntArray = NDArray[np.int64]
PLAIN, SCALED, LOGGED = 0, 1, 2
LEVEL, EXPONENTIAL, LOGISTIC = 0, 1, 2
"""What a score becomes: itself, its exponential, or a probability."""
NO_NAMES: Final[tuple[str, ...]] = ()
DEFAULT_LEFT = 2
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2
NEAR_ZERO: Final = 1.0000000180025095e-35
"""LightGBM's kZeroThreshold, a single-precision 1e-35."""


@dataclass(frozen=True)
class RowForm:
    r"""A forecast of one row: :math:`\max(c\, g(b_0 + b \cdot (x - m) / s + \mathrm{trees}(x)), l)`.

    Attributes
    ----------
    task : whose unit and floor scale.
    scaled, logged, plain : columns x, in this order: `Task.scaled`, its logarithm, and as they are.
    intercept, slopes : of the first of x; the trees see all.
    mean, scale : m and s; empty for 0 and 1.
    trees : of LightGBM.
    link : g, one of `LEVEL`, `EXPONENTIAL` and `LOGISTIC`.
    factor, least : c and l.
    """

    task: Task
    intercept: float
    slopes: FloatArray
    scaled: Sequence[str] = NO_NAMES
    logged: Sequence[str] = NO_NAMES
    plain: Sequence[str] = NO_NAMES
    mean: FloatArray = field(default_factory=lambda: np.empty(0))
    scale: FloatArray = field(default_factory=lambda: np.empty(0))
    trees: FlatTrees = NO_TREES
    link: int = LEVEL
    factor: float = 1.0
    least: float = -np.inf

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of x."""
        return (*self.scaled, *self.logged, *self.plain)


class RowForms:
    """Several forecasts of one row at once.

    The numbers are those of the models' `predict`, to the last bit where NumPy's logarithm and exponential
    are those of the C library, else to 1e-12.

    Parameters
    ----------
    forms : of the models.
    names : of the numbers of a row, in their order.

    Raises
    ------
    DataError
        Naming a task and the columns that a row will lack.

    Examples
    --------
    >>> from pipeline.forecasts.task import illiquidity_task
    >>> form = RowForm(illiquidity_task(), 1.0, np.array([2.0]), logged=("b",), link=EXPONENTIAL)
    >>> RowForms([form], ("a", "b"))(np.array([7.0, 1.0])).round(3)
    array([2.718])
    """

    def __init__(self, forms: Sequence[RowForm], names: Sequence[str]) -> None:
        place = {name: k for k, name in enumerate(names)}
        for form in forms:
            if missing := [name for name in form.columns if name not in place]:
                raise DataError(f"task {form.task.name}: the features lack {', '.join(missing)}")
        self._places = np.array([place[name] for form in forms for name in form.columns], dtype=np.int64)
        self._kinds = np.array([kind for form in forms for kind in _kinds(form)], dtype=np.int64)
        self._lines = np.concatenate([_line(form) for form in forms]).reshape(-1, 3)
        own = [
            (
                form.task.horizon / SESSIONS_PER_YEAR if form.task.squared else 0.0,
                form.task.floor,
                form.intercept,
                form.factor,
                form.least,
            )
            for form in forms
        ]
        self._numbers = np.array(own, dtype=np.float64).reshape(-1, 5)
        self._counts = np.array(
            [(len(form.columns), len(form.slopes), form.trees.count, form.link) for form in forms],
            dtype=np.int64,
        ).reshape(-1, 4)
        self._trees = FlatTrees.joined([form.trees for form in forms])
        self._inputs = np.empty(max((len(form.columns) for form in forms), default=0))
        self(np.full(len(names), np.nan))  # compiled here, not at the first row

    def __call__(self, row: FloatArray) -> FloatArray:
        """Return the forecasts, in the order of the forms."""
        found = np.empty(len(self._counts))
        trees = self._trees
        _forecasts(
            row,
            self._places,
            self._kinds,
            self._lines,
            self._numbers,
            self._counts,
            trees.nodes,
            trees.splits,
            trees.leaves,
            trees.firsts,
            self._inputs,
            found,
        )
        return found


def of_one_row(form: RowForm, names: Sequence[str]) -> Callable[[FloatArray], float]:
    """Return one forecast of a row."""
    forms = RowForms([form], names)
    return lambda row: float(forms(row)[0])


def _kinds(form: RowForm) -> list[int]:
    return [SCALED] * len(form.scaled) + [LOGGED] * len(form.logged) + [PLAIN] * len(form.plain)


def _line(form: RowForm) -> FloatArray:
    """Return slope, mean and deviation of each input that has a slope, one after another."""
    count = len(form.slopes)
    mean = form.mean if len(form.mean) else np.zeros(count)
    scale = form.scale if len(form.scale) else np.ones(count)
    return np.stack([form.slopes, mean, scale], axis=1).ravel()


@kept(nogil=True, error_model="numpy")
def _forecasts(
    row: FloatArray,
    places: IntArray,
    kinds: IntArray,
    lines: FloatArray,
    numbers: FloatArray,
    counts: IntArray,
    nodes: NodeArray,
    splits: FloatArray,
    leaves: FloatArray,
    firsts: IntArray,
    inputs: FloatArray,
    found: FloatArray,
) -> None:
    """Write every forecast; `lines`, `numbers` and `counts` are those of `RowForms`."""
    column, sloped, tree = 0, 0, 0
    for model in range(len(counts)):
        share, floor, total, factor, least = numbers[model]
        for k in range(counts[model, 0]):
            value = row[places[column + k]]
            kind = kinds[column + k]
            if kind != PLAIN:
                value = value * value * share if share > 0.0 else value
                value = floor if value < floor else value
            inputs[k] = np.log(value) if kind == LOGGED else value
        column += counts[model, 0]
        for k in range(counts[model, 1]):
            total += lines[sloped + k, 0] * ((inputs[k] - lines[sloped + k, 1]) / lines[sloped + k, 2])
        sloped += counts[model, 1]
        if counts[model, 2]:
            grown = 0.0
            for _ in range(counts[model, 2]):
                grown += _leaf(inputs, nodes, splits, leaves, firsts, tree)
                tree += 1
            total += grown
        if counts[model, 3] == EXPONENTIAL:
            total = np.exp(total)
        elif counts[model, 3] == LOGISTIC:
            total = 1.0 / (1.0 + np.exp(-total))
        total *= factor
        found[model] = least if total < least else total


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _leaf(
    inputs: FloatArray, nodes: NodeArray, splits: FloatArray, leaves: FloatArray, firsts: IntArray, tree: int
) -> float:
    """Walk a tree: children below zero are leaves, −1 the first; see LightGBM's `Tree::NumericalDecision`."""
    begin = firsts[tree, 0]
    place = 0 if firsts[tree + 1, 0] > begin else -1
    while place >= 0:
        at = begin + place
        value, missing = inputs[nodes[at, 0]], (nodes[at, 1] >> 2) & 3
        if np.isnan(value) and missing != NAN_IS_MISSING:
            value = 0.0
        zero = missing == ZERO_IS_MISSING and abs(value) <= NEAR_ZERO
        if zero or (missing == NAN_IS_MISSING and np.isnan(value)):
            goes_left = (nodes[at, 1] & DEFAULT_LEFT) != 0
        else:
            goes_left = value <= splits[at]
        place = nodes[at, 2] if goes_left else nodes[at, 3]
    leaf: float = leaves[firsts[tree, 1] - place - 1]
    return leaf
