"""A small task of deep hedging."""

import pytest

from pipeline.deep.plan import TrainingPlan
from tests.small_task import TASK


@pytest.fixture
def task():
    return TASK


@pytest.fixture
def plan():
    return TrainingPlan(steps=12, paths=2048, save_every=4, hidden=(8, 8), seed=3)
