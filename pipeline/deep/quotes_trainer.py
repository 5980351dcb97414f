"""A network that learns the slope of single options from the quotes that a desk has stored."""

from dataclasses import dataclass
from typing import Any

from pipeline.deep.best_kept import BestKept
from pipeline.deep.quotes_task import QuotesTask
from pipeline.deep.sequence_network import SequenceNetwork
from pipeline.policies.checkpoint import POLICY, SEEN
from pipeline.policies.network_slope import NetworkSlope


@dataclass
class QuotesTrainer(BestKept[SequenceNetwork]):
    """`policies.network_slope` in training, kept where it did best on the days that are held out."""

    task: QuotesTask

    def facts(self) -> dict[str, Any]:
        """See `Trainer`: of the quotes how many changes and days there are."""
        days, pairs = self.task.known_days, self.task.seen.moves.day
        told: dict[str, Any] = {"pairs": len(pairs), "days": len(days), "prior_days": self.task.prior_days}
        told |= {"pairs_held_out": len(pairs) - self.task.first_held_out, "seen_until": self.task.seen_until}
        return self.plan.facts() | {f"task/{name}": value for name, value in told.items()}

    def own_facts(self) -> dict[str, Any]:
        """See `Trainer`."""
        return {POLICY: NetworkSlope.name, SEEN: self.task.seen_until, **super().own_facts()}
