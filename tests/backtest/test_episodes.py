"""Episodes: clocks, scaling, which session's cost is charged, and what may not be known."""

from dataclasses import fields

import numpy as np
import pytest

from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.ledger import book
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.policies import exposure
from pipeline.pricing import black


def changed(desk, **parts):
    return desk.model_copy(
        update={name: getattr(desk, name).model_copy(update=new) for name, new in parts.items()}
    )


def test_every_start_is_an_episode_scaled_to_one_hundred(desk, sessions):
    episodes = build_episodes(desk, sessions)
    assert len(episodes.start) == len(sessions) - desk.option.sessions
    assert (episodes.expiry - episodes.start == 21).all()
    days = (sessions["session"].iloc[21] - sessions["session"].iloc[0]).days
    assert episodes.state.time_to_expiry[0, 0] == pytest.approx(days / 365)
    spot = episodes.state.forward * np.exp(-(0.01 - 0.02) * episodes.state.time_to_expiry)
    np.testing.assert_allclose(spot[:, 0], 100.0)
    np.testing.assert_allclose(spot[5, 3], 100 * sessions["close"][8] / sessions["close"][5])


def test_premium_is_the_price_at_the_scaled_index(desk, sessions):
    episodes = build_episodes(desk, sessions)
    state = episodes.state
    vol = sessions["implied_vol"].to_numpy()[episodes.start] * desk.market.atm_ratio
    expected = black.price("call", state.forward[:, 0], 100.0, state.time_to_expiry[:, 0], vol, 0.01)
    np.testing.assert_allclose(episodes.market.premium, expected)


def test_variance_to_expiry_is_the_same_on_both_clocks(desk, sessions):
    state = build_episodes(desk, sessions).state
    left = 21 - np.arange(21)
    per_session = (sessions["implied_vol"] / 1.25).to_numpy()[:21] ** 2 / 252
    np.testing.assert_allclose(state.forecast_vol[0] ** 2 * state.time_to_expiry[0], left * per_session)


def test_the_edges_of_the_intervals_are_those_of_the_signals(desk, sessions):
    state = build_episodes(desk, sessions).state
    np.testing.assert_allclose(state.forecast_vol_lower, np.sqrt(0.4) * state.forecast_vol)
    np.testing.assert_allclose(state.forecast_vol_upper, np.sqrt(3.0) * state.forecast_vol)
    fee, half_spread = 0.2e-4, 0.8e-4
    np.testing.assert_allclose(state.cost_lower, fee + 0.5 * half_spread)
    upper = fee + half_spread * sessions["upper_illiquidity"].to_numpy()
    np.testing.assert_allclose(state.cost_upper[4], upper[4:25])


def test_the_cost_charged_is_realised_after_the_decision_and_the_band_sees_the_forecast(desk, sessions):
    episodes = build_episodes(desk, sessions)
    fee, half_spread = 0.2e-4, 0.8e-4
    realised = fee + half_spread * sessions["illiquidity_next"].to_numpy()
    np.testing.assert_allclose(episodes.market.cost[4, :21, 0], realised[4:25])
    assert episodes.market.cost[4, 21, 0] == pytest.approx(realised[24])
    forecast = fee + half_spread * sessions["illiquidity_forecast"].to_numpy()
    np.testing.assert_allclose(episodes.state.cost[4], forecast[4:25])


def test_impact_is_charged_on_the_volume_of_the_fill_and_the_band_sees_the_last_known(desk, sessions):
    """Y σ √(share / V): σ the forecast made at the decision, V of the session of the fill."""
    plain = build_episodes(desk, sessions)
    assert plain.market.impact is None
    assert plain.state.impact == 0.0
    own = changed(desk, execution={"impact": 0.9, "notional_share": 0.01})
    vol = np.sqrt(sessions["forecast_variance_1"].to_numpy())
    without = build_episodes(own, sessions)
    np.testing.assert_allclose(without.state.impact[4], 0.9 * vol[4:25] * 0.1)
    np.testing.assert_allclose(without.market.impact[4, :21, 0], 0.9 * vol[4:25] * 0.1)
    volume = np.random.default_rng(2).uniform(0.3, 3.0, len(sessions))
    volume[10] = np.nan
    found = build_episodes(own, sessions.assign(relative_volume=volume))
    seen = np.where(np.isnan(volume), 1.0, volume)
    np.testing.assert_allclose(found.state.impact[4], 0.09 * vol[4:25] / np.sqrt(seen[4:25]))
    np.testing.assert_allclose(found.market.impact[4, :21, 0], 0.09 * vol[4:25] / np.sqrt(seen[5:26]))
    assert found.market.impact[4, 21, 0] == found.market.impact[4, 20, 0]


def test_the_fixed_fee_and_the_lot_are_the_desks(desk, sessions):
    own = changed(desk, costs={"fixed_fee_bps": 1.5}, execution={"lot": 0.02})
    episodes = build_episodes(own, sessions)
    assert episodes.state.fixed_fee == episodes.market.terms.fixed_fee == pytest.approx(0.015)
    assert episodes.market.terms.lot == 0.02


def test_a_session_without_implied_volatility_deals_no_option_and_marks_by_the_last(desk, sessions):
    sessions.loc[100, "implied_vol"] = np.nan
    episodes = build_episodes(desk, sessions)
    assert set(episodes.start) == set(range(len(sessions) - 21)) - {100}
    index = sessions["implied_vol"] * desk.market.atm_ratio
    assert episodes.state.implied_vol[95, 4:7].tolist() == [index[99], index[99], index[101]]
    assert episodes.step_end.implied_vol[95, 3:6].tolist() == [index[99], index[99], index[101]]


def test_an_option_is_not_marked_at_a_volatility_older_than_five_sessions(desk, sessions):
    sessions.loc[100:105, "implied_vol"] = np.nan
    start = build_episodes(desk, sessions).start
    assert set(start) == set(range(len(sessions) - 21)) - set(range(85, 106))
    sessions.loc[105, "implied_vol"] = 0.2
    start = build_episodes(desk, sessions).start
    assert set(start) == set(range(len(sessions) - 21)) - set(range(100, 105))


def test_a_session_without_a_forecast_is_in_no_life(desk, sessions):
    sessions.loc[100, "forecast_variance_1"] = np.nan
    start = build_episodes(desk, sessions).start
    assert set(start) == set(range(len(sessions) - 21)) - set(range(80, 101))


def test_a_new_episode_every_fifth_session(desk, sessions):
    start = build_episodes(changed(desk, option={"start_every": 5}), sessions).start
    assert (np.diff(start) == 5).all()


def test_no_signals_no_episodes(desk, sessions):
    sessions["implied_vol"] = np.nan
    with pytest.raises(DataError, match=r"no episode of 21 sessions.*windows\.signals_start"):
        build_episodes(desk, sessions)


def test_future_and_spot_hedge_the_same_option(desk, sessions):
    """Without cost a delta hedge in the future and one in the spot with its financing differ by little."""
    pnl = {}
    for instrument in ("future", "spot"):
        own = changed(desk, hedge={"instrument": instrument}, costs={"fee_bps": 0.0, "half_spread_bps": 0.0})
        episodes = build_episodes(own, sessions)
        band = Band.around(exposure.target(episodes.state, episodes.state.implied_vol))
        pnl[instrument] = book(episodes.market, band).pnl
    np.testing.assert_allclose(pnl["future"], pnl["spot"], atol=2e-3)
    assert pnl["future"].std() > 0.1


def test_carry_counts(desk, sessions):
    """A share held from 100 to expiry without financing or dividends would miss (r − q)τ of its value."""
    own = changed(desk, hedge={"instrument": "spot"}, costs={"fee_bps": 0.0, "half_spread_bps": 0.0})
    episodes = build_episodes(own, sessions)
    band = Band.around(np.ones(episodes.state.shape))
    ledger = book(episodes.market, band)
    years = episodes.state.time_to_expiry[:, 0]
    expected = (0.02 - 0.01) * years * 100 + 0.01 * years * ledger.premium
    np.testing.assert_allclose(ledger.carry, expected, atol=0.02)


def test_nothing_in_the_state_at_a_session_depends_on_later_sessions(desk, sessions):
    """Scramble the sessions after t at equal length: the state of every decision up to t is bit-identical."""
    t = 300
    before = build_episodes(desk, sessions)
    future = sessions.copy()
    shuffled = np.random.default_rng(1).permutation(np.arange(t + 1, len(sessions)))
    columns = [name for name in sessions if name not in ("session", "window", "tested", "illiquidity_next")]
    future.loc[t + 1 :, columns] = sessions.loc[shuffled, columns].to_numpy()
    after = build_episodes(desk, future)
    seen = before.start[:, None] + np.arange(21) <= t
    names = {field.name for field in fields(before.state)} - {"price", "step"}
    arrays = [name for name in names if isinstance(getattr(before.state, name), np.ndarray)]
    assert {"forecast_vol_upper", "cost_lower"} <= set(arrays)
    for name in arrays:
        assert (getattr(before.state, name)[seen] == getattr(after.state, name)[seen]).all(), name
    assert (before.state.forward[~seen] != after.state.forward[~seen]).any()
