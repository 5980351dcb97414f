"""What a dynamic programme is asked: the market, what the hedger sees of it, the option, the grid."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Kind, Liability, Side
from pipeline.optimum.dynamics import Dynamics

MOST_AVERSION = 5000.0
"""Aversion × strike beyond which exp(aversion × loss) leaves the range of numbers within one step."""
DEGREES = {1: 0, 2: 10, 3: 4, 4: 3, 5: 3, 6: 3}
"""Degree of the polynomials on beliefs, by the number of regimes."""


@dataclass(frozen=True)
class Grid:
    """How finely a programme is solved.

    Attributes
    ----------
    points : of log-spot, per standard deviation of a step in the calmest regime.
    positions : on a range of one unit.
    reach : of the grid, in standard deviations of the most turbulent regime over the whole life.
    degree : of the polynomial on beliefs; 0 takes `DEGREES`.
    """

    points: float = 2.0
    positions: int = 121
    reach: float = 5.6
    degree: int = 0

    def __post_init__(self) -> None:
        if not 1.0 <= self.points <= 50.0:
            raise SettingsError(
                f"grid.points is {self.points}: give 1 to 50 points a standard deviation of a step"
            )
        if not self.positions >= 5:
            raise SettingsError(f"grid.positions is {self.positions}: at least 5 points a unit are needed")
        if not self.reach >= 3.0:
            raise SettingsError(f"grid.reach is {self.reach}: at least 3 standard deviations are needed")


@dataclass(frozen=True)
class Programme:
    """The optimal no-trade band of one option on one unit, money in units of its strike.

    J_k(S, δ) = min_δ' { c S |δ' − δ| + G_k(S, δ') },
    G_k(S, δ') = (1/λ) log E exp(λ (J_{k+1}(S', δ') − δ' (S' − S))),   J_n(S, δ) = Z(S) + c S |δ|.

    Spot and money scale with the strike, so the strike is 1 and λ is the aversion per unit of money times the
    strike. Rates are zero, or money is discounted and S is the forward.

    Attributes
    ----------
    dynamics : the market.
    seen : "regime" where the hedger knows the regime that drives the coming step, "prices" where only prices
        are seen: then the filtered probabilities are the state.
    aversion : λ × strike.
    steps : n.
    kind, side : the option and who holds it.
    unwind : charge the trade that closes the hedge.
    grid : how finely.

    Raises
    ------
    SettingsError
        The aversion is not positive or too great for a step, or there is no step.

    References
    ----------
    Hodges and Neuberger (1989); Davis, Panas and Zariphopoulou (1993), section 4.
    """

    dynamics: Dynamics
    aversion: float
    steps: int
    seen: Literal["regime", "prices"] = "regime"
    kind: Kind = "call"
    side: Side = "short"
    unwind: bool = True
    grid: Grid = field(default_factory=Grid)

    def __post_init__(self) -> None:
        if self.dynamics.regimes == 1:
            object.__setattr__(self, "seen", "regime")  # there is nothing to believe
        if not 0.0 < self.aversion <= MOST_AVERSION:
            raise SettingsError(
                f"risk aversion × strike is {self.aversion:g}: "
                f"it must be positive and at most {MOST_AVERSION:g}"
            )
        if self.steps < 1:
            raise SettingsError(f"a hedge of {self.steps} steps: at least one is needed")
        if self.kind not in ("call", "put", "straddle") or self.side not in ("short", "long"):
            raise SettingsError(f"no programme for a {self.side} {self.kind}: call, put or straddle")

    @property
    def liability(self) -> Liability:
        """The option."""
        return Liability.of(self.kind, self.side)

    @property
    def degree(self) -> int:
        """Degree of the polynomials on beliefs; 0 where there are none."""
        if self.seen == "regime" or self.dynamics.regimes == 1:
            return 0
        return self.grid.degree or DEGREES[self.dynamics.regimes]
