"""A small task, and markets dealt from it."""

from dataclasses import replace

import pytest

from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import SimulatedMarkets
from pipeline.agents.reward import Reward
from tests.small_task import TASK

MARKETS = 6


@pytest.fixture
def task():
    return replace(TASK, steps=5, interval=1 / 252)


@pytest.fixture
def markets_of(task):
    """Markets of the small task, seed 3, whatever is changed."""

    def made(answer="correction", reward=None, markets=MARKETS, groups=1, **changes):
        dealer = SimulatedMarkets(replace(task, **changes), markets, groups)
        return HedgingMarkets(dealer, answer=answer, reward=reward or Reward(), seed=3)

    return made
