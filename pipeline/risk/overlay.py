"""The overlay: what of an order may be sent, and what its rules do to the desk. It fails closed."""

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.domain.instruments import FloatArray
from pipeline.domain.overlay_settings import Action, OverlaySettings, Rule
from pipeline.domain.symbols import plain
from pipeline.risk.clear import is_clear, limits, ready
from pipeline.risk.rules import (
    OF_ORDERS,
    OF_STATE,
    Allowed,
    Measured,
    crosses,
    reducing,
    tradable,
    within,
)
from pipeline.risk.situation import Situation

NUMBERS: Final = ("position", "working", "delta", "turnover", "loss", "drawdown")
"""Without which nothing is judged."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule that was broken: what it does, what it was shown and what it left, in words."""

    rule: str
    action: Action
    asked: float
    allowed: float
    said: str


class Judgement(NamedTuple):
    """What of an order is left, and the rules that were broken on the way, in their order.

    `held` is what would be left if a person permitted it; 0 where nobody is to be asked.
    """

    units: float
    rulings: tuple[Ruling, ...] = ()
    held: float = 0.0

    @property
    def action(self) -> Action | None:
        """The severest of the rulings; None where no rule was broken."""
        return max(each.action for each in self.rulings) if self.rulings else None


@dataclass(frozen=True)
class Overlay:
    """The rules of a desk.

    Examples
    --------
    >>> overlay = Overlay(OverlaySettings(position=2.0))
    >>> seen = Situation("BTC", 1.5, 0.0, 99.0, 101.0, 0.1, 100.0, (), 1.0, 0, 0.0, 0.0, 0.0, 0.0, 1.5)
    >>> judged = overlay.judge(1.0, seen)
    >>> judged.units, judged.rulings[0].said
    (0.5, 'position of 1.5 and an order of 1: limit 2')
    """

    settings: OverlaySettings
    _orders: tuple[tuple[str, Rule, Allowed], ...] = field(init=False)
    _state: tuple[tuple[str, Rule, Measured], ...] = field(init=False)
    _soft: tuple[tuple[str, float], ...] = field(init=False)
    _restricted: frozenset[str] = field(init=False)
    limit: FloatArray = field(init=False, repr=False, compare=False)
    plain: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the rules that have a limit, in their order."""
        rules = {name: getattr(self.settings, name) for name in (*OF_STATE, *OF_ORDERS)}
        rules = {name: rule for name, rule in rules.items() if rule is not None}
        orders = tuple((name, rules[name], allows) for name, allows in OF_ORDERS.items() if name in rules)
        state = tuple((name, rules[name], measured) for name, measured in OF_STATE.items() if name in rules)
        soft = tuple((name, rule.soft) for name, rule in rules.items() if rule.soft is not None)
        limit = limits({name: rule.limit for name, rule in rules.items()})
        restricted = frozenset(map(plain, self.settings.restricted))
        hidden = (("_orders", orders), ("_state", state), ("_soft", soft), ("_restricted", restricted))
        for name, kept in (*hidden, ("limit", limit), ("plain", not soft and not restricted)):
            object.__setattr__(self, name, kept)
        ready()

    def judge(
        self, units: float, seen: Situation, only_reducing: bool = False, permitted: float = 0.0
    ) -> Judgement:
        """Return what of an order of `units` may be sent; one beyond a soft limit is held as a whole.

        A number that is none halts. An order in a market without two sides, against the desk's own resting
        order or in a restricted instrument is cut as by a rule that clamps.

        Parameters
        ----------
        units : signed; 0 asks whether the desk's state breaks a rule.
        seen : the desk and its market.
        only_reducing : the desk may only make its position smaller.
        permitted : signed units that a person has permitted beyond the soft limits.
        """
        if self._is_clear(units, seen, only_reducing):
            return Judgement(units)
        known = seen.position + seen.working + seen.delta + seen.turnover + seen.loss + seen.drawdown
        if not math.isfinite(known + units):
            return Judgement(0.0, (_fault(units, _missing(units, seen)),))
        rulings = self._of_state(units, seen)
        left = reducing(units, seen.exposure) if rulings or only_reducing else units
        if not left:
            return Judgement(left, tuple(rulings))
        if reason := _barred(left, seen):
            rulings.append(Ruling("market", Action.CLAMP, left, 0.0, reason))
            return Judgement(0.0, tuple(rulings))
        if plain(seen.instrument) in self._restricted:
            allowed = reducing(left, seen.exposure)
            if allowed != left:
                said = f"{seen.instrument} is restricted: its position may only be made smaller"
                rulings.append(Ruling("restricted", Action.CLAMP, left, allowed, said))
            left = allowed
        for name, rule, allows in self._orders if left else ():
            allowed = allows(left, seen, rule.limit)
            if allowed != left:
                rulings.append(Ruling(name, rule.action, left, allowed, _told(name, rule.limit, left, seen)))
            left = allowed
            if not left:
                break
        if left and self._soft and (asking := self._beyond(left, seen, permitted)):
            granted = asking[0].allowed
            return Judgement(granted, (*rulings, *asking), 0.0 if granted else left)
        return Judgement(left, tuple(rulings))

    def _is_clear(self, units: float, seen: Situation, only_reducing: bool) -> bool:
        """Tell whether nothing is broken; False where that needs a longer look."""
        if not self.plain or only_reducing or seen.resting:
            return False
        return bool(is_clear(self.limit, units, *seen[1:7], *seen[8:]))

    def _beyond(self, units: float, seen: Situation, permitted: float) -> list[Ruling]:
        """Return the soft limits that an order is beyond, each allowing what is permitted of it."""
        granted = within(units, 0.0, min(permitted, 0.0), max(permitted, 0.0))
        found = []
        for name, soft in self._soft:
            if name in OF_STATE:
                value = OF_STATE[name](seen)
                beyond = not value <= soft and reducing(units, seen.exposure) != units
                said = f"{name} of {value:g}: soft limit {soft:g}"
            else:
                beyond = OF_ORDERS[name](units, seen, soft) != units
                said = _told(name, soft, units, seen, "soft limit")
            if beyond:
                found.append(Ruling(name, Action.ASK, units, granted, said))
        return found

    def _of_state(self, units: float, seen: Situation) -> list[Ruling]:
        found = []
        for name, rule, measured in self._state:
            value = measured(seen)
            if not value <= rule.limit:  # NaN breaks it too
                allowed = reducing(units, seen.exposure)
                said = f"{name} of {value:g}: limit {rule.limit:g}"
                found.append(Ruling(name, rule.action, units, allowed, said))
        return found


def _barred(units: float, seen: Situation) -> str:
    if not tradable(seen):
        return f"no market: bid {seen.bid:g}, ask {seen.ask:g}"
    return "an order of the desk's own rests where this one would be filled" if crosses(units, seen) else ""


def _missing(units: float, seen: Situation) -> str:
    missing = [name for name in NUMBERS if not math.isfinite(getattr(seen, name))]
    return f"{', '.join(missing)} of the desk is no number" if missing else f"an order of {units}"


def _fault(units: float, said: str) -> Ruling:
    return Ruling("not a number", Action.HALT, units, 0.0, said)


TOLD: Final = {
    "stale_seconds": lambda seen: f"what is known is {seen.age:g} s old",
    "price_collar": lambda seen: (
        f"bid {seen.bid:g} and ask {seen.ask:g}, mid of the decision before {seen.reference:g}"
    ),
    "notional": lambda seen: f"position of {seen.exposure:g} at {seen.mid:g}",
    "delta_distance": lambda seen: f"position of {seen.exposure:g}, delta {seen.delta:g}",
    "orders_a_minute": lambda seen: f"{seen.orders} orders in a minute",
    "turnover_a_day": lambda seen: f"turnover of {seen.turnover:g}",
}


def _told(name: str, limit: float, units: float, seen: Situation, called: str = "limit") -> str:
    what = TOLD.get(name, lambda shown: f"position of {shown.exposure:g}")(seen)
    return f"{what} and an order of {units:g}: {called} {limit:g}"
