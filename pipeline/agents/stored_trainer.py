"""An agent that learns by trial on the stored days of a desk."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.reward import Reward
from pipeline.agents.stored import StoredEpisodes
from pipeline.agents.trainer import AgentTrainer
from pipeline.deep.best_kept import KeepsBest
from pipeline.deep.risk import Risk
from pipeline.deep.stored_task import StoredTask
from pipeline.deep.stored_trainer import told
from pipeline.domain.instruments import FloatArray
from pipeline.policies.engineered_state import engineered
from pipeline.policies.network_band import NetworkBand


@dataclass
class StoredAgentTrainer(KeepsBest[NetworkBand], AgentTrainer):
    """An agent that lives through redrawn days, through their books, and is kept where it did best.

    κ and b of the reward, and which of its checkpoints is kept, are chosen on the days that are held out.
    """

    task: StoredTask  # type: ignore[assignment]

    def environment(self, reward: Reward) -> HedgingMarkets:
        """See `AgentTrainer`."""
        task, learned = self.task, self.task.days.learned
        seen = engineered(learned.state, task.sees, self.plan.kind.name)
        dealer = StoredEpisodes(learned.state, learned.market, self.plan.markets, seen, task.sees, task.turns)
        paid = replace(reward, pull=task.pull)
        return HedgingMarkets(dealer, reward=paid, seed=self.plan.seed)

    @property
    def sees(self) -> tuple[str, ...]:
        """See `AgentTrainer`."""
        return self.task.sees

    @property
    def goal(self) -> tuple[Risk, float]:
        """See `AgentTrainer`."""
        return self.task.risk, self.task.aversion

    def judged(self) -> tuple[FloatArray, FloatArray]:
        """See `AgentTrainer`: by the books, on what is held out, the premium received."""
        return self.task.judged_pnl(self.with_weights(self.average))[None], np.zeros(1)

    def facts(self) -> dict[str, Any]:
        """See `Trainer`: of the days how many there are."""
        return self.plan.facts() | told(self.task)

    def own_facts(self) -> dict[str, Any]:
        """See `Trainer`."""
        return {**self.task.facts, **super().own_facts()}
