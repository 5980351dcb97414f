"""The markets of `environment` as stable-baselines3 knows environments."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from pipeline.agents.environment import HedgingMarkets, Observations

MOST_ANSWER = 3.0
"""Size of an answer before its hyperbolic tangent, beyond which nothing changes any more."""


class Sb3Markets(VecEnv):
    """`HedgingMarkets` with what stable-baselines3 asks of its environments.

    Parameters
    ----------
    squashed : whether an action goes through tanh on its way: PPO draws from a normal law without bounds,
        where SAC has the hyperbolic tangent in its own law.
    """

    def __init__(self, markets: HedgingMarkets, *, squashed: bool) -> None:
        self.markets, self.squashed = markets, squashed
        space: gymnasium.Space[Any] = markets.single_action_space
        if squashed:
            space = gymnasium.spaces.Box(-MOST_ANSWER, MOST_ANSWER, space.shape, np.float32)
        super().__init__(markets.num_envs, markets.single_observation_space, space)
        self._infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        self._actions = np.zeros((self.num_envs, *(space.shape or ())))
        self.pnl: NDArray[np.float64] | None = None
        """[N] accounting P&L of the markets that ended last."""

    def reset(self) -> Observations:
        """Return the observations of fresh markets."""
        return self.markets.reset()[0]

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions [N, A] of the next step."""
        self._actions = np.asarray(np.tanh(actions) if self.squashed else actions, dtype=np.float64)

    def step_wait(
        self,
    ) -> tuple[Observations, NDArray[Any], NDArray[np.bool_], list[dict[str, Any]]]:
        """Return observations, rewards and ends; the infos are empty, for no market is cut short."""
        seen, rewards, ended, _, info = self.markets.step(self._actions)
        self.pnl = info.get("pnl", self.pnl)
        return seen, rewards, ended, self._infos

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the markets, once for each."""
        return [getattr(self.markets, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: markets are one object."""
        raise NotImplementedError(f"{attr_name}: all markets are one object, set it there")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Refuse: markets are one object."""
        raise NotImplementedError(f"{method_name}: all markets are one object, call it there")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return that no market is wrapped."""
        return [False] * self.num_envs

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Leave the seed as it is: the markets have theirs."""
        return [self.markets.seed] * self.num_envs
