"""Bates: Heston with jumps."""

from dataclasses import dataclass, field
from typing import ClassVar

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.heston import Heston
from pipeline.simulate.jump_law import JumpLaw
from pipeline.simulate.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Bates(Heston):
    r"""Heston's market with normal jumps of the log price at Poisson times, independent of the variance.

    .. math:: dS/S = (μ − λ \mathrm{E}[e^J − 1]) dt + \sqrt{v} dW + (e^J − 1) dN

    Attributes
    ----------
    jumps : λ and the law of J; the other parameters are those of `Heston`.

    References
    ----------
    Bates (1996), Jumps and stochastic volatility, eq. 1.

    Examples
    --------
    >>> market = Bates(jumps=JumpLaw(intensity=1.0, mean=-0.05, deviation=0.05))
    >>> market.simulate(paths=2, steps=3, dt=1 / 252, seed=7).spot.shape
    (2, 4)
    """

    name: ClassVar[str] = "bates"
    blocks: ClassVar[int] = 2
    jumps: JumpLaw = field(default_factory=JumpLaw)

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`; `variance` is that of the diffusion."""
        super().fill(noise, out)
        self.jumps.apply(noise[:, 1], out.interval, out.spot)
