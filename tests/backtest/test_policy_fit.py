"""Fits that share their scores: the same policy and score as alone, and nothing hedged twice."""

import json

import numpy as np

from pipeline.backtest import policy_fit as fitting
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import training_of, walk_forward_folds
from pipeline.policies.base import acting
from pipeline.policies.regime_switched import ABLATIONS, RegimeSwitched
from pipeline.policies.written import restored


def test_what_is_scored_once_is_what_each_policy_would_score_alone(desk, sessions, monkeypatch):
    episodes = build_episodes(desk, sessions)
    rows = walk_forward_folds(desk, sessions, episodes)[0].training
    hedged, plain = [], fitting.training_of

    def counted(*arguments):
        learned = plain(*arguments)
        return fitting.replace(learned, score=lambda policy: hedged.append(policy) or learned.score(policy))

    monkeypatch.setattr(fitting, "training_of", counted)
    training = fitting.Finished(episodes, rows)
    asked = 0
    for kind in (RegimeSwitched, *ABLATIONS):
        found = json.loads(fitting.policy_fit(desk, kind(), training)["policy.json"])
        alone = training_of(desk, episodes, rows)
        seen = []
        expected = kind().fit(
            fitting.replace(
                alone, score=lambda policy, seen=seen, score=alone.score: seen.append(policy) or score(policy)
            )
        )
        asked += len(seen)
        assert restored(found["policy"]) == expected
        assert found["score"] == alone.score(expected).value
    assert len(hedged) == len({acting(policy) for policy in hedged}) < 0.8 * asked


def test_another_desk_has_scores_of_its_own(desk, sessions):
    episodes = build_episodes(desk, sessions)
    training = fitting.Finished(episodes, np.arange(300))
    averse = desk.model_copy(update={"risk": desk.risk.model_copy(update={"aversion": 5.0})})
    scores = [
        training.once(each, training_of(each, episodes, training.rows).score)(RegimeSwitched()).value
        for each in (desk, averse)
    ]
    assert scores[0] != scores[1]
