"""A hedger fitted on finished episodes, and what that needs to be known by."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.folds import training_of
from pipeline.domain.desk import Desk
from pipeline.ingest.content import Known, content_digest
from pipeline.ingest.dataset import Output
from pipeline.ingest.pieces import Pieces
from pipeline.policies.base import Policy, Score, acting
from pipeline.policies.written import restored, written

FITTED = "policy.json"


@dataclass(frozen=True)
class FittedPolicy:
    """A policy as it was fitted, and its score on the training episodes."""

    policy: Policy
    score: float


@dataclass(frozen=True)
class Finished:
    """Finished episodes (rows), and how policies that were fitted on them before were scored."""

    episodes: Episodes
    rows: NDArray[np.int64]
    scores: dict[Any, Score] = field(default_factory=dict)

    def once(self, desk: Desk, score: Callable[[Policy], Score]) -> Callable[[Policy], Score]:
        """Return `score`, which hedges these episodes, asked once only for what acts alike at a desk."""
        settings = desk.model_dump_json()

        def kept(policy: Policy) -> Score:
            key = settings, acting(policy)
            if key not in self.scores:
                self.scores[key] = score(policy)
            return self.scores[key]

        return kept


def training_rows_of(episodes: Episodes, rows: NDArray[np.int64]) -> Known:
    """Return finished episodes (rows) as what they are known by: their states and their markets."""
    content = (episodes.state.episodes(rows), episodes.market.episodes(rows))
    return Known(Finished(episodes, rows), content_digest(content))


def fit_before(desk: Desk, policy: Policy, training: Known, pieces: Pieces) -> FittedPolicy:
    """Return a policy fitted on the episodes of `training_rows_of`; `pieces` may know the fit."""
    settings = Desk.model_construct(
        name="fit",
        hedge=desk.hedge,
        risk=desk.risk,
        limits=desk.limits,
        policies=desk.policies.model_copy(update={"run": ()}),
        evaluation=desk.evaluation.model_copy(update={"stress": ()}),
    )
    piece = pieces("policy_fit", policy_fit, desk=settings, policy=policy, training=training)
    found = json.loads(piece.read_bytes(FITTED))
    return FittedPolicy(restored(found["policy"]), found["score"])


def policy_fit(desk: Desk, policy: Policy, training: Finished) -> Output:
    """Fit a policy on finished episodes; `policy.json` holds it as `policies.written`, and its score."""
    learned = training_of(desk, training.episodes, training.rows)
    learned = replace(learned, score=training.once(desk, learned.score))
    fitted = policy.fit(learned)
    found = {"policy": written(fitted), "score": learned.score(fitted).value}
    return {FITTED: json.dumps(found).encode()}
