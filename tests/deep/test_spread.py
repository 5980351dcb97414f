"""Training over a spread of volatilities: which markets are drawn, and that what is learned has seen them."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.deep.market_task import MarketTask
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.sequence_network import Shape
from pipeline.deep.spread import Spread
from pipeline.domain.errors import SettingsError
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import Heston
from pipeline.simulate.payoffs import European
from pipeline.simulate.switching import MarkovSwitching

MARKET = MarkovSwitching(volatility=(0.1, 0.4), moves=((0.98, 0.02), (0.05, 0.95)))
TASK = MarketTask(
    process=MARKET, owed=European("call", 100.0), steps=6, interval=1 / 252, cost=(0.002,),
    sees=("left", "return"), shape=Shape(recurrent=3),
)  # fmt: skip
PLAN = TrainingPlan(steps=2, paths=2048, groups=8, hidden=(8,), seed=3)


def drawn(count, seed=1, task=TASK):
    return task.conditions(count, np.random.default_rng(seed))


def test_every_volatility_has_a_factor_of_its_own_over_the_whole_range():
    spread = replace(TASK, like=Spread(2.0))
    markets = drawn(64, task=spread)
    factors = np.log2([np.array(each.volatility) / np.array(MARKET.volatility) for each in markets])
    assert factors.min() > -1.0
    assert factors.max() < 1.0
    for one in factors.T:
        np.testing.assert_array_equal(np.sort((64 * (one + 1.0) / 2.0).astype(int)), np.arange(64))
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.4
    assert {each.moves for each in markets} == {MARKET.moves}
    assert markets == drawn(64, task=spread) != drawn(64, seed=2, task=spread)


def test_without_a_spread_there_is_one_market():
    assert set(drawn(8)) == {MARKET} == set(drawn(8, task=replace(TASK, like=Spread())))
    assert replace(TASK, like=Spread(2.0)).middle == MARKET, "what is validated is the market itself"


def test_training_sees_the_markets_that_are_drawn():
    told, spread = (NetworkTrainer(each, PLAN) for each in (TASK, replace(TASK, like=Spread(2.0))))
    wider = [float(each.network.most[1] - each.network.least[1]) for each in (told, spread)]
    assert wider[1] > 1.2 * wider[0], "returns of wilder markets count"
    conditions = spread.task.conditions(8, np.random.default_rng((PLAN.seed, 1, 0)))
    losses = [
        spread.task.loss(spread.network, each, paths=512, seed=1, first=0).item() for each in conditions
    ]
    assert len(set(losses)) == 8
    own = replace(TASK, process=conditions[0])
    assert own.loss(spread.network, conditions[0], paths=512, seed=1, first=0).item() == losses[0]


def test_what_cannot_be_spread():
    for factor in (0.5, float("inf"), float("nan")):
        with pytest.raises(SettingsError, match="give a factor of 1 or more"):
            Spread(factor)
    with pytest.raises(SettingsError, match="heston has no volatility to spread"):
        drawn(8, task=replace(TASK, process=Heston(), like=Spread(2.0)))
    (market,) = drawn(1, task=replace(TASK, process=BlackScholes(volatility=0.2), like=Spread(2.0)))
    assert 0.1 < market.volatility < 0.4
