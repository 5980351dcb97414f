"""A small task, and markets dealt from it."""

from dataclasses import replace

import pytest

from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import SimulatedMarkets
from pipeline.agents.reward import Reward
from pipeline.deep.task import HedgingTask
from pipeline.domain.instruments import Liability
from pipeline.simulate.black_scholes import BlackScholes

MARKETS = 6


@pytest.fixture
def task():
    return HedgingTask(
        process=BlackScholes(volatility=0.2),
        volatility=(0.2, 0.2),
        liability=Liability.of("call", "short"),
        strike=100.0,
        steps=5,
        interval=1 / 252,
        cost=(0.005, 0.005),
        aversion=(1.0, 1.0),
    )


@pytest.fixture
def markets_of(task):
    """Markets of the small task, seed 3, whatever is changed."""

    def made(answer="correction", reward=None, markets=MARKETS, groups=1, **changes):
        dealer = SimulatedMarkets(replace(task, **changes), markets, groups)
        return HedgingMarkets(dealer, answer=answer, reward=reward or Reward(), seed=3)

    return made
