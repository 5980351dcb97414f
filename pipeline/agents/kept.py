"""An agent of stable-baselines3 as plain arrays and back: weights, optimisers, replay buffer."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.buffers import ReplayBuffer

Agent = PPO | SAC
Arrays = dict[str, np.ndarray]
BUFFER = ("observations", "next_observations", "actions", "rewards", "dones")


def agent_arrays(agent: Agent) -> Arrays:
    """Return all that training needs to go on with an agent, without what is drawn anew."""
    arrays: Arrays = {}
    for part, state in agent.get_parameters().items():
        values = _moments(state) if part.endswith("optimizer") else state.items()
        arrays |= {f"{part}/{name}": value.detach().numpy().copy() for name, value in values}
    buffer = _buffer(agent)
    if buffer is not None:
        filled = buffer.buffer_size if buffer.full else buffer.pos
        arrays |= {f"buffer/{name}": getattr(buffer, name)[:filled].copy() for name in BUFFER}
        arrays["buffer/at"] = np.array([buffer.pos, buffer.full])
    return arrays


def restore(agent: Agent, arrays: Mapping[str, np.ndarray]) -> None:
    """Bring an agent of the same plan to where `agent_arrays` left it."""
    parameters: dict[str, Any] = agent.get_parameters()
    for part, state in parameters.items():
        own = {
            name.removeprefix(f"{part}/"): torch.from_numpy(value.copy())
            for name, value in arrays.items()
            if name.startswith(f"{part}/")
        }
        parameters[part] = {**state, "state": _by_weight(own)} if part.endswith("optimizer") else own
    agent.set_parameters(parameters)
    buffer = _buffer(agent)
    if buffer is not None:
        for name in BUFFER:
            filled = arrays[f"buffer/{name}"]
            getattr(buffer, name)[: len(filled)] = filled
        buffer.pos, buffer.full = int(arrays["buffer/at"][0]), bool(arrays["buffer/at"][1])


def _moments(state: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    for weight, moments in state["state"].items():
        for name, value in moments.items():
            yield f"{weight}.{name}", value


def _by_weight(moments: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in moments.items():
        weight, _, moment = name.partition(".")
        found.setdefault(int(weight), {})[moment] = value
    return found


def _buffer(agent: Agent) -> ReplayBuffer | None:
    return agent.replay_buffer if isinstance(agent, SAC) else None
