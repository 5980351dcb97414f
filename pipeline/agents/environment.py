"""Thousands of markets that step at once, as Gymnasium knows environments."""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from pipeline.agents.markets import Deal, Dealer
from pipeline.agents.reward import Reward
from pipeline.backtest import booked
from pipeline.backtest.ledger import Hedge
from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import FloatArray
from pipeline.policies.correction import corrected, quickened
from pipeline.policies.network_band import INPUTS

Answer = Literal["correction", "paced", "band", "target"]
Observations = NDArray[np.float32]
OWN: Final = ("position", "pnl")
"""What is observed of the desk itself: units held, and accounting P&L so far, money."""
ON_THE_WAY: Final = ("pressure", "expected")
"""What is observed besides where trades are not smooth: what of the desk's own trades still weighs on the
price, units, and the position once the orders on their way are filled."""
SIZES: Final[dict[Answer, int]] = {"correction": 2, "paced": 3, "band": 2, "target": 1}


class Account:
    """Hedges of one deal under way, and their accounting P&L: hedge and option at marks, less cost."""

    def __init__(self, deal: Deal) -> None:
        self.hedge, self.deal, self.step = Hedge(deal.market, deal.delay), deal, 0
        self.pnl = np.zeros(deal.shape[0])

    def advance(self, band: Band) -> FloatArray:
        """Go through one step inside its band, [N, T, 1] of which entry `step` is read; return ΔX [N]."""
        self.hedge.advance(band, self.step, self.step + 1)
        self.step += 1
        if self.step == self.deal.shape[1]:
            self.hedge.closed()
        books = self.hedge.books
        earned = books[:, booked.TRADING] + books[:, booked.CARRY] - books[:, booked.COST]
        before, self.pnl = self.pnl, earned + self.deal.value[:, self.step] - self.deal.value[:, 0]
        return self.pnl - before


@dataclass
class _Under:
    """What is under way: the agent's account, the uncorrected band's, and what is seen, [T, N, F]."""

    deal: Deal
    own: Account
    prior: Account
    seen: Observations
    band: Band
    prior_band: Band


class HedgingMarkets(VectorEnv[Observations, FloatArray, NDArray[Any]]):
    """N markets in which one sold or bought option is hedged until it expires; all start and end together.

    Observed are the market as `policies.network_band.inputs` has it (moneyness, time, volatility, cost of a
    trade, risk aversion, Zakamouline's band), what the dealer adds, and the desk's own position and
    accounting P&L, with `ON_THE_WAY` where a trade moves the price, is late or filled in part: `observed`
    names the columns, of which the last `own` are the desk's.
    An action is

    - `correction` (a, b) in [−1, 1]²: Zakamouline's band, its centre moved and its width stretched as
      `policies.network_band.NetworkBand` does it; zero is that band itself;
    - `paced` (a, b, c): a correction, and how much faster than the trading rule it is gone to;
    - `band` (lower, upper): a no-trade band's edges, where crossed their middle;
    - `target`: the position to go to.

    A trade goes through the ledger of the backtest. `pnl` in the last step's info is what its books then say:
    the premium at its mark + trading + carry − cost − payoff, money. Rewards are `reward`'s. A market that
    ends is followed by a fresh one in the same step; its last observation is `final_obs` in the info.

    Parameters
    ----------
    dealer : deals N markets of T steps.
    seed : of the deals: deal k of a seed is the same whatever was done before.

    Raises
    ------
    DataError
        The market shows a number that is none.
    PolicyError
        An action is NaN.

    Examples
    --------
    >>> from pipeline.agents.markets import SimulatedMarkets
    >>> from pipeline.deep.desk_task import task_of
    >>> from pipeline.domain.desk import load_desk
    >>> task = task_of(load_desk("spx-daily"), (0.2, 0.2))
    >>> markets = HedgingMarkets(SimulatedMarkets(task, markets=3), seed=1)
    >>> markets.reset()[0].shape
    (3, 9)
    >>> markets.step(np.zeros((3, 2)))[2]
    array([False, False, False])
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - Gymnasium's own

    def __init__(
        self, dealer: Dealer, *, answer: Answer = "correction", reward: Reward | None = None, seed: int = 0
    ) -> None:
        self.dealer, self.answer, self.reward, self.seed = dealer, answer, reward or Reward(), seed
        self.next_deal = 0
        self._under = self._dealt()
        own = OWN if self._under.deal.smooth else (*OWN, *ON_THE_WAY)
        self.observed, self.own = (*INPUTS, *dealer.features, *own), len(own)
        self.num_envs, self.steps = self._under.deal.shape
        ends = self._ends()
        self.single_action_space = gymnasium.spaces.Box(*ends, (SIZES[answer],), np.float64)
        self.single_observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, (len(self.observed),), np.float32
        )
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def _ends(self) -> tuple[float, float]:
        if self.answer in ("correction", "paced"):
            return -1.0, 1.0
        later = (self.dealer.deal(number, self.seed) for number in range(1, self.dealer.cycle))
        deals = (self._under.deal, *later)
        return min(float(deal.low.min()) for deal in deals), max(float(deal.high.max()) for deal in deals)

    def _dealt(self) -> _Under:
        deal = self.dealer.deal(self.next_deal, self.seed)
        self.next_deal += 1
        seen = np.ascontiguousarray(deal.seen.transpose(1, 0, 2), dtype=np.float32)
        low, high = (np.ascontiguousarray(end) for end in (deal.low, deal.high))
        prior = Band.around(deal.center, deal.half_width).clipped(low, high)
        empty = Band.between(np.zeros(deal.shape), np.zeros(deal.shape))
        if deal.market.impact is not None:
            prior = prior.slowed(deal.speed)
        if self.answer == "paced" or (self.answer == "correction" and deal.market.impact is not None):
            empty = replace(empty, speed=deal.speed[..., None].copy())
        return _Under(deal, Account(deal), Account(deal), seen, empty, prior)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Deal fresh markets: the next ones, or the first of a seed; `options` are not read."""
        if seed is not None:
            self.seed, self.next_deal = seed, 0
        self._under = self._dealt()
        return self._observed(), {}

    def step(
        self, actions: FloatArray
    ) -> tuple[Observations, FloatArray, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """See `gymnasium.vector.VectorEnv.step`; actions are [N, 1 or 2]."""
        under, step = self._under, self._under.own.step
        answers = np.asarray(actions, dtype=np.float64).reshape(self.num_envs, -1)
        self._write_band(answers, step)
        rewards = self._rewarded(under.own, under.band)
        if self.reward.paired:
            rewards -= self._rewarded(under.prior, under.prior_band)
        if self.reward.pull and self.answer == "correction":
            rewards -= self.reward.pull / self.steps * (answers**2).sum(axis=1)
        over = under.own.step == self.steps
        ended, never = np.full(self.num_envs, over), np.zeros(self.num_envs, dtype=bool)
        if not over:
            return self._observed(), rewards, ended, never, {}
        info = {
            "pnl": under.own.pnl.copy(), "_pnl": ended, "final_obs": self._observed(), "_final_obs": ended,
        }  # fmt: skip
        self._under = self._dealt()
        return self._observed(), rewards, ended, never, info

    def _rewarded(self, account: Account, band: Band) -> FloatArray:
        before = account.pnl
        return self.reward(account.advance(band), before, account.deal.aversion)

    def _write_band(self, actions: FloatArray, step: int) -> None:
        if np.isnan(actions).any():
            raise PolicyError(
                f"the agent's action in market {np.argwhere(np.isnan(actions))[0][0]} at step {step} is NaN: "
                "its training diverged"
            )
        deal, band = self._under.deal, self._under.band
        lower, upper = actions[:, 0], actions[:, -1]
        if self.answer == "paced":
            upper = actions[:, 1]
            band.speed[:, step, 0] = quickened(deal.speed[:, step], actions[:, 2])
        if self.answer in ("correction", "paced"):
            center, half = corrected(deal.center[:, step], deal.half_width[:, step], lower, upper)
            lower, upper = center - half, center + half
        elif self.answer == "band":
            crossed, middle = lower > upper, 0.5 * (lower + upper)
            lower, upper = np.where(crossed, middle, lower), np.where(crossed, middle, upper)
        low, high = deal.low[:, step], deal.high[:, step]
        band.lower[:, step, 0] = np.minimum(np.maximum(lower, low), high)
        band.upper[:, step, 0] = np.minimum(np.maximum(upper, low), high)

    def _observed(self) -> Observations:
        under = self._under
        step = min(under.own.step, self.steps - 1)
        seen = np.empty((self.num_envs, len(self.observed)), dtype=np.float32)
        seen[:, : -self.own] = under.seen[step]
        hedge = under.own.hedge
        columns = [hedge.held[:, 0], under.own.pnl]
        if self.own > len(OWN):
            columns += [hedge.pressure[:, 0], hedge.expected(under.band, under.own.step)[:, 0]]
        for place, column in enumerate(columns, -self.own):
            seen[:, place] = column
        return seen
