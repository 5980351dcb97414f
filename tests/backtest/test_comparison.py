"""The walk-forward backtest: who trains on what, and that the tables add up."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.folds import judged, scorer, walk_forward_folds
from pipeline.backtest.ledger import book
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.risk_measures import measure
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.written import restored


def test_every_policy_hedges_the_same_test_episodes_at_both_delays(desk, sessions, tables):
    episodes = tables["episodes"]
    assert set(episodes["policy"]) == {"delta_implied", *desk.policies.run} | {
        f"regime_switched_no_{part}" for part in ("regimes", "forecasts", "bands")
    }
    counts = episodes.groupby(["policy", "delay"]).size()
    assert set(counts) == {counts.iloc[0]}
    assert episodes["start"].min() >= pd.Timestamp("2016-01-01")
    assert sorted(episodes["window"].unique()) == [1, 2]
    last = sessions["session"].iloc[-1 - desk.option.sessions]
    assert episodes["start"].max() == last


def test_books_add_up(tables):
    books = tables["episodes"]
    total = books["premium"] + books["trading"] + books["carry"] - books["cost"] - books["payoff"]
    np.testing.assert_allclose(books["pnl"], total)
    assert (books.loc[books["policy"] == "none", ["trading", "cost", "trades"]] == 0).all().all()


def test_an_episode_is_labelled_by_the_regime_of_its_start(sessions, tables):
    regime = sessions.set_index("session").filter(like="regime_prob_").to_numpy().argmax(axis=1)
    at_start = pd.Series(regime, index=sessions["session"]).reindex(tables["episodes"]["start"])
    np.testing.assert_array_equal(tables["episodes"]["regime"], at_start)
    assert len(set(regime)) == 2


def test_an_episode_carries_the_return_of_its_hedge_instrument(desk, sessions, tables):
    """The future that expires with the option: it starts at the forward and ends at the spot."""
    life, session = desk.option.sessions, sessions["session"]
    years = (session.shift(-life) - session).dt.days / 365.0
    carry = np.exp((desk.market.rate - desk.market.dividend_yield) * years)
    moved = sessions["close"].shift(-life) / (sessions["close"] * carry) - 1.0
    expected = moved.set_axis(session).reindex(tables["episodes"]["start"])
    np.testing.assert_allclose(tables["episodes"]["market_return"], expected, rtol=1e-9, atol=1e-12)


def test_training_episodes_end_before_the_window_and_its_embargo(desk, sessions):
    episodes = build_episodes(desk, sessions)
    for fold in walk_forward_folds(desk, sessions, episodes):
        boundary = int(np.flatnonzero(sessions["window"] == fold.window)[0])
        assert episodes.expiry[fold.training].max() == boundary - desk.windows.embargo_sessions - 1
        assert episodes.start[fold.test].min() == boundary


def test_test_years_do_not_reach_the_training(desk, sessions, signals, tables):
    """Change every test session after the first window: the parameters of that window stay, bit for bit."""
    wild = sessions.copy()
    later = wild["session"] >= pd.Timestamp("2016-01-01")
    wild.loc[later, "close"] *= np.exp(np.random.default_rng(2).normal(0, 0.05, later.sum()))
    wild.loc[later, "illiquidity_next"] *= 7.0
    other = run_backtest(desk, signals | {"signals": wild})
    first = [frame["tuned"].query("window == 1") for frame in (tables, other)]
    pd.testing.assert_frame_equal(*first, check_exact=True)
    assert not tables["tuned"].query("window == 2").equals(other["tuned"].query("window == 2"))


def test_the_training_score_does_not_pay_for_leaning_with_the_drift(desk, sessions):
    """Add a strong trend to the market: the score of holding one unit more or less moves by little."""
    trending = sessions.copy()
    trending["close"] *= np.exp(0.002 * np.arange(len(sessions)))
    episodes = build_episodes(desk, trending)
    rows = np.arange(200)
    market, state = episodes.market.episodes(rows), episodes.state.episodes(rows)

    class Held(DeltaImplied):
        units = 0.0

        def band(self, state):
            return Band.around(np.full(state.shape, self.units))

    more = Held()
    object.__setattr__(more, "units", 1.0)
    flat = desk.model_copy(update={"risk": desk.risk.model_copy(update={"aversion": 1e-6})})
    score = scorer(flat, episodes, rows)
    raw = [book(market, policy.band(state)).pnl.mean() for policy in (Held(), more)]
    assert raw[1] - raw[0] > 3.0
    assert score(Held()).value - score(more).value == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("risk_measure", ["entropic", "cvar", "mean_sd"])
@pytest.mark.parametrize("count", [5, 250, 299, 300])
def test_a_score_is_the_desks_measure_of_the_whole_and_of_blocks_of_start_days(desk, risk_measure, count):
    pnl = np.random.default_rng(1).normal(size=count)
    desk = desk.model_copy(update={"risk": desk.risk.model_copy(update={"measure": risk_measure})})
    score = judged(desk, pnl)
    blocks = np.array_split(pnl, max(4, count // desk.evaluation.block_sessions))
    assert score.value == float(measure(pnl, desk.risk))
    np.testing.assert_array_equal(score.blocks, [float(measure(part, desk.risk)) for part in blocks])


def test_the_flagship_is_saved_as_it_was_fitted_last(tables):
    saved = json.loads(tables["models/regime_switched.json"])
    last = (
        tables["tuned"].query("policy == 'regime_switched' and window == 2").set_index("parameter")["value"]
    )
    assert restored(saved).parameters() == last.to_dict()


def test_the_path_shows_every_policy_inside_its_band(tables):
    path = tables["path"]
    assert path.groupby("policy").size().eq(21).all()
    assert (path["position"] >= path["lower"] - 1e-12).all()
    assert (path["position"] <= path["upper"] + 1e-12).all()


def test_too_little_to_train_on_is_an_error(desk, sessions):
    short = sessions[sessions["session"] >= "2015-06-01"].reset_index(drop=True)
    with pytest.raises(
        DataError, match=r"sessions of finished episodes before it.*windows\.test_start later"
    ):
        run_backtest(desk, {"signals": short})


def test_an_empty_test_period_is_an_error(desk, sessions):
    soon = desk.windows.model_copy(update={"test_end": pd.Timestamp("2016-01-15").date()})
    with pytest.raises(DataError, match="no episode of 21 sessions starts and ends between"):
        run_backtest(desk.model_copy(update={"windows": soon}), {"signals": sessions})


def test_an_unknown_policy_names_the_nearest(desk, sessions):
    wrong = desk.model_copy(update={"policies": desk.policies.model_copy(update={"run": ("zakamuline",)})})
    with pytest.raises(SettingsError, match=r"unknown policy zakamuline; did you mean zakamouline\?"):
        run_backtest(wrong, {"signals": sessions})
    assert "zakamuline" not in POLICIES
