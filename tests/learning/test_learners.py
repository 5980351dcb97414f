"""How the training of each hedger is begun for a desk."""

import pytest

from pipeline.domain.desk import Desk
from pipeline.learning.known_market import KnownMarket
from pipeline.learning.learners import LEARNERS


@pytest.mark.parametrize("policy", LEARNERS)
def test_a_training_that_diverged_can_be_told_a_lower_rate(policy):
    told = Desk(name="mine", policies={"run": []}), 1, 64, KnownMarket(volatility=(0.1, 0.3)), 0
    plan = LEARNERS[policy].of(*told, 1e-4).plan
    assert plan.learning_rate == 1e-4 < LEARNERS[policy].of(*told, None).plan.learning_rate
