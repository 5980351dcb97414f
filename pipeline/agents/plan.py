"""How long and how an agent is trained: what PPO and SAC have in common, and each one's own."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from stable_baselines3 import PPO, SAC
from torch import nn

from pipeline.agents.actor import PpoPolicy, SacPolicy, Scaling, Standardised
from pipeline.agents.reward import Of
from pipeline.agents.sb3_markets import Sb3Markets
from pipeline.deep.plan import Plan
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.network_band import NetworkBand


@dataclass(frozen=True, kw_only=True)
class AgentPlan(Plan, ABC):
    """What every agent's training is told; a step is a life of all markets.

    Attributes
    ----------
    markets : that are lived through at once, in `groups` of one condition each (`deep.task.Condition`).
    batch : transitions of a gradient step.
    critic : units of the hidden layers of the critics; `hidden` are the actor's.
    of, paired : of the reward, see `reward.Reward`; its κ and b are chosen anew at every checkpoint.

    Raises
    ------
    SettingsError
        A number cannot be.
    """

    kind: ClassVar[type[NetworkBand]]
    squashed: ClassVar[bool]
    """Whether actions go through tanh in the environment, see `sb3_markets`."""

    steps: int = 60
    markets: int = 1024
    learning_rate: float = 1e-3
    batch: int = 4096
    critic: tuple[int, ...] = (64, 64)
    save_every: int = 5
    of: Of = "whole"
    paired: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("at least 1", markets=self.markets >= 1, batch=self.batch >= 1)
        self.need("at least 1 unit a layer", critic=min(self.critic, default=1) >= 1)

    @abstractmethod
    def agent(self, markets: Sb3Markets, scaling: Scaling) -> "PPO | SAC":
        """Return the untrained agent: its actor answers zero everywhere."""


@dataclass(frozen=True, kw_only=True)
class PpoPlan(AgentPlan):
    """Proximal policy optimisation: whole lives are gathered, then gone through `epochs` times.

    Attributes
    ----------
    trace : λ of the generalised advantage estimate; nothing is discounted.
    clip : how far the ratio of probabilities may leave 1.
    spread : logarithm of the standard deviation of the exploration at the start, before tanh.

    References
    ----------
    Schulman et al. (2017), eq. 7; Schulman, Moritz, Levine, Jordan, Abbeel (2016), eq. 16, for the estimate.
    """

    kind: ClassVar[type[NetworkBand]] = PpoBand
    squashed: ClassVar[bool] = True

    markets: int = 4096
    learning_rate: float = 2e-3
    batch: int = 8192
    epochs: int = 4
    trace: float = 0.98
    clip: float = 0.2
    spread: float = -1.2

    def agent(self, markets: Sb3Markets, scaling: Scaling) -> PPO:
        """See `AgentPlan`."""
        kwargs = _extractor(markets, scaling) | {
            "hidden": self.hidden, "critic": self.critic, "log_std_init": self.spread, "ortho_init": False,
        }  # fmt: skip
        whole = markets.num_envs * markets.markets.steps
        return PPO(
            PpoPolicy,
            markets,
            learning_rate=self.learning_rate,
            n_steps=markets.markets.steps,
            batch_size=_part_of(whole, self.batch),
            n_epochs=self.epochs,
            gamma=1.0,
            gae_lambda=self.trace,
            clip_range=self.clip,
            policy_kwargs=kwargs,
            device="cpu",
        )


class PatientSac(SAC):
    """SAC whose actor waits `waits` steps of one market and then learns at `pace` times the critics' rate."""

    def __init__(self, waits: int, pace: float, *args: Any, **more: Any) -> None:
        self.waits, self.pace = waits, pace
        super().__init__(*args, **more)

    def _update_learning_rate(self, optimizers: Any) -> None:
        super()._update_learning_rate(optimizers)
        for group in self.actor.optimizer.param_groups:
            group["lr"] *= self.pace if self.num_timesteps > self.waits else 0.0


@dataclass(frozen=True, kw_only=True)
class SacPlan(AgentPlan):
    """Soft actor–critic: `updates` gradient steps after every step of all markets, from a replay buffer.

    Attributes
    ----------
    updates : gradient steps a step of the markets.
    memory : transitions in the buffer.
    pace : τ, share by which the critics' targets follow them in a gradient step.
    temperature : α, money a unit of entropy. Constant: a step's decision is worth about a cent, and an
        entropy that is held at a target pays more than that for wandering.
    waits : lives in which the critics learn alone: who follows critics that know nothing goes astray.
    pace_of_actor : its learning rate after that, as a share of the critics'.

    References
    ----------
    Haarnoja, Zhou, Abbeel, Levine (2018), Soft actor-critic, algorithm 1.
    """

    kind: ClassVar[type[NetworkBand]] = SacBand
    squashed: ClassVar[bool] = False

    batch: int = 1024
    updates: int = 4
    memory: int = 400_000
    pace: float = 0.02
    temperature: float = 1e-3
    waits: int = 3
    pace_of_actor: float = 0.3

    def agent(self, markets: Sb3Markets, scaling: Scaling) -> SAC:
        """See `AgentPlan`."""
        arch = {"pi": list(self.hidden), "qf": list(self.critic)}
        whole = markets.num_envs * markets.markets.steps
        return PatientSac(
            self.waits * whole,
            self.pace_of_actor,
            SacPolicy,
            markets,
            learning_rate=self.learning_rate,
            buffer_size=self.memory,
            learning_starts=0,
            batch_size=self.batch,
            tau=self.pace,
            gamma=1.0,
            train_freq=1,
            gradient_steps=self.updates,
            ent_coef=self.temperature,
            policy_kwargs=_extractor(markets, scaling) | {"net_arch": arch, "activation_fn": nn.SiLU},
            device="cpu",
        )


PLANS: dict[str, type[AgentPlan]] = {plan.kind.name: plan for plan in (PpoPlan, SacPlan)}
"""The plan of every agent, by the name of the policy that it becomes."""


def _extractor(markets: Sb3Markets, scaling: Scaling) -> dict[str, Any]:
    """Return how the policy reads what it observes: the actor all but the desk's own columns."""
    columns = scaling.shape[1]
    return {
        "features_extractor_class": Standardised,
        "features_extractor_kwargs": {"scaling": scaling, "columns": columns},
        "seen": columns - markets.markets.own,
    }


def _part_of(whole: int, most: int) -> int:
    """Return the greatest divisor of `whole` that is at most `most`: no batch is cut short.

    Examples
    --------
    >>> _part_of(21 * 4096, 8192)
    7168
    """
    return next(size for size in range(min(most, whole), 0, -1) if whole % size == 0)
