"""Markets that deal many options in turn: the money is that of the books, and of what teaches networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.markets import STREAM, SimulatedMarkets, episodes_of
from pipeline.agents.plan import PpoPlan
from pipeline.agents.single import HedgingMarket
from pipeline.agents.trainer import AgentTrainer
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import options_value
from pipeline.deep.desk_task import learned_task
from pipeline.deep.options_task import OptionsTask
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.trainer import VALIDATION
from pipeline.domain.desk_file import load_any
from pipeline.domain.instruments import Liability
from pipeline.policies.correction import corrected
from pipeline.policies.network_band import INPUTS
from pipeline.policies.zakamouline import Zakamouline

EACH = 3


@pytest.fixture
def options(task):
    """Calls and puts of two lives and two deltas; those of the shorter life expire while they are held."""
    both = tuple(Liability.of(right, "short") for right in ("call", "put"))
    like = replace(task, volatility=(0.1, 0.4), cost=(0.001, 0.01))
    return OptionsTask(like=like, liabilities=both, lives=(5, 20), deltas=(0.2, 0.5))


def dealt(options, seed=3):
    """The option and the condition of each group of deal 0, and its paths."""
    order = np.random.default_rng((seed, STREAM)).permutation(len(options.options))
    conditions = options.like.conditions(len(order), np.random.default_rng((seed, STREAM, 0)))
    for group, (place, condition) in enumerate(zip(order, conditions, strict=True)):
        option = options.options[place]
        yield option, condition, option.paths(EACH, condition, seed=seed, first=group * EACH)


def lived(options, actions):
    """P&L [N] of actions [T, N, 2] in a deal that has every option once."""
    kinds = len(options.options)
    markets = HedgingMarkets(SimulatedMarkets(options, kinds * EACH, kinds), seed=3)
    markets.reset(seed=3)
    for action in actions:
        *_, info = markets.step(action)
    return info["pnl"]


def test_what_an_agent_earns_is_what_a_network_is_taught_with(options):
    """The same positions, by the differentiable loop of deep hedging: closed at Black's price, or paid."""
    rows = len(options.options) * EACH
    actions = np.random.default_rng(1).uniform(-1, 1, (5, rows, 2))
    pnl = lived(options, actions)
    deal = SimulatedMarkets(options, rows, len(options.options)).deal(0, seed=3)
    center, half = corrected(deal.center, deal.half_width, *actions.transpose(2, 1, 0))
    edges = torch.from_numpy(np.stack([center - half, center + half], axis=-1))
    for k, (option, condition, spot) in enumerate(dealt(options)):
        own = slice(k * EACH, (k + 1) * EACH)
        earned = option.earned(option.cut(edges[own]), spot, condition).numpy()
        if option.life == option.steps:
            earned = earned - deal.value[own, 0]
        np.testing.assert_allclose(pnl[own], earned, rtol=0, atol=1e-10)
        assert np.ptp(earned) > 1e-3


def test_no_correction_is_the_prior_of_every_option(options):
    pnl = lived(options, np.zeros((5, len(options.options) * EACH, 2)))
    for k, (option, condition, spot) in enumerate(dealt(options)):
        state, market = option.state_on(spot, condition)
        ledger = book(market, Zakamouline().band(state))
        unpaid = options_value(state)[:, 0] + market.premium
        np.testing.assert_allclose(pnl[k * EACH : (k + 1) * EACH], ledger.pnl - unpaid, rtol=0, atol=1e-12)


def test_every_option_has_its_turn(options):
    """In a cycle of deals, wherever it begins; and another seed has another order."""
    markets = SimulatedMarkets(options, markets=6, groups=3)
    assert markets.cycle == 3

    def kinds(first, seed):
        """Right, life and delta as the deals show them: range of positions, time, and moneyness's side."""
        found = []
        for number in range(first, first + markets.cycle):
            deal = markets.deal(number, seed)
            steps, moneyness = np.exp(deal.seen[::2, 0, 2]).round(), deal.seen[::2, 0, 0]
            found += list(zip(deal.low[::2, 0], steps, np.abs(moneyness) > 0.5, strict=True))
        return found

    for first in (0, 1, 5):
        assert len(set(kinds(first, 3))) == len(options.options)
    assert kinds(0, 3) != kinds(0, 4)


def test_one_option_is_dealt_as_ever(task):
    """Of one option all groups have it, and a deal is a cycle."""
    alone = OptionsTask(like=task, liabilities=(task.liability,), lives=(5,), deltas=(0.5,))
    (option,) = alone.options
    many, one = (SimulatedMarkets(each, 6, 2) for each in (alone, option))
    assert many.cycle == one.cycle == 1
    for name in ("seen", "value", "center"):
        np.testing.assert_array_equal(getattr(many.deal(4, 3), name), getattr(one.deal(4, 3), name))


@pytest.mark.parametrize("answer", ["correction", "target", "band"])
@pytest.mark.filterwarnings("ignore:.*observation space m.*imum value is .*infinity")
def test_gymnasium_s_checker(options, answer):
    market = HedgingMarket(HedgingMarkets(SimulatedMarkets(options, 1), answer=answer, seed=3))
    check_env(market, skip_render_check=True)
    assert (market.action_space.low.min(), market.action_space.high.max()) == (-1.0, 1.0)


def test_an_agent_is_judged_by_what_judges_a_network(options, monkeypatch):
    """Untrained both are Zakamouline's band, and have the same mean risk of all options on the same paths."""
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 8 * 512)
    trainer = AgentTrainer(options, PpoPlan(steps=1, markets=64, groups=8, batch=64, seed=3))
    risk = trainer.validated()
    network = options.learner(TrainingPlan(steps=1, paths=8, seed=3))
    taught = options.loss(network, options.middle, paths=8 * 512, seed=3, first=VALIDATION).item()
    assert risk == pytest.approx(taught, rel=2e-3)  # a network is asked on a grid of prices


@pytest.mark.parametrize("name", ["spx-chain", "aapl-american"])
def test_what_an_agent_for_quoted_options_sees_counts_for_all_of_them(name):
    """The inputs of every option it is dealt lie in the range that its network reads."""
    task = learned_task(load_any(name), (0.1, 0.4))
    trainer = AgentTrainer(task, PpoPlan(steps=1, markets=64, groups=8, batch=64, hidden=(4,), seed=3))
    low, high = trainer.scaling[2:, : len(INPUTS)]
    for option in task.options:
        state, _ = episodes_of(option, option.middle, 1, seed=5, first=0)
        seen = np.log(state.time_to_expiry[0, 0] / state.interval)
        place = INPUTS.index("log_steps")
        assert low[place] - 1e-6 <= seen <= high[place] + 1e-6
    assert high[INPUTS.index("center")] > 0.5
    assert low[INPUTS.index("center")] < -0.5
