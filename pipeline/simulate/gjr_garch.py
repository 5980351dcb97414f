"""GJR-GARCH: a variance that today's return moves, a loss more than a gain."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.paths import Paths
from pipeline.simulate.stepwise import StepwiseProcess


@dataclass(frozen=True, kw_only=True)
class GjrGarch(StepwiseProcess):
    r"""A price whose log return is normal with a variance that past returns set.

    .. math:: \log S_{t+1} = \log S_t + μΔt − h_t/2 + a_t, \quad a_t = \sqrt{h_t} ε_t, \quad
        h_{t+1} = ω + (α + γ 1\{a_t < 0\}) a_t^2 + β h_t

    Attributes
    ----------
    omega : ω, variance of one step.
    alpha, gamma, beta : weights of a squared return, of a squared loss on top, and of the variance before.
    begin : h_0, variance of the first step; None is the long-run one, ω / (1 − α − γ/2 − β).

    Raises
    ------
    SettingsError
        A variance could become negative, or the persistence α + γ/2 + β is 1 or more.

    References
    ----------
    Glosten, Jagannathan, Runkle (1993). Duan (1995) for the drift −h/2 that makes the price a martingale.

    Examples
    --------
    >>> round(GjrGarch(omega=1e-6, alpha=0.0, gamma=0.1, beta=0.9).long_run, 8)
    2e-05
    """

    name: ClassVar[str] = "gjr_garch"
    omega: float = 2e-6
    alpha: float = 0.02
    gamma: float = 0.12
    beta: float = 0.9
    begin: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need(
            self.omega >= 0.0 and self.beta >= 0.0 and self.alpha >= 0.0 and self.alpha + self.gamma >= 0.0,
            "a variance could become negative: omega, alpha, beta and alpha + gamma must be 0 or more",
        )
        self.need(
            self.persistence < 1.0,
            f"persistence α + γ/2 + β = {self.persistence:g}: the variance has no long-run mean, fit "
            "on a longer window or give weights that sum below 1",
        )
        self.need(
            self.begin is None or self.begin >= 0.0, f"begin {self.begin}: give a variance of 0 or more"
        )

    @property
    def persistence(self) -> float:
        """Weight of a variance in the expectation of the next one."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def long_run(self) -> float:
        """Unconditional variance of a step."""
        return self.omega / (1.0 - self.persistence)

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        begin = self.long_run if self.begin is None else self.begin
        parameters = np.array([self.drift * out.interval, self.omega, self.alpha, self.gamma, self.beta])
        _feed_back(noise, self.spot, begin, parameters, out.interval, out.spot, out.variance)


@kept(nogil=True)
def _feed_back(
    noise: FloatArray,
    spot: float,
    begin: float,
    parameters: FloatArray,
    dt: float,
    out: FloatArray,
    variance: FloatArray,
) -> None:
    drift, omega, alpha, gamma, beta = parameters
    logs, h = np.zeros(out.shape[0]), np.full(out.shape[0], begin)
    out[:, 0], variance[:, 0] = spot, begin / dt
    for t in range(noise.shape[0]):
        for i in range(out.shape[0]):
            shock = np.sqrt(h[i]) * noise[t, 0, 0, i]
            logs[i] += drift - 0.5 * h[i] + shock
            news = alpha + gamma if shock < 0.0 else alpha
            h[i] = omega + news * shock**2 + beta * h[i]
            variance[i, t + 1] = h[i] / dt
            out[i, t + 1] = spot * np.exp(logs[i])
