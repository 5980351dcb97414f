"""What a feature is, and how a function becomes one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray

Compute = Callable[..., FloatArray]

REGISTRY: Final[dict[str, "Feature"]] = {}
"""Features by name, in the order in which their modules declare them; read it through `catalogue`."""


@dataclass(frozen=True)
class Feature:
    """A causal number a session: what it is made of, how far back it looks, and in which units it comes.

    Attributes
    ----------
    name : column of the feature matrix.
    inputs : columns of the decision grid, in the order in which `compute` takes them.
    lookback : the value at row t depends on rows t − lookback + 1 … t and on nothing else.
    units : what one unit of the feature means.
    formula : in the notation of the reference; w is the window in sessions.
    reference : author and year.
    description : one sentence.
    compute : inputs ([T] float arrays) → [T], NaN where the look-back is not full or an input in it is NaN.
    module : where it is declared.
    """

    name: str
    inputs: tuple[str, ...]
    lookback: int
    units: str
    formula: str
    reference: str
    description: str
    compute: Compute
    module: str

    def values(self, grid: pd.DataFrame) -> FloatArray:
        """Return the feature on each row of the decision grid, [T].

        Raises
        ------
        KeyError
            The grid lacks an input.
        """
        columns = (np.ascontiguousarray(grid[column], dtype=np.float64) for column in self.inputs)
        return self.compute(*columns)


def feature(
    name: str,
    *,
    inputs: tuple[str, ...],
    units: str,
    formula: str,
    reference: str,
    windows: tuple[int, ...] = (),
    before: int = 0,
) -> Callable[[Compute], Compute]:
    """Register the decorated function as one feature, or as one for each window.

    Parameters
    ----------
    name : of the feature; `{window}` stands for the window.
    inputs, units, formula, reference : see `Feature`; the description is the docstring's first line.
    windows : sessions that the function's keyword `window` takes; empty for a function without one.
    before : rows needed before the window (1 where returns are formed from closes).

    Returns
    -------
    decorator : leaves the function as it is.

    Raises
    ------
    ValueError
        A feature of that name is registered already, or the function has no docstring.
    """

    def register(function: Compute) -> Compute:
        description = (inspect.getdoc(function) or "").partition("\n")[0]
        if not description:
            raise ValueError(
                f"feature {name}: {function.__name__} needs a docstring, its first line describes it"
            )
        for window in windows or (None,):
            compute = function if window is None else partial(function, window=window)
            full_name = name.format(window=window)
            if full_name in REGISTRY:
                raise ValueError(f"feature {full_name} is registered twice")
            REGISTRY[full_name] = Feature(
                name=full_name,
                inputs=inputs,
                lookback=(window or 1) + before,
                units=units,
                formula=formula,
                reference=reference,
                description=description,
                compute=compute,
                module=function.__module__,
            )
        return function

    return register
