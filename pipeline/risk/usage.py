"""How far a desk is from each of its limits."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipeline.domain.overlay_settings import Action, OverlaySettings, Rule
from pipeline.risk.rules import OF_STATE
from pipeline.risk.situation import Situation

OF_ORDERS: Final[dict[str, Callable[[Situation], float]]] = {
    "position": lambda seen: abs(seen.exposure),
    "notional": lambda seen: abs(seen.exposure) * seen.mid,
    "short": lambda seen: max(-seen.exposure, 0.0),
    "delta_distance": lambda seen: abs(seen.exposure - seen.delta),
    "price_collar": lambda seen: (
        max(abs(seen.bid - seen.reference), abs(seen.ask - seen.reference)) / seen.reference
    ),
    "stale_seconds": lambda seen: seen.age,
    "orders_a_minute": lambda seen: float(seen.orders),
    "turnover_a_day": lambda seen: seen.turnover,
}
"""What the rules that cut orders are held against, whatever is asked."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a rule is held against at a decision; NaN is not known.

    Attributes
    ----------
    limit, action : of the rule, and what it does beyond.
    soft : beyond it a person is asked; None asks nobody.
    """

    rule: str
    value: float
    limit: float
    action: Action
    soft: float | None = None

    @property
    def share(self) -> float:
        """Part of the limit that is used: 1 at the limit; of a limit of zero, infinite above it."""
        if self.limit:
            return self.value / self.limit
        return math.inf if self.value else 0.0


def usage(settings: OverlaySettings, seen: Situation, asked: float) -> list[Usage]:
    """Return how far each rule that has a limit is used, in the order of the settings.

    Parameters
    ----------
    settings : of the overlay.
    seen : the desk and its market at a decision.
    asked : units that were asked for, before any rule.

    Examples
    --------
    >>> seen = Situation("BTC", -1.5, 0.0, 99.0, 101.0, 0.1, 100.0, (), 1.0, 0, 0.0, 0.0, 0.0, 0.0, 1.5)
    >>> [(each.rule, each.value, each.share) for each in usage(OverlaySettings(short=2.0), seen, 0.0)]
    [('short', 1.5, 0.75)]
    """
    known: dict[str, Callable[[Situation], float]] = {
        **OF_ORDERS,
        **OF_STATE,
        "order_size": lambda _: abs(asked),
    }
    rules = ((name, getattr(settings, name)) for name in type(settings).model_fields if name in known)
    return [
        Usage(name, float(known[name](seen)), rule.limit, rule.action, rule.soft)
        for name, rule in rules
        if isinstance(rule, Rule)
    ]
