"""One decision as plain numbers: what a live desk knows of it."""

from typing import NamedTuple

from pipeline.domain.instruments import FloatArray


class DecisionRow(NamedTuple):
    """A row of the decision grid; whoever makes rows says in `names` what they are.

    Attributes
    ----------
    at : ns since 1970 UTC.
    day : by the clock of the grid's zone.
    numbers : the columns that are numbers, NaN where one is not known.
    funding : settlements of a perpetual that became known since the decision before: when, ns, and the rate.
    """

    at: int
    day: str
    numbers: FloatArray
    funding: tuple[tuple[int, float], ...] = ()
