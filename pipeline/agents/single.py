"""One market at a time: the view of `environment` for programs that know no vector environments."""

from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from pipeline.agents.environment import HedgingMarkets, Observations
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import FloatArray


class HedgingMarket(gymnasium.Env[Observations, FloatArray]):
    """The one market of `HedgingMarkets` as a `gymnasium.Env`.

    Raises
    ------
    SettingsError
        There are more markets than one.

    Examples
    --------
    >>> from pipeline.agents.markets import SimulatedMarkets
    >>> from pipeline.deep.desk_task import task_of
    >>> from pipeline.domain.desk import load_desk
    >>> task = task_of(load_desk("spx-daily"), (0.2, 0.2))
    >>> market = HedgingMarket(HedgingMarkets(SimulatedMarkets(task, markets=1)))
    >>> market.reset(seed=1)[0].shape
    (9,)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own

    def __init__(self, markets: HedgingMarkets) -> None:
        if markets.num_envs != 1:
            raise SettingsError(f"{markets.num_envs} markets: one is one market, deal 1")
        self.markets = markets
        self.observation_space = markets.single_observation_space
        self.action_space = markets.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Deal a fresh market: the next one, or the first of a seed."""
        super().reset(seed=seed)
        return self.markets.reset(seed=seed, options=options)[0][0], {}

    def step(self, action: FloatArray) -> tuple[Observations, SupportsFloat, bool, bool, dict[str, Any]]:
        """Go one step; the last observation of a market is its own, not the next one's."""
        seen, reward, ended, _, info = self.markets.step(np.asarray(action)[None])
        if not ended[0]:
            return seen[0], float(reward[0]), False, False, {}
        return info["final_obs"][0], float(reward[0]), True, False, {"pnl": float(info["pnl"][0])}
