"""The limits of the risk overlay, rule by rule, and what is done when one is broken."""

from enum import IntEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.domain.settings import Settings


class Action(IntEnum):
    """What a broken rule does, the mildest first."""

    CLAMP = 1
    """The order is cut to what the rule allows."""
    REDUCE = 2
    """From now on orders only make the position smaller, until a person resumes."""
    HALT = 3
    """Nothing is sent any more and working orders are cancelled, until a person resumes."""


def _named(told: Any) -> Any:
    if isinstance(told, str) and told.upper() in Action.__members__:
        return Action[told.upper()]
    raise ValueError(f"{told!r}: give clamp, reduce or halt")


class Rule(Settings):
    """A limit, and what is done when it is broken; a number alone keeps the rule's own action."""

    limit: Annotated[float, Field(ge=0)]
    action: Annotated[Action, BeforeValidator(_named)]


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
    """Money below the highest that the account has been worth."""
    outside_training: Rule | None = None
    """Share of the models' inputs that lie outside the range of their training rows."""
    interval_ratio: Rule | None = None
    """Upper over lower end of the volatility forecast's interval."""
    restricted: tuple[str, ...] = ()
    """Instruments whose position may only be made smaller."""

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


def _rule(action: str, told: Any) -> Any:
    if isinstance(told, dict):
        return {"action": action, **told}
    return told if told is None or isinstance(told, Rule) else {"limit": told, "action": action}
