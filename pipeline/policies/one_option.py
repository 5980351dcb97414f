"""A policy asked about one option at one decision, with plain numbers: what a live loop does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from pipeline.domain.edges import Edges
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.option_state import OptionState
from pipeline.policies.base import Policy

Answer = Callable[[OptionState], Edges]


@dataclass(frozen=True)
class CompiledAnswer:
    """An answer whose band is compiled, for compiled code that has the numbers of an option at hand.

    Attributes
    ----------
    policy : whose it is.
    band : `band(forward, strike, time, implied, forecast, regime, cost, aversion, gap, spike, prob, terms,
        legs)` → lower, upper; `gap` and `spike` are probabilities less their base. Not for a fixed fee, which
        is answered by arrays.
    sees_cost : whether `cost` is the forecast; else the desk's constant one.
    terms, legs : constants.
    """

    policy: Policy
    band: Any
    sees_cost: bool
    terms: FloatArray
    legs: FloatArray

    def __call__(self, state: OptionState) -> Edges:
        """Return the band for one option."""
        if state.fixed_fee:
            return by_arrays(self.policy, state)
        lower, upper = self.band(
            state.forward,
            state.strike,
            state.time_to_expiry,
            state.implied_vol,
            state.forecast_vol,
            state.regime_vol,
            state.cost if self.sees_cost else state.desk_cost,
            state.risk_aversion,
            state.gap_prob - state.gap_base,
            state.spike_prob - state.spike_base,
            state.regime_prob,
            self.terms,
            self.legs,
        )
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
