"""An agent in training: its lives, its averaged actor, its reward, and what has to be kept to go on."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from stable_baselines3.common.utils import set_random_seed
from torch import Tensor

from pipeline.agents.actor import PpoPolicy, SacPolicy, Scaling, exported, scaling_of
from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.kept import Agent, agent_arrays, restore
from pipeline.agents.markets import SimulatedMarkets
from pipeline.agents.plan import AgentPlan
from pipeline.agents.reward import Reward
from pipeline.agents.sb3_markets import Sb3Markets
from pipeline.backtest.ledger import Market, book
from pipeline.backtest.stepping import options_value
from pipeline.deep.risk import Risk
from pipeline.deep.task import HedgingTask
from pipeline.domain.errors import PolicyError, StoreError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.ingest.content import content_digest
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.network import Network
from pipeline.policies.network_band import NetworkBand

VALIDATION, VALIDATION_PATHS = 1 << 40, 32_768
"""Number of the first path of validation, where training never gets to, and how many there are."""
KEPT = "training."
NEVER = 1 << 60
"""Rollouts between two lines of the library's own log."""


@dataclass
class AgentTrainer:
    """An agent that is being trained; `step` lives are done, one of all markets at once each.

    Every life has fresh markets, and the agent's own draws are a function of seed and life too: an
    interrupted training ends in the bits of one that was not. `history` holds step and validation risk at
    each checkpoint, of the averaged actor once there is one; κ and b of the reward are chosen there.
    """

    task: HedgingTask
    plan: AgentPlan
    desk: str = ""
    markets: HedgingMarkets = field(init=False)
    agent: Agent = field(init=False)
    scaling: Scaling = field(init=False)
    average: list[Tensor] = field(init=False)
    step: int = 0
    history: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.desk = self.desk or content_digest(self.task)
        dealer = SimulatedMarkets(self.task, plan.markets, plan.groups)
        reward = Reward(of=plan.of, paired=plan.paired)
        self.markets = HedgingMarkets(dealer, reward=reward, seed=plan.seed)
        self.scaling = scaling_of(_seen_without_correction(self.markets))
        with _drawn_from(plan.seed, 0):
            self.agent = plan.agent(Sb3Markets(self.markets, squashed=plan.squashed), self.scaling)
        self.average = self._actor()
        self._go_to(0)

    def take_step(self) -> bool:
        """Live through all markets once and learn; return whether every weight is still a number."""
        plan = self.plan
        rate = 0.5 * plan.learning_rate * (1.0 + math.cos(math.pi * self.step / plan.lives))
        self.agent.lr_schedule = lambda _: rate
        with _drawn_from(plan.seed, 1 + self.step):
            try:
                self.agent.learn(
                    plan.markets * self.task.steps, reset_num_timesteps=False, log_interval=NEVER
                )
            except (PolicyError, ValueError):  # a draw from a law without a mean, or what came of it
                return False
        self.step += 1
        self._take_average()
        return all(bool(torch.isfinite(weight).all()) for weight in self.agent.policy.parameters())

    def network(self) -> Network:
        """Return the averaged actor as plain numbers: that of the last life where averaging is not on."""
        return exported(self.average, self.scaling)

    def validated(self) -> float:
        """Return the risk of the averaged actor's band on paths of its own; choose the reward by it.

        The desk's measure, in the middle of all conditions.
        """
        state, market = self._validation()
        pnl = book(market, NetworkBand(self.network()).band(state)).pnl
        middle = self.task.middle
        risk, kappa = risk_and_kappa(self.task.risk.at(middle.aversion), pnl)
        multiple, aim = max(2.0 * kappa / middle.aversion, 0.0), pnl.mean() - options_value(state)[0, 0]
        self.markets.reward = replace(self.markets.reward, multiple=multiple, aim=float(aim))
        return risk

    def checkpoint(self) -> Checkpoint:
        """Return all that is needed to use the actor, and to go on training it while it is not done."""
        arrays = network_arrays(self.network())
        if self.step < self.plan.lives:
            averages = {f"average/{k}": mean.numpy().copy() for k, mean in enumerate(self.average)}
            kept = {**agent_arrays(self.agent), **averages}
            arrays |= {f"{KEPT}{name}": value for name, value in kept.items()}
        reward = self.markets.reward
        facts = {
            **self._own_facts(),
            "step": self.step,
            "history": self.history,
            "reward": [reward.multiple, reward.aim],
        }
        return Checkpoint(self.desk, facts, arrays)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was made.

        Raises
        ------
        StoreError
            It is of another desk or another plan.
        """
        facts, own = checkpoint.of_desk(self.desk).facts, self._own_facts()
        if {key: facts.get(key) for key in own} != own:
            raise StoreError(
                "the checkpoint was trained by another plan or for other markets: give these, or another file"
            )
        self.history = [(int(step), float(risk)) for step, risk in facts["history"]]
        multiple, aim = facts["reward"]
        self.markets.reward = replace(self.markets.reward, multiple=multiple, aim=aim)
        kept = {
            name.removeprefix(KEPT): value
            for name, value in checkpoint.arrays.items()
            if name.startswith(KEPT)
        }
        if kept:
            restore(self.agent, kept)
            self.average = [torch.from_numpy(kept[f"average/{k}"].copy()) for k in range(len(self.average))]
        else:  # it is over: what is left is the actor
            network = checkpoint.policy().network
            assert network is not None
            weights = ((layer.weight, layer.bias) for layer in network.layers)
            self.average = [torch.tensor(each) for pair in weights for each in pair]
        self._go_to(facts["step"])

    def _own_facts(self) -> dict[str, object]:
        plan = self.plan
        return {"policy": plan.kind.name, "task": content_digest(self.task), "plan": plan.facts()}

    def _go_to(self, step: int) -> None:
        """Let the next life be number `step`, whose markets are deal `step` + 1."""
        self.step = step
        self.markets.next_deal = step + 1
        self.agent.num_timesteps = step * self.plan.markets * self.task.steps
        self.agent._last_obs = None  # so that the library deals anew

    def _actor(self) -> list[Tensor]:
        policy = self.agent.policy
        assert isinstance(policy, (PpoPolicy, SacPolicy))
        return [each.detach().clone() for layer in policy.linears() for each in (layer.weight, layer.bias)]

    def _take_average(self) -> None:
        since = self.step - math.ceil(self.plan.lives * (1.0 - self.plan.averaged))
        share = 1.0 / max(since, 1)
        for mean, weight in zip(self.average, self._actor(), strict=True):
            mean += share * (weight - mean)

    def _validation(self) -> tuple[MarketState, Market]:
        dealer = SimulatedMarkets(self.task, VALIDATION_PATHS)
        return dealer.episodes(self.task.middle, VALIDATION_PATHS, seed=self.plan.seed, first=VALIDATION)


def risk_and_kappa(risk: Risk, pnl: FloatArray) -> tuple[float, float]:
    """Return a risk measure of profits [N], and the κ of mean − κ · variance that is nearest to it there.

    A measure's derivative weighs outcome i with −q_i/N, mean and variance weigh it with 1 − 2κ (x_i − x̄); the
    κ of least squares is −Cov(q, x)/(2 Var x). It is λ/2 for the entropic risk of a normal profit and
    m/(2 SD) for mean + m SD.

    Examples
    --------
    >>> from pipeline.deep.risk import MeanSd
    >>> risk_and_kappa(MeanSd(1.5), np.array([1.0, 3.0]))
    (-0.5, 0.75)
    """
    outcomes = torch.from_numpy(pnl.copy()).requires_grad_()
    value = risk(outcomes)
    (slope,) = torch.autograd.grad(value, outcomes)
    weight = -len(pnl) * slope.numpy()
    off = pnl - pnl.mean()
    return value.item(), float(-0.5 * np.mean(weight * off) / max(np.mean(off**2), 1e-300))


def _seen_without_correction(markets: HedgingMarkets) -> FloatArray:
    """Return what is observed while all markets are lived through without a correction, [T · N, F]."""
    nothing = np.zeros(markets.action_space.shape or ())
    seen = [markets.reset()[0], *(markets.step(nothing)[0] for _ in range(markets.steps - 1))]
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
