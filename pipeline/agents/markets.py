"""The markets that an agent is dealt: what it may see of them, and the books that its hedge goes through."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Protocol

import numpy as np

from pipeline.backtest.ledger import Market
from pipeline.backtest.stepping import options_value
from pipeline.deep.frictions import NONE
from pipeline.deep.options_task import SimulatedTask
from pipeline.deep.task import Condition, HedgingTask
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.domain.rows import in_blocks
from pipeline.policies import exposure
from pipeline.policies.engineered_state import engineered
from pipeline.policies.network_band import INPUTS, inputs, prior
from pipeline.policies.trading_rule import pace
from pipeline.simulate.black_scholes import BlackScholes

STREAM: Final = 2
"""Tells the draws of conditions and options from those of the paths, which are `simulate.noise`'s."""

FRICTIONS: Final = ("cost_over_known", "log_impact")
"""What is seen besides in simulated markets with frictions, of `policies.engineered_state`."""


@dataclass(frozen=True)
class Deal:
    """N markets of T steps, each with one option hedged in one instrument.

    Attributes
    ----------
    market : the books' side.
    seen : [N, T, F] what a hedger sees of the market: `policies.network_band.INPUTS`, then the dealer's own.
    center, half_width : [N, T] Zakamouline's band, units.
    speed : [N, T] how much of the way to it is gone in one step under impact (`policies.trading_rule`).
    low, high : [N, T] least and greatest position that the option's delta can ask for.
    value : [N, T+1] the option's mark to its holder, money; at the end its payoff.
    aversion : [N] risk aversion, per unit of money.
    delay : steps between decision and fill.
    """

    market: Market
    seen: FloatArray
    center: FloatArray
    half_width: FloatArray
    speed: FloatArray
    low: FloatArray
    high: FloatArray
    value: FloatArray
    aversion: FloatArray
    delay: int = 0

    @classmethod
    def of(
        cls,
        state: MarketState,
        market: Market,
        more: FloatArray | None = None,
        names: tuple[str, ...] = (),
        delay: int = 0,
    ) -> "Deal":
        """Return what an agent needs of episodes, simulated or stored.

        `more` [N, T, M] is seen too, by these names.

        Raises
        ------
        DataError
            Something that the agent would see is NaN or infinite.
        PolicyError
            As `policies.network_band.prior`.
        """
        rows, times = state.shape
        columns = ("center", "half_width", "low", "high", "speed")
        made = {name: np.empty((rows, times)) for name in columns}
        seen, value = np.empty((rows, times, len(INPUTS))), np.empty((rows, times + 1))

        def fill(block: slice) -> None:
            part = state.episodes(block)
            center, half_width, _, vol = prior(part, "network_band")
            speed = pace(part, center, half_width, vol)
            own = (center, half_width, *exposure.position_range(part), speed)
            for name, column in zip(columns, own, strict=True):
                made[name][block] = column
            seen[block] = inputs(part, center, half_width)
            value[block, :-1] = options_value(part)

        in_blocks(rows, times, fill)
        value[:, -1] = -market.payoff
        if more is not None:
            seen = np.concatenate([seen, more], axis=2)
        _check(seen, (*INPUTS, *names))
        aversion = np.broadcast_to(np.asarray(state.risk_aversion, dtype=np.float64), (rows,))
        return cls(market, seen, **made, value=value, aversion=aversion, delay=delay)

    @property
    def shape(self) -> tuple[int, int]:
        """N markets, T steps."""
        rows, times = self.center.shape
        return rows, times

    @property
    def smooth(self) -> bool:
        """Whether a trade is filled whole and at once, and moves no price."""
        return self.delay == 0 and self.market.impact is None and self.market.depth is None


class Dealer(Protocol):
    """Who deals markets: always as many, of the same number of steps.

    `features` names what is seen beside `policies.network_band.INPUTS`; `cycle` are the deals in a row that
    have every kind of option there is.
    """

    @property
    def features(self) -> tuple[str, ...]:
        """See the class."""
        ...

    @property
    def cycle(self) -> int:
        """See the class."""
        ...

    def deal(self, number: int, seed: int) -> Deal:
        """Return deal `number` of a seed: the same one whenever it is asked for."""
        ...


@dataclass(frozen=True)
class SimulatedMarkets:
    """Fresh paths of a task's process, in groups of one option and condition each (`deep.task.Condition`).

    Of several options each is dealt in its turn, over groups and deals, in an order that the seed draws.
    What is observed is what the simulator generates: price, time, the variance that drives the next step (the
    condition's where the process has none that is known), the cost of a trade. Under the task's frictions
    `FRICTIONS` is seen too: what a trade costs now, and how far it moves the price.

    Attributes
    ----------
    markets : N of a deal, a multiple of `groups`.

    Raises
    ------
    SettingsError
        The markets cannot be shared out among the groups.

    Examples
    --------
    >>> from pipeline.deep.desk_task import task_of
    >>> from pipeline.domain.desk import load_desk
    >>> task = task_of(load_desk("spx-daily"), (0.1, 0.4))
    >>> SimulatedMarkets(task, markets=8, groups=4).deal(0, seed=1).shape
    (8, 21)
    """

    task: SimulatedTask
    markets: int
    groups: int = 1

    def __post_init__(self) -> None:
        if self.groups < 1 or self.markets < 1 or self.markets % self.groups:
            raise SettingsError(
                f"{self.markets} markets in {self.groups} groups: give a multiple of {self.groups} markets"
            )

    @property
    def features(self) -> tuple[str, ...]:
        """See `Dealer`."""
        return () if self.task.options[0].frictions == NONE else FRICTIONS

    @property
    def cycle(self) -> int:
        """See `Dealer`."""
        return math.ceil(len(self.task.options) / self.groups)

    def deal(self, number: int, seed: int) -> Deal:
        """See `Dealer`; the paths of deal k are those from k · N on."""
        options, size = self.task.options, self.markets // self.groups
        order = np.random.default_rng((seed, STREAM)).permutation(len(options))
        rng = np.random.default_rng((seed, STREAM, number))
        conditions = options[0].conditions(self.groups, rng)
        return joined(
            [
                self.under(options[order[k % len(options)]], condition, size, seed=seed, first=k * size)
                for k, condition in enumerate(conditions, number * self.groups)
            ]
        )

    def under(self, option: HedgingTask, condition: Condition, paths: int, *, seed: int, first: int) -> Deal:
        """Return paths of one option under one condition."""
        state, market = episodes_of(option, condition, paths, seed=seed, first=first)
        more = engineered(state, self.features, "agent") if self.features else None
        return Deal.of(state, market, more, self.features, option.frictions.delay)


def episodes_of(
    option: HedgingTask, condition: Condition, paths: int, *, seed: int, first: int
) -> tuple[MarketState, Market]:
    """Return paths of an option under one condition as any hedger sees them, and their books."""
    process = option.process
    if isinstance(process, BlackScholes):
        process = replace(process, volatility=condition.volatility)
    found = process.simulate(paths=paths, steps=option.steps, dt=option.interval, seed=seed, first=first)
    vol = np.sqrt(found.variance[:, :-1])
    marked = np.where(np.isnan(vol), condition.volatility, vol)
    plain = option.without_frictions(found.spot, marked, condition)
    frictions = option.frictions.at(condition.volatility)
    return frictions.charged(*plain, frictions.along(found, seed=seed, first=first))


def joined(deals: Sequence[Deal]) -> Deal:
    """Return the markets of several deals as one, in their order."""
    if len(deals) == 1:
        return deals[0]

    def together(parts: Sequence[Any]) -> Any:
        own = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(parts[0])
            if isinstance(getattr(parts[0], field.name), np.ndarray)
        }
        return replace(parts[0], **own)

    whole: Deal = together(deals)
    return replace(whole, market=together([deal.market for deal in deals]))


def _check(seen: FloatArray, names: tuple[str, ...]) -> None:
    if not np.isfinite(seen).all():
        row, time, column = np.argwhere(~np.isfinite(seen))[0]
        raise DataError(
            f"market {row} at step {time}: {names[column]} is {seen[row, time, column]}, "
            "an agent cannot see it: look at the process or at the stored episode"
        )
