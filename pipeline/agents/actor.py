"""The networks of PPO and SAC agents: an actor that becomes a plain `Network`, a critic that sees more."""

from itertools import pairwise
from typing import Any, cast

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.sac.policies import Actor, SACPolicy
from torch import Tensor, nn

from pipeline.deep.trainer import DivergedError
from pipeline.domain.instruments import FloatArray
from pipeline.policies.network import Layer, Network

Scaling = FloatArray
"""[4, F] mean, scale, low and high of what is observed, see `policies.network.Network`."""


def scaling_of(seen: FloatArray) -> Scaling:
    """Return mean, deviation and range of observations [M, F]; a column of one value has the scale 1.

    Examples
    --------
    >>> scaling_of(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[2.0, 5.0], [1.0, 1.0], [1.0, 5.0], [3.0, 5.0]]
    """
    low, high = seen.min(axis=0), seen.max(axis=0)
    return np.stack([seen.mean(axis=0), np.where(high > low, seen.std(axis=0), 1.0), low, high])


class Standardised(BaseFeaturesExtractor):
    """z = (min(max(x, low), high) − mean)/scale of the first columns of what is observed."""

    scaling: Tensor

    def __init__(self, space: gymnasium.spaces.Box, scaling: Scaling, columns: int) -> None:
        super().__init__(space, columns)
        self.register_buffer("scaling", torch.from_numpy(scaling[:, :columns].copy()))

    def forward(self, seen: Tensor) -> Tensor:
        """Return the features [N, columns] of observations [N, F]."""
        mean, scale, low, high = self.scaling
        answer: Tensor = ((seen[:, : len(mean)].double().clamp(low, high) - mean) / scale).float()
        return answer


def rescale(policy: nn.Module, scaling: Scaling) -> None:
    """Give every part of an agent that standardises what it observes another scaling [4, F]."""
    for part in policy.modules():
        if isinstance(part, Standardised):
            part.scaling.copy_(torch.from_numpy(scaling[:, : part.scaling.shape[1]].copy()))


class _Branches(nn.Module):
    """The actor's layers on the market's columns, the critic's on all; a `MlpExtractor` to the library."""

    def __init__(self, features: int, seen: int, hidden: tuple[int, ...], critic: tuple[int, ...]) -> None:
        super().__init__()
        self.seen = seen
        self.actor, self.critic = _stack(self.seen, hidden), _stack(features, critic)
        self.latent_dim_pi, self.latent_dim_vf = hidden[-1], critic[-1]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        answer: Tensor = self.actor(features[:, : self.seen])
        return answer

    def forward_critic(self, features: Tensor) -> Tensor:
        value: Tensor = self.critic(features)
        return value


class PpoPolicy(ActorCriticPolicy):
    """PPO's policy: its actor sees the market only, so that it is a no-trade band; its critic all.

    The market is the first columns, `seen` of them.
    """

    def __init__(
        self, *args: Any, seen: int, hidden: tuple[int, ...], critic: tuple[int, ...], **more: Any
    ) -> None:
        self.seen, self.hidden, self.critic_hidden = seen, hidden, critic
        super().__init__(*args, **more)
        _start_at_zero(cast(nn.Linear, self.action_net))
        _watch(cast(nn.Linear, self.action_net))

    def _build_mlp_extractor(self) -> None:
        branches = _Branches(self.features_dim, self.seen, self.hidden, self.critic_hidden)
        self.mlp_extractor = branches  # type: ignore[assignment]

    def _get_action_dist_from_latent(self, latent_pi: Tensor) -> Distribution:
        deviation = self.log_std.exp()
        if not (torch.isfinite(deviation) & (deviation > 0.0)).all():
            raise DivergedError("the deviation of the actor's draws is no positive number")
        return super()._get_action_dist_from_latent(latent_pi)

    def linears(self) -> list[nn.Linear]:
        """Return the actor's affine maps, first to last."""
        layers = cast(_Branches, self.mlp_extractor).actor
        return [*(each for each in layers if isinstance(each, nn.Linear)), cast(nn.Linear, self.action_net)]


class SacPolicy(SACPolicy):
    """SAC's policy, with the same difference between actor and critics."""

    def __init__(self, *args: Any, seen: int, **more: Any) -> None:
        self.seen = seen
        super().__init__(*args, **more)
        _start_at_zero(cast(nn.Linear, self.actor.mu))
        _watch(cast(nn.Linear, self.actor.mu), cast(nn.Linear, self.actor.log_std))

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Return an actor that sees the market only."""
        scaling = self.features_extractor_kwargs["scaling"]
        space = cast(gymnasium.spaces.Box, self.observation_space)
        own = Standardised(space, scaling, self.seen)
        return super().make_actor(own)

    def linears(self) -> list[nn.Linear]:
        """Return the actor's affine maps, first to last."""
        layers = self.actor.latent_pi
        return [*(each for each in layers if isinstance(each, nn.Linear)), cast(nn.Linear, self.actor.mu)]


def exported(weights: list[Tensor], scaling: Scaling) -> Network:
    """Return an actor as plain numbers, from weight and bias of each affine map in turn.

    It sees the first columns of `scaling`, as many as its first map takes.
    """
    pairs = zip(weights[::2], weights[1::2], strict=True)
    layers = tuple(Layer(tuple(map(tuple, weight.tolist())), tuple(bias.tolist())) for weight, bias in pairs)
    return Network(layers, *(tuple(row.tolist()) for row in scaling[:, : weights[0].shape[1]]))


def _stack(features: int, hidden: tuple[int, ...]) -> nn.Sequential:
    sizes = (features, *hidden)
    return nn.Sequential(*(part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.SiLU())))


def _watch(*layers: nn.Linear) -> None:
    """Let an actor whose answer is no number say so, before the library draws from it."""

    def check(layer: nn.Module, values: tuple[Tensor, ...], answer: Tensor) -> None:
        if not torch.isfinite(answer).all():
            raise DivergedError("the actor's answer is no number")

    for layer in layers:
        layer.register_forward_hook(check)


def _start_at_zero(layer: nn.Linear) -> None:
    """Let the untrained actor answer zero: Zakamouline's band itself."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
