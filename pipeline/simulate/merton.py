"""Merton: Black–Scholes with jumps."""

from dataclasses import dataclass, field
from typing import ClassVar

from pipeline.domain.instruments import FloatArray
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.jump_law import JumpLaw
from pipeline.simulate.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Merton(BlackScholes):
    r"""Geometric Brownian motion with normal jumps of the log price at Poisson times.

    .. math:: dS/S = (μ − λ \mathrm{E}[e^J − 1]) dt + σ dW + (e^J − 1) dN

    Exact at every step: the number of jumps is drawn, not one at most.

    Attributes
    ----------
    volatility : σ of the diffusion, annual decimal.
    jumps : λ and the law of J.

    References
    ----------
    Merton (1976), Option pricing when underlying stock returns are discontinuous, eq. 2.

    Examples
    --------
    >>> market = Merton(volatility=0.15, jumps=JumpLaw(intensity=1.0, mean=-0.05, deviation=0.05))
    >>> market.simulate(paths=2, steps=3, dt=1 / 252, seed=7).spot.shape
    (2, 4)
    """

    name: ClassVar[str] = "merton"
    blocks: ClassVar[int] = 2
    jumps: JumpLaw = field(default_factory=JumpLaw)

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`; `variance` is that of the diffusion."""
        super().fill(noise, out)
        self.jumps.apply(noise[:, 1], out.interval, out.spot)
