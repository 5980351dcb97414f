"""A policy asked about one option at one decision, with plain numbers: what a live loop does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from pipeline.domain.edges import Edges
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.domain.option_state import OptionNumbers, OptionState, PlainState
from pipeline.policies.base import Policy

Answer = Callable[[OptionState], Edges]
ANY: Final = PlainState(OptionNumbers(*(14 * [0.5])), 1.0, np.ones(2), 1e-4, 1.0, 0.0, 0.0)
"""A state, to compile bands with."""


@dataclass(frozen=True)
class CompiledAnswer:
    """An answer whose band is compiled, for compiled code that has the numbers of an option at hand.

    Attributes
    ----------
    policy : whose it is.
    band : `band(state, *given)` → lower, upper, with a `PlainState`; NaN where there is none. Not for a fixed
        fee, which is answered by arrays.
    given : constants.
    """

    policy: Policy
    band: Any
    given: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        """Have it compiled here, not at the first decision."""
        self.band(ANY, *self.given)

    def __call__(self, state: OptionState) -> Edges:
        """Return the band for one option."""
        if state.fixed_fee:
            return by_arrays(self.policy, state)
        lower, upper = self.band(state.plain(), *self.given)
        return checked(lower, upper, self.policy.name, state)


@runtime_checkable
class OfOneOption(Protocol):
    """A policy that has a form of its own for one option: the same band as of arrays, to 1e-11."""

    def of_one_option(self, liability: Liability) -> Answer:
        """Return that form; it is compiled when it is first asked."""
        ...


def answer_of(policy: Policy, liability: Liability) -> Answer:
    """Return what answers for a policy: its own form for one option, or its arrays of one number each.

    The answer raises `PolicyError` where there is no valid band.
    """
    if isinstance(policy, OfOneOption):
        return policy.of_one_option(liability)
    return partial(by_arrays, policy)


def by_arrays(policy: Policy, state: OptionState) -> Edges:
    """Return the band that a policy answers with to arrays of one number each.

    Raises
    ------
    PolicyError
        There is none.
    """
    band = policy.band(state.market()).checked(policy.name)
    edges = (band.lower, band.upper, band.to_lower, band.to_upper, band.speed)
    return Edges(*(float(edge[0, 0, 0]) for edge in edges))


def checked(lower: float, upper: float, policy: str, state: OptionState) -> Edges:
    """Return a band that is traded to its nearest edge, or raise where there is none.

    Raises
    ------
    PolicyError
        Naming the policy and the numbers that it saw.
    """
    if lower <= upper:
        return Edges(lower, upper, lower, upper)
    raise PolicyError(
        f"policy {policy}: no valid band (lower {lower}, upper {upper}) at a mid of {state.forward}, implied "
        f"volatility {state.implied_vol}, forecast {state.forecast_vol}, cost {state.cost}"
    )
