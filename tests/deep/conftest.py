"""A small task of deep hedging."""

import pytest

from pipeline.deep.plan import TrainingPlan
from pipeline.deep.task import HedgingTask
from pipeline.domain.instruments import Liability
from pipeline.simulate.black_scholes import BlackScholes


@pytest.fixture
def task():
    return HedgingTask(
        process=BlackScholes(volatility=0.2),
        volatility=(0.2, 0.2),
        liability=Liability.of("call", "short"),
        strike=100.0,
        steps=10,
        interval=1 / 365,
        cost=(0.005, 0.005),
        aversion=(1.0, 1.0),
    )


@pytest.fixture
def plan():
    return TrainingPlan(steps=12, paths=2048, save_every=4, hidden=(8, 8), seed=3)
