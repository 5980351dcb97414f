"""The markets that step at once: their books are the backtest's, their rewards what they say."""

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, VectorEnv

from pipeline.agents.environment import OWN
from pipeline.agents.markets import Deal
from pipeline.agents.reward import Reward
from pipeline.agents.single import HedgingMarket
from pipeline.backtest.ledger import book
from pipeline.domain.errors import DataError, PolicyError, SettingsError
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.fixed_band import FixedBand
from pipeline.policies.network_band import INPUTS
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.heston import Heston

COLUMN = {name: place for place, name in enumerate((*INPUTS, *OWN))}


def first_deal(task, markets=6):
    """State and market of the first deal after `reset(seed=3)`."""
    return task.state_on(task.paths(markets, task.middle, seed=3, first=0), task.middle)


def lived(markets, actions):
    """Rewards [T, N], accounting P&L [T, N] and the last info of a life with actions [T, N, A]."""
    markets.reset(seed=3)
    rewards, pnl = [], []
    for step, action in enumerate(actions):
        seen, reward, ended, cut, info = markets.step(action)
        assert ended.all() == (step == markets.steps - 1)
        assert not cut.any()
        rewards.append(reward)
        pnl.append(info["pnl"] if info else seen[:, COLUMN["pnl"]])
    return np.array(rewards), np.array(pnl), info


def edges(policy, state):
    band = policy.band(state)
    return band.lower[..., 0].T, band.upper[..., 0].T


@pytest.mark.parametrize("policy", [DeltaImplied(), FixedBand(0.1)])
@pytest.mark.parametrize("unwind", [True, False])
def test_the_books_are_those_of_the_backtest(task, markets_of, policy, unwind):
    state, market = first_deal(replace(task, unwind=unwind))
    lower, upper = edges(policy, state)
    target = lower is upper or (lower == upper).all()
    actions = lower[..., None] if target else np.stack([lower, upper], axis=-1)
    markets = markets_of("target" if target else "band", unwind=unwind)
    _, _, info = lived(markets, actions)
    premium = -Deal.of(state, market).value[:, 0]
    ours = book(market, policy.band(state).clipped(np.zeros(state.shape), np.ones(state.shape))).pnl
    np.testing.assert_allclose(info["pnl"], ours + premium, rtol=0, atol=1e-12)


def test_no_correction_is_zakamouline_s_band(task, markets_of):
    state, market = first_deal(task)
    rewards, _, info = lived(markets_of(), np.zeros((5, 6, 2)))
    ours = book(market, Zakamouline().band(state)).pnl - Deal.of(state, market).value[:, 0]
    np.testing.assert_allclose(info["pnl"], ours, rtol=0, atol=1e-12)
    assert (rewards == 0.0).all()  # less what the same band earns


def test_rewards_of_the_whole_sum_to_its_quadratic(markets_of):
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 2))
    rewards, pnl, _ = lived(markets_of(reward=Reward(2.0, "whole", 0.3, paired=False)), actions)
    kappa = 1.0
    np.testing.assert_allclose(rewards.sum(0), pnl[-1] - kappa * ((pnl[-1] - 0.3) ** 2 - 0.3**2), rtol=1e-9)


def test_rewards_of_utility_sum_to_that_of_the_whole(markets_of):
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 2))
    rewards, pnl, _ = lived(markets_of(reward=Reward(of="utility", aim=0.3, paired=False)), actions)
    np.testing.assert_allclose(rewards.sum(0), np.exp(0.3) - np.exp(-(pnl[-1] - 0.3)), rtol=1e-9)


def test_rewards_of_the_steps(markets_of):
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 2))
    rewards, pnl, _ = lived(markets_of(reward=Reward(3.0, "steps", paired=False)), actions)
    gains = np.diff(pnl, axis=0, prepend=0.0)
    np.testing.assert_allclose(rewards, gains - 1.5 * gains**2, atol=1e-6)  # P&L is seen in single precision


def test_paired_rewards_are_less_what_no_correction_earns(markets_of):
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 2))
    apart = [lived(markets_of(reward=Reward(paired=False)), each)[0] for each in (actions, 0.0 * actions)]
    np.testing.assert_allclose(lived(markets_of(), actions)[0], apart[0] - apart[1], rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*observation space m.*imum value is .*infinity")
def test_gymnasium_s_checker(markets_of):
    check_env(HedgingMarket(markets_of(markets=1)), skip_render_check=True)
    with pytest.raises(SettingsError, match="one is one market"):
        HedgingMarket(markets_of())


def test_it_is_a_vector_environment(markets_of):
    markets = markets_of("band")
    assert isinstance(markets, VectorEnv)
    assert markets.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    seen, _ = markets.reset(seed=3)
    assert seen in markets.observation_space
    assert (seen[:, -2:] == 0.0).all()
    for _ in range(5):
        action = markets.action_space.sample()
        after, *_, info = markets.step(action)
    assert after in markets.observation_space
    assert (after[:, -2:] == 0.0).all()  # a fresh market
    assert (info["final_obs"][:, COLUMN["pnl"]] == info["pnl"].astype(np.float32)).all()


def test_crossed_edges_meet_in_the_middle(markets_of):
    markets = markets_of("band")
    markets.reset(seed=3)
    seen, *_ = markets.step(np.tile([0.8, 0.2], (6, 1)))
    np.testing.assert_allclose(seen[:, COLUMN["position"]], 0.5)


def test_seeds_and_deals(markets_of):
    def second_step(markets, seed=None):
        markets.reset(seed=seed)
        return markets.step(np.zeros((markets.num_envs, 2)))[0]

    markets = markets_of()
    first, then, other = (second_step(markets, seed) for seed in (3, None, 4))
    assert (first[:, 0] != then[:, 0]).all()
    assert (first[:, 0] != other[:, 0]).all()
    np.testing.assert_array_equal(second_step(markets, 3), first)
    np.testing.assert_array_equal(second_step(markets_of(markets=9), 3)[:6], first)


def test_a_market_that_ends_is_followed_by_the_next_deal(markets_of):
    markets = markets_of()
    markets.reset(seed=3)
    for _ in range(6):
        after = markets.step(np.zeros((6, 2)))[0]
    markets.reset(seed=3)
    markets.reset()
    np.testing.assert_array_equal(markets.step(np.zeros((6, 2)))[0], after)


def test_groups_have_conditions_of_their_own(markets_of):
    markets = markets_of(groups=3, cost=(0.001, 0.1), aversion=(0.5, 1.5), volatility=(0.1, 0.3))
    seen, _ = markets.reset(seed=1)
    for name in ("log_cost", "log_aversion", "log_deviation"):
        column = seen[:, COLUMN[name]]
        assert len(np.unique(column)) == 3, name
        assert (column[::2] == column[1::2]).all(), name


def test_the_variance_that_the_simulator_drives_is_seen(markets_of):
    market = Heston(start=0.04, mean=0.04, reversion=2.0, vol_of_vol=0.3, correlation=-0.7)
    markets = markets_of(process=market)
    column = COLUMN["log_deviation"]
    first = markets.reset(seed=3)[0][:, column]
    then = markets.step(np.zeros((6, 2)))[0][:, column]
    assert len(np.unique(first)) == 1
    assert len(np.unique(then)) == 6


def test_numbers_that_are_none(task, markets_of):
    markets = markets_of()
    with pytest.raises(PolicyError, match="action in market 2 at step 0 is NaN: its training diverged"):
        markets.step(np.where(np.arange(6)[:, None] == 2, np.nan, np.zeros((6, 2))))
    state, market = first_deal(task)
    broken = state.forward.copy()
    broken[4, 3] = np.inf
    with pytest.raises(DataError, match="market 4 at step 3: moneyness is inf"):
        Deal.of(replace(state, forward=broken), market)
    with pytest.raises(SettingsError, match="6 markets in 4 groups"):
        markets_of(groups=4)
