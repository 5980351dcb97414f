"""What a band within the day is trained on: the desk's own stored days, which are few, and its prior."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pipeline.backtest.episodes import START_SPOT
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.redrawn import redrawn
from pipeline.backtest.stored_days import StoredDays
from pipeline.deep.band_network import BandNetwork, near
from pipeline.deep.book_hedge import book_pnl
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Risk
from pipeline.deep.task import Condition
from pipeline.deep.trainer import VALIDATION
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Policy
from pipeline.policies.checkpoint import CHARGED, SEEN, SEES
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.network_band import NetworkBand, prior, seen_of

JUDGED_AGAIN = 8
"""Redrawn paths of each episode that is held out, beside the one it had."""


@dataclass(frozen=True, kw_only=True)
class StoredTask:
    r"""Options that were dealt on stored days, hedged with what the desk knew at each decision.

    A network that sees the desk's state (`policies.engineered_state`) corrects Zakamouline's band by (a, b).
    Over episodes that are drawn with replacement and on redrawn paths (`backtest.redrawn`) it makes small

    .. math:: \rho(X) + \frac nL \rho_0 \, \frac 1{NT} \sum (a^2 + b^2)

    with ρ_0 the risk of the uncorrected band on what is learned from, and L the options there that do not
    overlap: the prior counts like n of them. X is by the books of the backtest, whose orders walk the levels
    that they meet, and so is what judges the network: the episodes that are held out, as they were and
    redrawn. `book_hedge` says what of it has a derivative.

    Attributes
    ----------
    days : of the desk.
    risk : what is made small, at the desk's risk aversion.
    sees : what the network sees beside the option.
    prior_lives : n.
    turns : chance a step that the sign of the moves changes, see `redrawn`.

    Raises
    ------
    SettingsError
        A number cannot be.
    """

    days: StoredDays
    risk: Risk
    aversion: float
    sees: tuple[str, ...] = tuple(COLUMNS)
    prior_lives: float = 0.5
    turns: float = 0.1

    def __post_init__(self) -> None:
        if not self.prior_lives >= 0.0 or not 0.0 <= self.turns <= 1.0:
            raise SettingsError("stored days: prior_lives is 0 or more, turns lies between 0 and 1")

    on_gpu: ClassVar[bool] = False

    @property
    def money(self) -> float:
        """See `learner.Task`."""
        return START_SPOT

    @property
    def steps(self) -> int:
        """Decisions of an option's life."""
        return self.days.learned.state.shape[1]

    @property
    def middle(self) -> Condition:
        """The one condition there is: the desk's cost and aversion, and the mean mark."""
        state = self.days.learned.state
        return Condition(state.desk_cost, self.aversion, float(state.implied_vol.mean()))

    @property
    def facts(self) -> dict[str, Any]:
        """What a checkpoint says of it to who uses the network."""
        state = self.days.learned.state
        charged = {
            "desk_cost": float(state.desk_cost),
            "fixed_fee": float(np.ravel(state.fixed_fee)[-1]),
            "interval": float(state.interval),
        }
        return {SEES: list(self.sees), CHARGED: charged, SEEN: self.days.seen_until}

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[Condition]:
        """See `learner.Task`."""
        return [self.middle] * groups

    def learner(self, plan: TrainingPlan) -> BandNetwork:
        """See `learner.Task`; inputs are scaled by the episodes that are learned from."""
        network = BandNetwork(plan.hidden, self.sees)
        seen = self._seen(self.days.learned.state)[0]
        network.fit_scaling(seen.reshape(-1, seen.shape[-1]))
        return network

    def loss(
        self, network: BandNetwork, condition: Condition, *, paths: int, seed: int, first: int
    ) -> Tensor:
        """See `learner.Task`; of validation the risk by the books of what is held out."""
        if first >= VALIDATION:
            return torch.tensor(self.judged(network.policy()), dtype=torch.float64)
        drawn = self.days.learned.drawn(paths, np.random.default_rng((seed, first)), self.turns)
        pnl, answer = self.earned(network, *drawn)
        return self.risk(pnl) + self.pull * torch.tanh(answer).square().sum(dim=-1).mean()

    def earned(self, network: BandNetwork, state: MarketState, market: Market) -> tuple[Tensor, Tensor]:
        """Return the P&L [N] of a network's band by the books, and its answers [N, T, 2]."""
        answer, lower, upper = self._edges(network, state)
        return book_pnl(lower, upper, market), answer

    def judged(self, policy: Policy) -> float:
        """Return the risk of a policy by the books, on what is held out."""
        return float(self.risk(torch.from_numpy(self.judged_pnl(policy))))

    def judged_pnl(self, policy: Policy) -> FloatArray:
        """Return the P&L of a policy by the books, on what is held out as it was and redrawn."""
        pnl = [book(market, policy.band(state)).pnl for state, market in self._judging]
        return np.concatenate(pnl)

    @cached_property
    def _judging(self) -> list[tuple[MarketState, Market]]:
        held, rng = self.days.held_out, np.random.default_rng(0)
        every = np.tile(np.arange(len(held.state.forward)), JUDGED_AGAIN)
        again = redrawn(held.state.episodes(every), held.market.episodes(every), rng, self.turns)
        return [(held.state, held.market), again]

    @cached_property
    def pull(self) -> float:
        """N ρ_0/L: what a whole correction costs, money."""
        learned = self.days.learned
        untrained = book(learned.market, NetworkBand().band(learned.state)).pnl
        size = abs(float(self.risk(torch.from_numpy(untrained))))
        return self.prior_lives / learned.lives * size

    def _seen(self, state: MarketState) -> tuple[FloatArray, FloatArray, FloatArray]:
        center, half_width, *_ = prior(state, NetworkBand.name)
        return seen_of(state, center, half_width, self.sees, NetworkBand.name), center, half_width

    def _edges(self, network: BandNetwork, state: MarketState) -> tuple[Tensor, Tensor, Tensor]:
        """Return the network's answer [N, T, 2] and the edges [N, T] that it makes of the prior, cut."""
        seen, center, half_width = (torch.from_numpy(each) for each in self._seen(state))
        answer = network(seen).double()
        ends = [torch.from_numpy(end) for end in exposure.position_range(state)]
        lower, upper = (edge.clamp(*ends) for edge in near(center, half_width, *answer.unbind(-1)))
        return answer, lower, upper
