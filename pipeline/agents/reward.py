"""What an agent is paid for: accounting P&L less κ times its square."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray

Of = Literal["whole", "steps", "utility"]


@dataclass(frozen=True)
class Reward:
    """The reward of a step: accounting P&L ΔX (option and hedge at marks, less cost) with a penalty.

    After a P&L of X so far it is, for the `steps`, the `whole` P&L, and its exponential `utility`,

        ΔX − κ (ΔX)²,  ΔX − κ (ΔX)² − 2κ ΔX (X − b)  and  (e^(−λ(X − b)) − e^(−λ(X + ΔX − b)))/λ,

    the second of which sums to X_T − κ (X_T − b)² + κ b². κ = `multiple` · λ/2 with the risk aversion λ: at
    `multiple` 1 this is exponential utility to second order. With b = E X_T and κ = m/(2 SD X_T) the `whole`
    has the gradient of E X_T − m SD X_T, as the two critics of Cao et al. have. The squares of the steps
    leave out how costs of one day go with gains of another, and take for risk what is sure to be paid. The
    `utility` sums to that of the whole P&L, exactly: who minds entropic risk learns from it what no square
    says, where a P&L is skewed; at great risk aversions a few paths are all of it. A reward on the mean alone
    (`multiple` 0) teaches to speculate.

    Attributes
    ----------
    multiple : of the desk's risk aversion, 0 or more.
    of : the `whole` P&L, its `steps`, or its `utility`, which reads no multiple.
    aim : b, money.
    pull : money that a correction (a, b) costs over a whole life, times a² + b²: towards the prior, where
        there is little to learn from.
    paired : whether what Zakamouline's band earns on the same path is taken off: this depends on no action,
        so what is best stays best, and most of the noise is gone.

    Raises
    ------
    SettingsError
        The multiple or the pull is negative.

    References
    ----------
    Cao, Chen, Hull and Poulos (2020), section 3; Zhou and Li (2000), Continuous-time mean-variance portfolio
    selection, theorem 3.1.

    Examples
    --------
    >>> reward, step = Reward(of="whole"), np.array([1.0, -3.0])
    >>> one = np.ones(2)
    >>> (reward(step[:1], 0 * one[:1], one[:1]) + reward(step[1:], step[:1], one[:1])).tolist()  # −2 − ½·4
    [-4.0]
    """

    multiple: float = 1.0
    of: Of = "whole"
    aim: float = 0.0
    paired: bool = True
    pull: float = 0.0

    def __post_init__(self) -> None:
        if not (self.multiple >= 0.0 and self.pull >= 0.0):
            raise SettingsError(
                f"reward: {self.multiple} times the risk aversion and a pull of {self.pull}: give 0 or more"
            )

    def __call__(self, step: FloatArray, before: FloatArray, aversion: FloatArray) -> FloatArray:
        """Return the rewards [N] of P&L steps [N] after P&L [N] at risk aversions [N]."""
        if self.of == "utility":
            left = np.exp(-aversion * (before - self.aim))
            return np.asarray(-left * np.expm1(-aversion * step) / aversion)
        kappa = 0.5 * self.multiple * aversion
        weighed = step + 2.0 * (before - self.aim) if self.of == "whole" else step
        return step - kappa * step * weighed
