"""The one answer of every hedger: a no-trade band."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray


@dataclass(frozen=True)
class Band:
    """A no-trade band per hedge instrument, in units of the instrument.

    Inside [`lower`, `upper`] nothing is done. From below, `speed` of the way to `to_lower` is traded, from
    above `speed` of the way to `to_upper`. The edges as targets and a speed of 1 are right for proportional
    cost. All arrays are [N, T, H].
    """

    lower: FloatArray
    upper: FloatArray
    to_lower: FloatArray
    to_upper: FloatArray
    speed: FloatArray

    @classmethod
    def between(cls, lower: FloatArray, upper: FloatArray) -> "Band":
        """Return a band on one hedge instrument that is traded to its nearest edge; edges are [N, T].

        Examples
        --------
        >>> Band.between(np.array([[0.4]]), np.array([[0.6]])).upper.shape
        (1, 1, 1)
        """
        low, high = lower[..., None], upper[..., None]
        return cls(low, high, low, high, np.broadcast_to(1.0, low.shape))

    @classmethod
    def around(cls, center: FloatArray, half_width: FloatArray | float = 0.0) -> "Band":
        """Return the band `center ± half_width`; a width of zero trades to the centre at every step."""
        return cls.between(center - half_width, center + half_width)

    def to(self, to_lower: FloatArray, to_upper: FloatArray) -> "Band":
        """Return the band with other targets, [N, T]: points inside it where every trade has a fixed fee."""
        return replace(self, to_lower=to_lower[..., None], to_upper=to_upper[..., None])

    def slowed(self, speed: FloatArray) -> "Band":
        """Return the band that goes `speed` [N, T] of the way in one step."""
        return replace(self, speed=np.broadcast_to(speed[..., None], self.lower.shape))

    def clipped(self, low: FloatArray, high: FloatArray) -> "Band":
        """Return the band with its edges and targets inside [low, high]; both are [N, T]."""
        least, most = low[..., None], high[..., None]

        def inside(edge: FloatArray) -> FloatArray:
            return np.minimum(np.maximum(edge, least), most)

        lower, upper = inside(self.lower), inside(self.upper)
        to_lower, to_upper = (
            edge if target is own else inside(target)
            for target, own, edge in (
                (self.to_lower, self.lower, lower),
                (self.to_upper, self.upper, upper),
            )
        )
        return Band(lower, upper, to_lower, to_upper, self.speed)

    def where(self, active: NDArray[np.bool_]) -> "Band":
        """Return the band where `active` ([N, T] or [T] of bool), and no trade elsewhere."""
        on = np.broadcast_to(active, self.lower.shape[:2])[..., None]
        return Band(
            np.where(on, self.lower, -np.inf),
            np.where(on, self.upper, np.inf),
            self.to_lower,
            self.to_upper,
            self.speed,
        )

    def checked(self, policy: str) -> "Band":
        """Return the band itself, or raise where an edge is NaN or the edges are crossed.

        Raises
        ------
        PolicyError
            Naming the policy, the episode and the decision time of the first fault.
        """
        bad = ~(self.lower <= self.upper)
        for target in (self.to_lower, self.to_upper):
            if target is not self.lower and target is not self.upper:
                bad |= np.isnan(target)
        if any(self.speed.strides) or np.isnan(self.speed.flat[:1]).any():  # one number, repeated: one look
            bad |= np.isnan(self.speed)
        if bad.any():
            row, time, _ = np.argwhere(bad)[0]
            raise PolicyError(
                f"policy {policy}: no valid band in episode {row} at decision time {time} "
                f"(lower {self.lower[row, time, 0]}, upper {self.upper[row, time, 0]})"
            )
        return self
