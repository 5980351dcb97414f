"""Choice of a policy's parameters on training episodes, with a budget that is the same for every policy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pipeline.policies.base import Training

P = TypeVar("P", bound=Any)


def tune(policy: P, space: Mapping[str, Sequence[float]], training: Training) -> P:
    """Return the policy whose parameters score clearly best on the training episodes, by coordinate search.

    Each parameter in turn is set to the best value of its grid with the others held, until a full round
    changes nothing or `training.budget` scores are spent. A value replaces another only where it is better
    by more than two standard errors (`Score.clearly_below`), so the policy's defaults are its prior.
    """
    scores = {policy: training.score(policy)}
    best = policy
    while True:
        start = best
        for name, grid in space.items():
            for candidate in (replace(best, **{name: value}) for value in grid):
                if candidate in scores:
                    continue
                if len(scores) >= training.budget:
                    return best
                scores[candidate] = training.score(candidate)
                if scores[candidate].clearly_below(scores[best]):
                    best = candidate
        if best == start:
            return best
