"""The limits of the risk overlay, rule by rule, and what is done when one is broken."""

from enum import IntEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from pipeline.domain.settings import Settings


class Action(IntEnum):
    """What a broken rule does, the mildest first."""

    CLAMP = 1
    """The order is cut to what the rule allows."""
    ASK = 2
    """The order is held until a person permits it: what a soft limit does."""
    REDUCE = 3
    """From now on orders only make the position smaller, until a person resumes."""
    HALT = 4
    """Nothing is sent any more and working orders are cancelled, until a person resumes."""


OF_LIMITS: Final = ("clamp", "reduce", "halt")
"""What a rule's limit may do."""


def _named(told: Any) -> Any:
    if isinstance(told, str) and told in OF_LIMITS:
        return Action[told.upper()]
    raise ValueError(f"{told!r}: give clamp, reduce or halt; to ask a person give a soft limit")


def _name(action: Action) -> str:
    return action.name.lower()


class Rule(Settings):
    """A limit, and what is done when it is broken; a number alone keeps the rule's own action."""

    limit: Annotated[float, Field(ge=0, strict=True)]
    action: Annotated[Action, BeforeValidator(_named), PlainSerializer(_name)]
    soft: Annotated[float, Field(ge=0, strict=True)] | None = None
    """Below the limit; beyond it a person is asked for every order."""

    @model_validator(mode="after")
    def _softer(self) -> Self:
        if self.soft is not None and not self.soft < self.limit:
            raise ValueError(f"soft = {self.soft:g} lies not below limit = {self.limit:g}: nobody is asked")
        return self


class ApprovalSettings(Settings):
    """How a person is asked for an order beyond a soft limit; silence means no."""

    deadline_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """From the question to the last answer that counts."""
    again_seconds: Annotated[float, Field(ge=0)] = 900.0
    """After a no or none in time, how long nobody is asked for another order to the same side."""
    collar: Annotated[float, Field(gt=0, lt=1)] = 0.005
    """Share by which the price may have left the mid of the question before the answer is void."""


OWN_ACTIONS: Final = {
    "position": "clamp",
    "notional": "clamp",
    "order_size": "clamp",
    "short": "clamp",
    "delta_distance": "clamp",
    "price_collar": "clamp",
    "stale_seconds": "clamp",
    "orders_a_minute": "halt",
    "turnover_a_day": "reduce",
    "loss_a_day": "halt",
    "drawdown": "halt",
    "outside_training": "reduce",
    "interval_ratio": "reduce",
}

AT_ONCE: Final = ("price_collar", "stale_seconds", "orders_a_minute")
"""Rules whose cause is over before a person has answered."""


class OverlaySettings(Settings):
    """Rules of the overlay; one that is left out is not checked. Money and units are those of the data."""

    position: Rule | None = None
    """Units of the hedge, bought or sold, working orders included."""
    notional: Rule | None = None
    """Money at the mid of that position."""
    order_size: Rule | None = None
    """Units of one order."""
    short: Rule | None = None
    """Units sold short at most; 0 where nothing may be."""
    delta_distance: Rule | None = None
    """Units between the position and the Black-Scholes delta of the book at its marks."""
    price_collar: Rule | None = None
    """Share by which the price that is met may lie from the mid of the decision before."""
    stale_seconds: Rule | None = None
    """Age of the newest quote. A crossed, locked or empty book is treated as one that is too old."""
    orders_a_minute: Rule | None = None
    """Orders sent in the last sixty seconds."""
    turnover_a_day: Rule | None = None
    """Money traded since the day began."""
    loss_a_day: Rule | None = None
    """Money lost since the day began, options at their marks."""
    drawdown: Rule | None = None
    """Money below the highest that the account has ever been worth, in the life of its journal."""
    outside_training: Rule | None = None
    """Share of the models' inputs that lie outside the range of their training rows."""
    interval_ratio: Rule | None = None
    """Upper over lower end of the volatility forecast's interval."""
    restricted: tuple[str, ...] = ()
    """Instruments whose position may only be made smaller; compared as `symbols.plain` does."""
    approval: ApprovalSettings = ApprovalSettings()
    """Of orders beyond the soft limits of the rules."""

    @model_validator(mode="before")
    @classmethod
    def _with_own_actions(cls, told: Any) -> Any:
        if not isinstance(told, dict):
            return told
        return {
            name: _rule(OWN_ACTIONS[name], value) if name in OWN_ACTIONS else value
            for name, value in told.items()
        }

    @model_validator(mode="after")
    def _ratio(self) -> Self:
        if self.interval_ratio is not None and self.interval_ratio.limit < 1.0:
            raise ValueError("interval_ratio: upper over lower end is never below 1: give a number above it")
        return self

    @model_validator(mode="after")
    def _asked_in_time(self) -> Self:
        for name in AT_ONCE:
            rule = getattr(self, name)
            if rule is not None and rule.soft is not None:
                raise ValueError(f"{name}: it has no soft limit: no person answers in time")
        return self

    @property
    def limits(self) -> bool:
        """Whether there is a rule at all."""
        return bool(self.restricted) or any(isinstance(rule, Rule) for _, rule in self)

    @property
    def asks(self) -> bool:
        """Whether a rule has a soft limit."""
        return any(isinstance(rule, Rule) and rule.soft is not None for _, rule in self)


def _rule(action: str, told: Any) -> Any:
    if isinstance(told, dict):
        return {"action": action, **told}
    return told if told is None or isinstance(told, Rule) else {"limit": told, "action": action}
