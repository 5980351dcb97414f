"""The cost–risk frontier: the same numbers as a backtest at each aversion, and nothing hedged twice."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import scorer, walk_forward_folds
from pipeline.backtest.frontier import HedgedFold, aversions, desk_at, frontier
from pipeline.domain.risk_measures import entropic
from pipeline.policies.catalogue import POLICIES, desk_policies
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.remembering import Memory, RememberingState
from pipeline.policies.whalley_wilmott import WhalleyWilmott

RUN = ("none", "fixed_band", "whalley_wilmott", "minimum_variance", "regime_switched")
GRID = np.array([0.2, 1.0, 5.0])


@pytest.fixture(scope="module")
def desk(desk):
    return desk.model_copy(update={"policies": desk.policies.model_copy(update={"run": RUN})})


@pytest.fixture(scope="module")
def episodes(desk, known_sessions):
    return build_episodes(desk, known_sessions)


@pytest.fixture(scope="module")
def folds(desk, known_sessions, episodes):
    return walk_forward_folds(desk, known_sessions, episodes)


@pytest.fixture(scope="module")
def table(desk, episodes, folds):
    return frontier(desk, episodes, folds, in_all(folds, desk_policies(desk)), GRID)


def in_all(folds, policies):
    """The same unfitted policies in every window."""
    return {fold.window: policies for fold in folds}


@pytest.mark.parametrize("aversion", [0.2, 1.0])
def test_a_row_is_what_the_backtest_of_a_desk_with_that_aversion_finds(desk, signals, table, aversion):
    episodes = run_backtest(desk_at(desk, aversion), signals)["episodes"]
    for policy, hedged in episodes[episodes["delay"] == 0].groupby("policy"):
        row = table[(table["policy"] == policy) & (table["aversion"] == aversion)].iloc[0]
        pnl = hedged["pnl"].to_numpy()
        assert row["pnl_mean_bps"] == pytest.approx(100 * pnl.mean(), rel=1e-9)
        assert row["pnl_sd_bps"] == pytest.approx(100 * pnl.std(), rel=1e-9)
        assert row["risk_bps"] == pytest.approx(100 * entropic(pnl, aversion), rel=1e-9)
        assert row["cost_bps"] == pytest.approx(100 * hedged["cost"].mean(), rel=1e-9)
        assert row["trades"] == pytest.approx(hedged["trades"].mean(), rel=1e-12)


def test_a_score_from_kept_outcomes_is_the_score(desk, episodes, folds):
    for fold in folds:
        ours, plain = HedgedFold(desk, episodes, fold).scorer(desk), scorer(desk, episodes, fold.training)
        for policy in (WhalleyWilmott(), RegimeSwitched(band_scale=0.5, aversion_tilt=2.0)):
            kept, made = ours(policy), plain(policy)
            assert kept.value == pytest.approx(made.value, rel=1e-10)
            np.testing.assert_allclose(kept.blocks, made.blocks, rtol=1e-10)


def test_the_more_averse_trade_more_and_pay_more(table):
    cost = table[table["policy"] == "whalley_wilmott"].sort_values("aversion")
    assert cost["trades"].is_monotonic_increasing
    assert cost["cost_bps"].is_monotonic_increasing
    assert cost["moves"].all()


def test_what_does_not_look_at_the_aversion_is_one_point(table):
    for policy in ("none", "minimum_variance", "delta_implied"):
        rows = table[table["policy"] == policy]
        assert not rows["moves"].any()
        assert rows["pnl_sd_bps"].nunique() == 1
        assert rows["risk_bps"].nunique() == len(GRID)


@pytest.mark.parametrize(("policy", "times"), [(WhalleyWilmott, len(GRID)), (DeltaImplied, 1)])
def test_nothing_is_hedged_twice(desk, episodes, folds, monkeypatch, policy, times):
    asked, plain = [], policy.band
    monkeypatch.setattr(policy, "band", lambda self, state: asked.append(state) or plain(self, state))
    frontier(desk, episodes, folds, in_all(folds, {policy.name: policy()}), GRID, workers=1)
    assert len(asked) == times * len(folds)


@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"regime_map"}))
def test_what_is_kept_for_every_aversion_does_not_hang_on_it(episodes, name):
    policy = POLICIES[name]()
    state = episodes.state.episodes(np.arange(40))
    regimes = state.regime_prob.shape[-1]
    state = replace(
        state,
        loss_room=np.full(state.shape, 0.5),
        regime_moves=np.full((*state.shape, regimes, regimes), 1 / regimes),
        regime_variance=np.full((*state.shape, regimes), 0.2**2 / 252),
    )
    calm, averse = (RememberingState.of(state, aversion, Memory()) for aversion in (0.1, 10.0))
    low, high = policy.band(calm), policy.band(averse)
    same = np.array_equal(low.lower, high.lower) and np.array_equal(low.upper, high.upper)
    assert calm.read == averse.read
    assert same or calm.read
    if name in ("whalley_wilmott", "zakamouline", "limit_aware", "regime_switched"):
        assert calm.read
        assert not same


def test_the_middle_of_an_odd_grid_is_the_desks_own_aversion(desk):
    grid = aversions(desk_at(desk, 0.7), 15)
    assert grid[7] == pytest.approx(0.7, rel=1e-15)
    np.testing.assert_allclose(grid[[0, -1]], [0.07, 7.0])
    np.testing.assert_allclose(np.diff(np.log(grid)), np.log(10) / 7)
