"""Black–Scholes: one volatility."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process


@dataclass(frozen=True, kw_only=True)
class BlackScholes(Process):
    """Geometric Brownian motion in its exact log-normal step.

    log S_{t+1} = log S_t + (μ − σ²/2) Δt + σ √Δt ε.

    Attributes
    ----------
    volatility : σ, annual decimal, at least 0.

    References
    ----------
    Black and Scholes (1973), the assumptions before eq. 1.

    Examples
    --------
    >>> BlackScholes(volatility=0.2).simulate(paths=2, steps=3, dt=1 / 252, seed=7).spot.round(2)
    array([[100.  ,  99.99, 100.69, 100.94],
           [100.  , 100.47, 100.82, 100.9 ]])
    """

    name: ClassVar[str] = "black_scholes"
    volatility: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need(0.0 <= self.volatility < np.inf, f"volatility {self.volatility}: give 0 or more")

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        out.variance[:] = self.volatility**2
        deviation = self.volatility * np.sqrt(out.interval)
        _walk(noise, self.spot, self.drift * out.interval - 0.5 * deviation**2, deviation, out.spot)


@kept(nogil=True)
def _walk(noise: FloatArray, spot: float, mean: float, deviation: float, out: FloatArray) -> None:
    logs = np.zeros(out.shape[0])
    out[:, 0] = spot
    for t in range(noise.shape[0]):
        for i in range(out.shape[0]):
            logs[i] += mean + deviation * noise[t, 0, 0, i]
            out[i, t + 1] = spot * np.exp(logs[i])
