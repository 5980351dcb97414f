"""A band of one hedge instrument at one decision, as plain numbers."""

from typing import NamedTuple


class Edges(NamedTuple):
    """See `domain.band.Band`; units of the instrument."""

    lower: float
    upper: float
    to_lower: float
    to_upper: float
    speed: float = 1.0

    @classmethod
    def between(cls, lower: float, upper: float) -> "Edges":
        """Return a band that is traded to its nearest edge."""
        return cls(lower, upper, lower, upper)
