"""A band network that learns from the stored days of a desk."""

from dataclasses import dataclass
from typing import Any

from pipeline.deep.band_network import BandNetwork
from pipeline.deep.best_kept import BestKept
from pipeline.deep.stored_task import StoredTask


def told(task: StoredTask) -> dict[str, Any]:
    """Return what a run of a training from stored days shows of them."""
    days = task.days
    return {
        "task/risk": task.risk,
        "task/prior_lives": task.prior_lives,
        "task/turns": task.turns,
        "task/options_learned": len(days.learned.state.forward),
        "task/lives_learned": days.learned.lives,
        "task/options_held_out": len(days.held_out.state.forward),
        "task/lives_held_out": days.held_out.lives,
    }


@dataclass
class StoredTrainer(BestKept[BandNetwork]):
    """Kept where it did best on the days that are held out: untrained, if nothing helps there."""

    task: StoredTask

    def facts(self) -> dict[str, Any]:
        """See `Trainer`: of the days how many there are."""
        return self.plan.facts() | told(self.task)

    def own_facts(self) -> dict[str, Any]:
        """See `Trainer`."""
        return {**self.task.facts, **super().own_facts()}
