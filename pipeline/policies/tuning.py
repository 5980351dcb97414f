"""Choice of a policy's parameters on training episodes, with a budget that is the same for every policy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pipeline.policies.base import Training

P = TypeVar("P", bound=Any)


def tune(policy: P, space: Mapping[str, Sequence[float]], training: Training) -> P:
    """Return the policy whose parameters score best on the training episodes, by coordinate search.

    Each parameter in turn is set to the best value of its grid with the others held, until a full round
    changes nothing or `training.budget` scores are spent. Ties keep the earlier value, so the search is
    deterministic and starts from, and never does worse than, the policy's own defaults.
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
                if scores[candidate] < scores[best]:
                    best = candidate
        if best == start:
            return best
