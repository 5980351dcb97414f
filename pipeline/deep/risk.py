"""Risk measures that gradients flow through: what a network is trained to make small."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from pipeline.domain.errors import SettingsError

BISECTIONS = 60


class Risk(ABC):
    """A risk measure of profits [N], in money, positive = loss; every profit counts alike.

    All are cash-invariant, ρ(X + m) = ρ(X) − m, and convex. A NaN profit gives NaN.
    """

    @abstractmethod
    def __call__(self, pnl: Tensor) -> Tensor:
        """Return the risk, a scalar."""

    def at(self, aversion: float) -> Self:
        """Return the measure at another risk aversion; itself where it has none."""
        return self


@dataclass(frozen=True)
class Entropic(Risk):
    """log E exp(−λX) / λ.

    Examples
    --------
    >>> round(Entropic(1.0)(torch.tensor([-1.0, 1.0])).item(), 4)  # log cosh 1
    0.4338
    """

    aversion: float = 1.0

    def __post_init__(self) -> None:
        _need(self.aversion > 0.0, f"a risk aversion of {self.aversion}: it must be positive")

    def __call__(self, pnl: Tensor) -> Tensor:
        """See `Risk`."""
        return (torch.logsumexp(-self.aversion * pnl, dim=0) - math.log(len(pnl))) / self.aversion

    def at(self, aversion: float) -> Self:
        """See `Risk`."""
        return replace(self, aversion=aversion)


@dataclass(frozen=True)
class Cvar(Risk):
    """Expected loss in the worst 1 − α of outcomes: min_w { w + E max(−X − w, 0)/(1 − α) }.

    The least is at the value at risk, one of the outcomes: exact for the empirical distribution.

    References
    ----------
    Rockafellar and Uryasev (2000), theorem 1.

    Examples
    --------
    >>> round(Cvar(0.7)(torch.tensor([-4.0, -1.0, 0.0, 2.0, 3.0])).item(), 6)  # (4 · 1 + 1 · 0.5)/1.5
    3.0
    """

    level: float = 0.95

    def __post_init__(self) -> None:
        _need(0.0 < self.level < 1.0, f"a CVaR at the level {self.level}: it must lie between 0 and 1")

    def __call__(self, pnl: Tensor) -> Tensor:
        """See `Risk`."""
        tail = (1.0 - self.level) * len(pnl)
        at_risk = -torch.kthvalue(pnl, max(math.ceil(tail), 1)).values
        return at_risk + torch.relu(-pnl - at_risk).sum() / tail


@dataclass(frozen=True)
class MeanSd(Risk):
    """E[−X] + k SD(X), with the divisor N; not monotone, for a rare large gain adds to it.

    References
    ----------
    Cao, Chen, Hull and Poulos (2020).

    Examples
    --------
    >>> MeanSd(1.5)(torch.tensor([1.0, 3.0])).item()
    -0.5
    """

    multiple: float = 1.5

    def __post_init__(self) -> None:
        _need(self.multiple >= 0.0, f"{self.multiple} standard deviations: give 0 or more")

    def __call__(self, pnl: Tensor) -> Tensor:
        """See `Risk`."""
        return self.multiple * torch.std(pnl, correction=0) - pnl.mean()


Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Oce(Risk):
    """The optimised certainty equivalent inf_w { w + E ℓ(−X − w) } of a loss function ℓ.

    ℓ is convex and increasing, ℓ(0) = 0, with slope 1 at zero (a kink: 1 between its slopes). Then the
    least is where E ℓ'(−X − w) = 1, between the least and the greatest loss: found by bisection, and held
    while gradients flow, which the envelope theorem allows.

    References
    ----------
    Ben-Tal and Teboulle (2007), An old-new concept of convex risk measures, definition 2.1.

    Examples
    --------
    >>> round(Oce(exponential(1.0))(torch.tensor([-1.0, 1.0])).item(), 4)
    0.4338
    """

    loss: Loss

    def __call__(self, pnl: Tensor) -> Tensor:
        """See `Risk`."""
        losses = -pnl.detach()
        low, high = losses.min(), losses.max()
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            steep = self._slope(losses - middle) > 1.0
            low, high = torch.where(steep, middle, low), torch.where(steep, high, middle)
        cash = 0.5 * (low + high)
        return cash + self.loss(-pnl - cash).mean()

    def _slope(self, at: Tensor) -> Tensor:
        with torch.enable_grad():
            point = at.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.loss(point).sum(), point)
        return slope.mean()


@dataclass(frozen=True)
class exponential:  # noqa: N801 - a function that can be compared and hashed
    """ℓ(x) = (e^{λx} − 1)/λ, whose certainty equivalent is entropic."""

    aversion: float

    def __call__(self, x: Tensor) -> Tensor:
        """Return ℓ(x)."""
        return torch.expm1(self.aversion * x) / self.aversion


@dataclass(frozen=True)
class truncated_quadratic:  # noqa: N801
    """ℓ(x) = x + λx²/2 down to its least value at x = −1/λ, and that value below: monotone mean–variance.

    References
    ----------
    Ben-Tal and Teboulle (2007), example 2.2; Maccheroni, Marinacci, Rustichini and Taboga (2009).
    """

    aversion: float

    def __call__(self, x: Tensor) -> Tensor:
        """Return ℓ(x)."""
        inside = torch.clamp(x, min=-1.0 / self.aversion)
        return inside + 0.5 * self.aversion * inside**2


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise SettingsError(f"risk measure: {fault}")
