"""What is hedged: an option book made of legs, seen from the desk that holds it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Right = Literal["call", "put"]
Kind = Literal["call", "put", "straddle"]
Side = Literal["short", "long"]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Leg:
    """A European option in a book; `quantity` is signed, -1 is one option sold.

    In a net book of M options it is [M, N, T]: what is held of each option on each path at each time.
    """

    right: Right
    quantity: float | FloatArray


@dataclass(frozen=True)
class Liability:
    """Calls and puts on one strike and one expiry; in a net book each option has its own of both.

    Examples
    --------
    >>> Liability.of("straddle", "short").legs
    (Leg(right='call', quantity=-1.0), Leg(right='put', quantity=-1.0))
    >>> Liability.of("call", "short").position_range == (0.0, 1.0)
    True
    """

    legs: tuple[Leg, ...]

    @classmethod
    def of(cls, kind: Kind, side: Side) -> "Liability":
        """Build the book for one option of `kind`, sold (`short`) or bought (`long`)."""
        quantity = -1.0 if side == "short" else 1.0
        rights: tuple[Right, ...] = ("call", "put") if kind == "straddle" else (kind,)
        return cls(tuple(Leg(right, quantity) for right in rights))

    @property
    def position_range(self) -> tuple[FloatArray | float, FloatArray | float]:
        """Least and greatest undiscounted hedge position that any delta of the options can ask for."""
        ends = [(-leg.quantity * (1.0 if leg.right == "call" else -1.0)) for leg in self.legs]
        return sum(np.minimum(end, 0.0) for end in ends), sum(np.maximum(end, 0.0) for end in ends)

    def selected(self, select: Callable[[FloatArray], FloatArray]) -> "Liability":
        """Return the liability with `select` applied to the quantities [M, N, T] of a net book."""
        return Liability(
            tuple(
                leg if isinstance(leg.quantity, float) else Leg(leg.right, select(leg.quantity))
                for leg in self.legs
            )
        )

    def payoff(self, spot: FloatArray, strike: FloatArray) -> FloatArray:
        """Return what the book pays its holder at expiry, in money (negative: the desk pays).

        Examples
        --------
        >>> Liability.of("straddle", "short").payoff(np.array([90.0, 103.0]), np.array([100.0, 100.0]))
        array([-10.,  -3.])
        """
        total = np.zeros(np.broadcast_shapes(np.shape(spot), np.shape(strike)))
        for leg in self.legs:
            sign = 1.0 if leg.right == "call" else -1.0
            total += leg.quantity * np.maximum(sign * (spot - strike), 0.0)
        return total
