"""Real history, resampled in blocks."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.paths import Paths
from pipeline.simulate.stepwise import StepwiseProcess


@dataclass(frozen=True, kw_only=True)
class StationaryBootstrap(StepwiseProcess):
    """Paths of real returns in blocks of random length from a history that wraps around.

    A step goes on with the return after the last one, or (with probability 1/`mean_block`) starts anew at a
    uniform position. What depends on less than a block is kept: fat tails, clusters, leverage. The mean of
    the gross returns is taken out, so that one step is a fair game at μ = 0; several steps are one up to what
    the history's own autocorrelation adds.

    Attributes
    ----------
    history : [M] log returns of consecutive steps, at least 2.
    variances : [M] annual variance known before each of the returns, resampled with them; empty is none, and
        the paths' variance is NaN.
    mean_block : mean length of a block, steps, at least 1; 1 draws every return by itself.

    Raises
    ------
    SettingsError
        Too few returns, one that is not finite, a mean block below 1, or sizes that differ.

    References
    ----------
    Politis and Romano (1994), The stationary bootstrap, section 2.

    Examples
    --------
    >>> market = StationaryBootstrap(history=(0.01, -0.02, 0.015, -0.004), mean_block=2.0)
    >>> market.simulate(paths=3, steps=5, dt=1 / 252, seed=7).spot.shape
    (3, 6)
    """

    name: ClassVar[str] = "stationary_bootstrap"
    history: tuple[float, ...]
    variances: tuple[float, ...] = ()
    mean_block: float = 42.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need(len(self.history) >= 2, f"{len(self.history)} returns: give at least 2")
        wrong = np.flatnonzero(~np.isfinite(self.history))
        self.need(wrong.size == 0, f"return {wrong[:1]} is not finite: fill or leave out what is missing")
        self.need(1.0 <= self.mean_block < np.inf, f"mean_block {self.mean_block}: give 1 or more")
        self.need(
            len(self.variances) in (0, len(self.history)),
            f"{len(self.variances)} variances for {len(self.history)} returns: give as many, or none",
        )

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        history = np.array(self.history)
        fair = history - np.log(np.exp(history).mean()) + self.drift * out.interval
        variances = np.array(self.variances) if self.variances else np.full(len(history), np.nan)
        _resample(noise, self.spot, fair, variances, 1.0 / self.mean_block, out.spot, out.variance)


@kept(nogil=True)
def _resample(
    noise: FloatArray,
    spot: float,
    returns: FloatArray,
    variances: FloatArray,
    fresh: float,
    out: FloatArray,
    variance: FloatArray,
) -> None:
    """Start a block where the first uniform says so, at the position that the second tells."""
    count, steps = len(returns), noise.shape[0]
    for i in range(out.shape[0]):
        logs, position = 0.0, 0
        out[i, 0] = spot
        for t in range(steps):
            position = (position + 1) % count
            if t == 0 or noise[t, 0, 2, i] < fresh:
                position = min(int(noise[t, 0, 3, i] * count), count - 1)
            logs += returns[position]
            variance[i, t] = variances[position]
            out[i, t + 1] = spot * np.exp(logs)
        variance[i, steps] = variances[(position + 1) % count]
