"""An agent that is trained by trial: its lives and its reward."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3.common.utils import set_random_seed
from torch import Tensor

from pipeline.agents.actor import PpoPolicy, SacPolicy, Scaling, exported, rescale, scaling_of
from pipeline.agents.environment import Answer, HedgingMarkets
from pipeline.agents.kept import Agent, agent_arrays, restore
from pipeline.agents.markets import SimulatedMarkets, episodes_of
from pipeline.agents.plan import AgentPlan
from pipeline.agents.reward import Reward
from pipeline.agents.sb3_markets import Sb3Markets
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import options_value
from pipeline.deep.frictions import NONE
from pipeline.deep.options_task import SimulatedTask
from pipeline.deep.risk import Risk
from pipeline.deep.trainer import VALIDATION, Arrays, Trainer
from pipeline.domain.instruments import FloatArray
from pipeline.policies.checkpoint import POLICY, SEES, network_arrays
from pipeline.policies.network import Network
from pipeline.policies.network_band import NetworkBand

VALIDATION_PATHS = 32_768
REWARD, SCALING = "reward", "scaling"
STANDARD = 2
"""Mean and scale, the rows of a scaling that weights are for; the others are the range that counts."""
NEVER = 1 << 60
"""Rollouts between two lines of the library's own log."""


@dataclass
class AgentTrainer(Trainer[NetworkBand]):
    """An agent that is being trained; a step is one life of all markets.

    Every life has fresh markets, and the agent's own draws are a function of seed and life too. κ and b of
    the reward are chosen by the validation at each checkpoint.
    """

    most_worse: ClassVar[float] = 0.2  # agents stray at times

    task: SimulatedTask
    plan: AgentPlan
    markets: HedgingMarkets = field(init=False)
    agent: Agent = field(init=False)
    scaling: Scaling = field(init=False)

    def prepare(self) -> None:
        """See `Trainer`."""
        plan = self.plan
        self.markets = self.environment(Reward(of=plan.of, paired=plan.paired))
        self.scaling = scaling_of(_seen_without_correction(self.markets))
        with _drawn_from(plan.seed, 0):
            self.agent = plan.agent(Sb3Markets(self.markets, squashed=plan.squashed), self.scaling)
        self._go_to_life()

    def environment(self, reward: Reward) -> HedgingMarkets:
        """Return the markets that it is trained in."""
        plan = self.plan
        dealer = SimulatedMarkets(self.task, plan.markets, plan.groups)
        answer: Answer = "correction" if self.task.options[0].frictions == NONE else "paced"
        return HedgingMarkets(dealer, answer=answer, reward=reward, seed=plan.seed)

    def weights(self) -> list[Tensor]:
        """See `Trainer`: those of the actor."""
        policy = self.agent.policy
        assert isinstance(policy, (PpoPolicy, SacPolicy))
        return [each for layer in policy.linears() for each in (layer.weight, layer.bias)]

    def learn(self, rate: float) -> None:
        """See `Trainer`: live through all markets once."""
        self.agent.lr_schedule = lambda _: rate
        with _drawn_from(self.plan.seed, 1 + self.step):
            self.agent.learn(self._life, reset_num_timesteps=False, log_interval=NEVER)

    def with_weights(self, weights: list[Tensor]) -> NetworkBand:
        """See `Trainer`."""
        return self.plan.kind(self.network(weights), self.sees)

    def network(self, weights: list[Tensor]) -> Network:
        """Return the actor with some weights as plain numbers."""
        return exported(weights, self.scaling)

    @property
    def sees(self) -> tuple[str, ...]:
        """What the actor sees beside the option, see `policies.network_band.NetworkBand`."""
        return self.markets.dealer.features

    def validated(self) -> float:
        """See `Trainer`; the reward is chosen by it. The desk's measure."""
        pnl, unpaid = self.judged()
        measure, aversion = self.goal
        risk, kappa = risk_and_kappa(measure.at(aversion), pnl)
        self._pay(max(2.0 * kappa / aversion, 0.0), float(np.mean(pnl.mean(axis=1) - unpaid)))
        return risk

    @property
    def goal(self) -> tuple[Risk, float]:
        """The desk's measure, and its risk aversion in the middle of all conditions."""
        option = self.task.options[0]
        return option.risk, option.middle.aversion

    def judged(self) -> tuple[FloatArray, FloatArray]:
        """Return its P&L [K, N] with each option on paths of its own, in the middle of all conditions.

        And what of the option's mark at the start is in that P&L and in no reward, [K]: all of it where no
        premium is received.
        """
        options, policy = self.task.options, self.with_weights(self.average)
        paths = max(VALIDATION_PATHS // len(options), 1)
        pnl, unpaid = [], []
        for option in options:
            state, market = episodes_of(option, option.middle, paths, seed=self.plan.seed, first=VALIDATION)
            pnl.append(book(market, policy.band(state), option.frictions.delay).pnl)
            unpaid.append(options_value(state)[0, 0] + market.premium[0])
        return np.stack(pnl), np.array(unpaid)

    def arrays(self) -> Arrays:
        """See `Trainer`."""
        return network_arrays(self.network(self.chosen))

    def kept(self) -> Arrays:
        """See `Trainer`: the agent with the scaling that it is for, and κ and b of its reward."""
        reward = self.markets.reward
        own = {REWARD: np.array([reward.multiple, reward.aim]), SCALING: self.scaling}
        return agent_arrays(self.agent) | own

    def restore(self, kept: Mapping[str, np.ndarray]) -> None:
        """See `Trainer`."""
        restore(self.agent, kept)
        self.scaling = np.concatenate([kept[SCALING][:STANDARD], self.scaling[STANDARD:]])
        rescale(self.agent.policy, self.scaling)
        self._pay(*kept[REWARD].tolist())
        self._go_to_life()

    def own_facts(self) -> dict[str, Any]:
        """See `Trainer`."""
        return {POLICY: self.plan.kind.name, SEES: list(self.sees), **super().own_facts()}

    @property
    def _life(self) -> int:
        """Steps of one market in a life of all."""
        return self.plan.markets * self.markets.steps

    def _go_to_life(self) -> None:
        """Let the next life be number `step`, whose markets are deal `step` + 1."""
        self.markets.next_deal = self.step + 1
        self.agent.num_timesteps = self.step * self._life
        self.agent._last_obs = None  # so that the library deals anew

    def _pay(self, multiple: float, aim: float) -> None:
        self.markets.reward = replace(self.markets.reward, multiple=multiple, aim=aim)


def risk_and_kappa(risk: Risk, pnl: FloatArray) -> tuple[float, float]:
    """Return a risk measure of profits [K, N], and the κ of mean − κ · variance that is nearest to it there.

    The risk is the mean over K options. A measure's derivative weighs outcome i with −q_i/N, mean and
    variance weigh it with 1 − 2κ (x_i − x̄); the κ of least squares is −Cov(q, x)/(2 Var x), both within each
    option and then summed. It is λ/2 for the entropic risk of a normal profit and m/(2 SD) for mean + m SD.

    Examples
    --------
    >>> from pipeline.deep.risk import MeanSd
    >>> risk_and_kappa(MeanSd(1.5), np.array([[1.0, 3.0]]))
    (-0.5, 0.75)
    """
    outcomes = torch.from_numpy(pnl.copy()).requires_grad_()
    value = torch.stack([risk(each) for each in outcomes]).mean()
    (slope,) = torch.autograd.grad(value, outcomes)
    weight = -pnl.size * slope.numpy()
    off = pnl - pnl.mean(axis=1, keepdims=True)
    return value.item(), float(-0.5 * np.mean(weight * off) / max(np.mean(off**2), 1e-300))


def _seen_without_correction(markets: HedgingMarkets) -> FloatArray:
    """Return what is observed while every kind of option is lived through without a correction, [M, F]."""
    nothing = np.zeros(markets.action_space.shape or ())
    seen = []
    for _ in range(markets.dealer.cycle):
        seen += [markets.reset()[0], *(markets.step(nothing)[0] for _ in range(markets.steps - 1))]
    return np.concatenate(seen).astype(np.float64)


@contextmanager
def _drawn_from(seed: int, number: int) -> Iterator[None]:
    """Seed the library's global generators, one stream a number, and give back what they were."""
    before, own = np.random.get_state(), random.getstate()  # noqa: NPY002 - the library draws from these
    with torch.random.fork_rng(devices=[]):
        set_random_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
            random.setstate(own)
