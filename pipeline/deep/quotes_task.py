"""Learning a hedge from observed quotes: what leaves the least of an option's next change."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.backtest.quote_sight import SeenMoves
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import SequenceNetwork, Shape
from pipeline.deep.trainer import VALIDATION
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.policies.network_slope import MOST_SLOPE

FEWEST_DAYS = 4
SCALING_PAIRS = 4096


@dataclass(frozen=True, kw_only=True)
class QuotesTask:
    r"""The local hedge of quoted options, learned from their quotes alone, without a model of the market.

    A network answers with the slope g of implied volatility on the forward's return, as Hull and White's
    a + bΔ + cΔ² is one: the option is hedged with Δ + ν/(F√τ) g. Over P pairs of quotes on a day and the
    next, D days, with e what delta leaves of the change and s = (ν/√τ)(ΔF/F), it makes small

    .. math:: \frac1P \sum_i \frac{(e_i - g(x_i) s_i)^2}{m_{d(i)}} + \frac nD \frac1P \sum_i g(x_i)^2, \quad
        m_d = \text{mean of } s_i^2 \text{ on day } d

    so that each day counts alike, in the units of a slope, and the start (g = 0, for the last layer starts at
    zero) counts like n further days. Untrained the hedge is delta; where a part that is explained otherwise
    was taken out of e, it is the hedge with that.

    The last quarter of the days is for validation; their pairs begin when those that are learned from have
    ended.

    Attributes
    ----------
    seen : the pairs that are known; every one of them has ended.
    days : how many days of the market the network sees, the last one is that of the decision.
    recurrent : units of a GRU that reads them in order; 0 sees the day of the decision only.
    prior_days : n.
    held_out : share of the days that validate, the last ones.
    seen_until : the day of the last quotes, ISO 8601, where it is told.

    Raises
    ------
    SettingsError
        Days or shares that cannot be, or earlier days for a network without a memory.
    DataError
        Fewer than four days, or a column or a change that is no number.

    References
    ----------
    Nian, Coleman, Li (2021), Learning sequential option hedging models from market data: local risk, delta as
    the start, a GRU over the past; Qiao, Wan (2024), for learning what delta leaves instead of the hedge;
    Hull, White (2017), for the slope.
    """

    seen: SeenMoves
    days: int = 1
    recurrent: int = 0
    prior_days: float = 10.0
    held_out: float = 0.25
    seen_until: str = ""

    def __post_init__(self) -> None:
        if self.days < 1 or self.recurrent < 0 or not self.prior_days >= 0.0 or not 0.0 < self.held_out < 1.0:
            raise SettingsError(
                "hedge from quotes: give a day or more to see, and a share of days to hold out"
            )
        if self.days > 1 and not self.recurrent:
            raise SettingsError(
                "hedge from quotes: earlier days are read by a memory only: give recurrent units"
            )
        if len(self.known_days) < FEWEST_DAYS:
            raise DataError(
                f"hedge from quotes: changes on {len(self.known_days)} days, {FEWEST_DAYS} are needed: "
                "start the chains earlier"
            )
        arrays = (self.seen.own, self.seen.market, self.seen.moves.excess, self.seen.moves.scale)
        if not all(np.isfinite(each).all() for each in arrays):
            raise DataError(
                "hedge from quotes: a column or a change of the quotes is no number: look at the chain"
            )

    on_gpu: ClassVar[bool] = False

    @property
    def money(self) -> float:
        """See `learner.Task`: the risk has no unit."""
        return 1.0

    @property
    def middle(self) -> None:
        """See `learner.Task`: there is one condition."""
        return

    @cached_property
    def known_days(self) -> NDArray[np.int64]:
        """Days on which pairs start, ascending."""
        return np.unique(self.seen.moves.day)

    @cached_property
    def first_held_out(self) -> int:
        """The first pair of validation; those before are learned from."""
        out = max(round(self.held_out * len(self.known_days)), 1)
        return int(self.seen.moves.day.searchsorted(self.known_days[-out]))

    def conditions(self, groups: int, rng: np.random.Generator) -> Sequence[None]:
        """See `learner.Task`."""
        return [None] * groups

    def learner(self, plan: TrainingPlan) -> SequenceNetwork:
        """See `learner.Task`; inputs are scaled by the pairs that are learned from."""
        drawn = np.random.default_rng((plan.seed, 2)).integers(0, self.first_held_out, SCALING_PAIRS)
        columns = torch.from_numpy(self.seen.where(drawn).columns(self.days)).flatten(0, 1)
        shape = Shape("position", recurrent=self.recurrent, most=MOST_SLOPE)
        network = SequenceNetwork(columns.shape[-1], 1, plan.hidden, shape)
        network.fit_scaling(columns)
        return network

    def loss(self, network: SequenceNetwork, condition: None, *, paths: int, seed: int, first: int) -> Tensor:
        """See `learner.Task`; a path is a pair, drawn at random from those learned from or held out."""
        part = (self.first_held_out, len(self.weight)) if first >= VALIDATION else (0, self.first_held_out)
        rows = np.random.default_rng((seed, first)).integers(*part, paths)
        drawn = self.seen.where(rows)
        slope = network.positions(torch.from_numpy(drawn.columns(self.days)))[:, -1, 0]
        excess, scale, weight = (
            torch.from_numpy(each) for each in (drawn.moves.excess, drawn.moves.scale, self.weight[rows])
        )
        prior = self.prior_days / len(self.known_days)
        return (weight * (excess - slope * scale) ** 2).mean() + prior * (slope**2).mean()

    @cached_property
    def weight(self) -> FloatArray:
        """1/m of the day of each pair, [P]; 0 on a day without a move."""
        moves = self.seen.moves
        squares = np.bincount(moves.day, moves.scale**2) / np.maximum(np.bincount(moves.day), 1)
        return np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0.0)[moves.day]


def learned_slopes(network: SequenceNetwork, seen: SeenMoves, days: int) -> FloatArray:
    """Return the slope [P] that the network of a task answers, from what is known where each pair starts."""
    with torch.no_grad():
        return np.asarray(network.positions(torch.from_numpy(seen.columns(days)))[:, -1, 0].numpy())
