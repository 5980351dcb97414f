"""Episodes that happened: their own books, their own features, drawn again and again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.agents.environment import HedgingMarkets
from pipeline.agents.plan import PpoPlan, SacPlan
from pipeline.agents.reward import Reward
from pipeline.agents.stored import StoredEpisodes
from pipeline.agents.stored_trainer import StoredAgentTrainer
from pipeline.backtest.episodes import Episodes
from pipeline.backtest.explain import StepEnd
from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.deep.training import train
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.instruments import Liability
from pipeline.execution.regime_liquidity import RegimeLiquidity, books_of, costs_of
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.engineered_state import COLUMNS
from pipeline.policies.network_band import prior, seen_of
from pipeline.policies.saved_network import hedger_of
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.switching import MarkovSwitching
from tests.stored_market import small_task

EPISODES, STEPS = 40, 6
MODEL = RegimeLiquidity(half_spread=(2e-4, 40e-4), depth=(2.0, 0.3), persistence=0.8, roughness=0.5)


@pytest.fixture(scope="module")
def stored():
    """State and market of days with a book of their own, a premium and an interest rate."""
    paths = MarkovSwitching().simulate(paths=EPISODES, steps=STEPS, dt=1 / 252, seed=7)
    call, vol = Liability.of("call", "short"), np.sqrt(paths.variance[:, :-1])
    state, market = simulated_episodes(
        paths.spot, vol, call, strike=100.0, interval=1 / 252, cost=1e-3, risk_aversion=1.0
    )
    liquidity = MODEL.simulate(paths, seed=7)
    cost, _ = costs_of(liquidity, paths, ExecutionSettings())
    market = replace(
        market, cost=cost, premium=np.full(EPISODES, 1.5), interest=np.full((EPISODES, STEPS), 1e-4)
    )
    return state, market, books_of(liquidity, paths)


@pytest.fixture
def columns():
    """A feature that tells which episode and which decision it is of."""
    return (100.0 * np.arange(EPISODES)[:, None] + np.arange(STEPS))[..., None]


@pytest.mark.parametrize("through_books", [False, True])
def test_an_episode_ends_in_the_books_of_its_backtest(stored, columns, through_books):
    state, market, books = stored
    market = replace(market, book=books) if through_books else market
    dealer = StoredEpisodes(state, market, 25, columns, ("which",))
    markets = HedgingMarkets(dealer, reward=Reward(paired=False), seed=2)
    assert markets.observed[-3:] == ("which", "position", "pnl")
    seen, _ = markets.reset(seed=2)
    rows = (seen[:, -3] / 100.0).astype(int)
    assert len(set(rows)) < 25 < EPISODES  # drawn with replacement
    for step in range(STEPS):
        np.testing.assert_array_equal(seen[:, -3], 100.0 * rows + step)
        seen, *_, info = markets.step(np.zeros((25, 2)))
    ledger = book(market, Zakamouline().band(state)).episodes(rows)
    earned = ledger.trading + ledger.carry - ledger.cost - ledger.payoff
    value = dealer.deal(0, 2).value[:, 0]
    np.testing.assert_allclose(info["pnl"], earned - value, rtol=0, atol=1e-9)


def test_features_are_those_of_the_decision(stored):
    state, market, _ = stored
    table = pd.DataFrame({"imbalance": np.arange(100.0), "skew": -np.arange(100.0)})
    start = np.arange(EPISODES) + 3
    nothing = np.zeros((EPISODES, STEPS))
    episodes = Episodes(state, market, StepEnd(nothing, nothing, nothing), start, start + STEPS)
    dealer = StoredEpisodes.of(episodes, table, ("skew", "imbalance"), markets=5)
    deal = dealer.deal(1, seed=4)
    assert (deal.seen[..., -2] == -deal.seen[..., -1]).all()
    assert (np.diff(deal.seen[..., -1], axis=1) == 1.0).all()
    with pytest.raises(DataError, match="no column depth in the table: it has imbalance, skew"):
        StoredEpisodes.of(episodes, table, ("depth",), markets=5)


def test_a_feature_that_is_no_number_and_names_that_do_not_fit(stored, columns):
    state, market, _ = stored
    with pytest.raises(DataError, match="at step 0: which is nan"):
        StoredEpisodes(state, market, 3, columns * np.nan, ("which",)).deal(0, 1)
    with pytest.raises(SettingsError, match="1 features and 0 names"):
        StoredEpisodes(state, market, 3, columns)


def test_redrawn_episodes_are_dealt_on_other_paths(stored):
    state, market, books = stored
    market = replace(market, book=books)
    deals = [StoredEpisodes(state, market, 25, turns=turns).deal(0, 2) for turns in (None, 0.5)]
    moves = [np.abs(np.diff(np.log(deal.market.price[..., 0]), axis=1)) for deal in deals]
    np.testing.assert_allclose(*moves, atol=1e-13)
    assert (deals[0].market.payoff != deals[1].market.payoff).any()


@pytest.mark.parametrize("plan", [PpoPlan, SacPlan])
def test_an_agent_learns_from_stored_days_and_goes_on(plan, tmp_path):
    task = small_task()
    plan = plan(steps=4, markets=32, hidden=(6,), critic=(8,), batch=64, save_every=2, seed=3)
    whole = train(StoredAgentTrainer(task, plan), tmp_path / "whole.npz")

    def interrupt(step, risk):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(StoredAgentTrainer(task, plan), tmp_path / "cut.npz", interrupt)
    again = train(StoredAgentTrainer(task, plan), tmp_path / "cut.npz")
    assert again.learned == whole.learned
    assert again.history == whole.history
    kept = hedger_of(Checkpoint.read(tmp_path / "cut.npz"), plan.kind.name)
    assert kept == whole.learned
    assert kept.sees == tuple(COLUMNS)
    assert task.judged(kept) == min(risk for _, risk in whole.history)


def test_what_an_agent_sees_is_what_its_band_sees():
    task, plan = small_task(), PpoPlan(steps=1, markets=16, hidden=(6,), critic=(8,), batch=32, seed=3)
    trainer = StoredAgentTrainer(task, plan)
    deal = trainer.markets.dealer.deal(0, plan.seed)
    state, _ = task.days.learned.drawn(16, np.random.default_rng((plan.seed, 0)), task.turns)
    center, half_width, *_ = prior(state, "ppo_band")
    np.testing.assert_array_equal(deal.seen, seen_of(state, center, half_width, task.sees, "ppo_band"))
    assert trainer.markets.reward.pull == task.pull > 0.0


def test_a_pull_pays_for_what_leaves_the_prior(stored):
    state, market, _ = stored
    found = []
    for pull in (0.0, 1.2):
        markets = HedgingMarkets(StoredEpisodes(state, market, 5), reward=Reward(pull=pull), seed=2)
        markets.reset()
        found.append(markets.step(np.array([[0.5, -1.0]] * 5))[1])
    np.testing.assert_allclose(found[0] - found[1], 1.2 / STEPS * 1.25)
    with pytest.raises(SettingsError, match="a pull of -1"):
        Reward(pull=-1.0)
