"""Jumps that come at random: how often, how large, and what they add to a price."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept


@dataclass(frozen=True)
class JumpLaw:
    """A compound Poisson process of normal jumps in the log price.

    Attributes
    ----------
    intensity : λ, jumps a year.
    mean : of one jump, in logs.
    deviation : of one jump, in logs.

    Raises
    ------
    SettingsError
        The intensity or the deviation is negative.

    Examples
    --------
    >>> round(JumpLaw(intensity=0.5, mean=-0.1, deviation=0.0).relative_mean, 4)
    -0.0952
    """

    intensity: float = 0.5
    mean: float = -0.1
    deviation: float = 0.1

    def __post_init__(self) -> None:
        if not (0.0 <= self.intensity < np.inf and 0.0 <= self.deviation < np.inf and np.isfinite(self.mean)):
            raise SettingsError(f"{self}: give an intensity and a deviation of 0 or more, and a finite mean")

    @property
    def relative_mean(self) -> float:
        """E e^J − 1, what one jump adds to the price on average, as a fraction."""
        return float(np.expm1(self.mean + 0.5 * self.deviation**2))

    def apply(self, noise: FloatArray, dt: float, spot: FloatArray) -> None:
        """Multiply prices [N, T+1] by the jumps, less what they add on average, λ(E e^J − 1) a year.

        `noise` [T, 4, N]: the number of jumps of a step comes from the first uniform by inversion, their sum
        from the first normal.
        """
        if self.intensity > 0.0:
            drift = -self.intensity * self.relative_mean * dt
            _jump(noise, self.intensity * dt, self.mean, self.deviation, drift, spot)


@kept(nogil=True)
def _jump(
    noise: FloatArray, expected: float, mean: float, deviation: float, drift: float, spot: FloatArray
) -> None:
    logs = np.zeros(spot.shape[0])
    none = np.exp(-expected)
    for t in range(noise.shape[0]):
        for i in range(spot.shape[0]):
            count, chance, below = 0, none, none
            while noise[t, 2, i] > below and chance > 0.0:
                count += 1
                chance *= expected / count
                below += chance
            logs[i] += drift
            if count > 0:
                logs[i] += count * mean + np.sqrt(count) * deviation * noise[t, 0, i]
            spot[i, t + 1] *= np.exp(logs[i])
