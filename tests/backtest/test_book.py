"""The book view: one option is an episode, a rolling programme the sum of its episodes, and no look ahead."""

import itertools

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.book import build_book
from pipeline.backtest.book_view import hedge_book
from pipeline.backtest.by_window import ByWindow
from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.daily import daily_books
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.explain import revalue
from pipeline.backtest.holdings import held_positions, rolling_programme
from pipeline.backtest.ledger import SOURCES, book, book_by_fill
from pipeline.domain.band import Band
from pipeline.policies import exposure
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.fixed_band import FixedBand
from tests.books import DEAR, FREE, changed, positions, unlearned

COMPONENTS = [f"from_{greek}" for greek in ("delta", "gamma", "theta", "vega", "vanna", "volga")]
COMPONENTS += ["carry", "dealt", "residual"]


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("instrument", ["future", "spot"])
def test_a_book_of_one_option_is_the_episode(desk, sessions, kind, instrument):
    own = changed(desk, option={"kind": kind}, hedge={"instrument": instrument})
    episodes = build_episodes(own, sessions)
    row = int(np.flatnonzero(episodes.start == 530)[0])
    state, market = (part.episodes(np.array([row])) for part in (episodes.state, episodes.market))
    programme = rolling_programme(own, sessions, episodes.start[[row]])
    single = build_book(own, sessions, programme)
    windows = sessions["window"].to_numpy()[530:551]
    table, _ = hedge_book(own, sessions, programme, unlearned(own))
    for name, by_window in unlearned(own).items():
        alone, netted = by_window[1].band(state), ByWindow(name, by_window, windows).band(single.state)
        np.testing.assert_array_equal(netted.lower, alone.lower)
        np.testing.assert_array_equal(netted.upper, alone.upper)
        expected = book(market, alone)
        mine = table[table["policy"] == name]
        np.testing.assert_array_equal(mine["position"], expected.position[0, :, 0])
        assert mine["pnl"].sum() == pytest.approx(expected.pnl[0], abs=1e-12)
        assert mine["cost"].sum() == pytest.approx(expected.cost[0], abs=1e-14)
        assert mine["trades"].sum() == expected.trades[0]
        assert mine["traded"].sum() == pytest.approx(expected.turnover[0])


@pytest.mark.parametrize("kind", ["call", "straddle"])
def test_a_rolling_programme_is_the_sum_of_its_episodes(desk, sessions, kind):
    """Without cost and interest the net delta hedge earns what the single ones earn."""
    own = changed(desk, option={"kind": kind}, **FREE)
    episodes = build_episodes(own, sessions)
    rows = np.flatnonzero(episodes.start >= 540)
    state, market = episodes.state.episodes(rows), episodes.market.episodes(rows)
    alone = book(market, Band.around(exposure.target(state, state.implied_vol))).pnl
    programme = rolling_programme(own, sessions, episodes.start[rows])
    table, _ = hedge_book(own, sessions, programme, unlearned(own, ("delta_implied",)))
    assert table["pnl"].sum() == pytest.approx(alone.sum(), abs=1e-9)
    assert table["options"].max() == 21


def test_equal_options_have_as_many_times_the_band(desk, sessions):
    programme = rolling_programme(desk, sessions, np.array([530]))
    many = type(programme)(**{name: np.repeat(value, 3) for name, value in vars(programme).items()})
    windows = sessions["window"].to_numpy()[530:551]
    for name, by_window in unlearned(desk).items():
        one, three = (
            ByWindow(name, by_window, windows).band(build_book(desk, sessions, each).state)
            for each in (programme, many)
        )
        np.testing.assert_allclose(three.lower, 3 * one.lower, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(three.upper, 3 * one.upper, rtol=1e-9, atol=1e-12, err_msg=name)


def test_every_day_of_the_book_adds_up(tables):
    days = tables["book"]
    total = days[COMPONENTS].sum(axis=1) - days["cost"]
    np.testing.assert_allclose(days["pnl"], total, atol=1e-12)
    assert (days["position"] >= days["lower"] - 1e-12).all()
    assert (days["position"] <= days["upper"] + 1e-12).all()
    assert len(set(days.groupby("policy").size())) == 1
    first = days[days["policy"] == "delta_implied"]
    np.testing.assert_allclose(first["from_delta"], 0.0, atol=1e-9)
    np.testing.assert_allclose(first["delta"], 0.0, atol=1e-9)
    assert (first["gamma"] < 0).all()
    assert (first["session"].to_numpy()[1:] == first["next_session"].to_numpy()[:-1]).all()


def test_a_book_pays_a_fixed_fee_once_for_all_its_options(desk, sessions):
    """Two equal options are hedged with one order: the fee is the same, the impact 2^1.5 times as much."""
    own = changed(desk, **DEAR)
    programme = rolling_programme(own, sessions, np.array([530]))
    twice = type(programme)(**{name: np.repeat(value, 2) for name, value in vars(programme).items()})
    fitted = unlearned(own, ("delta_implied",))
    free = changed(own, execution={"lot": 0.0})
    one, two = (hedge_book(free, sessions, each, fitted)[0] for each in (programme, twice))
    np.testing.assert_allclose(two["position"], 2 * one["position"])
    np.testing.assert_array_equal(two["fixed_fee"], one["fixed_fee"])
    np.testing.assert_allclose(two["impact"], 2**1.5 * one["impact"], rtol=1e-9)
    np.testing.assert_allclose(two["spread"], 2 * one["spread"])


@pytest.mark.parametrize("instrument", ["future", "spot"])
@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("dear", [False, True])
def test_daily_books_add_up_to_the_ledger(desk, sessions, instrument, delay, dear):
    own = changed(desk, hedge={"instrument": instrument}, **(DEAR if dear else {}))
    episodes = build_episodes(own, sessions)
    move = np.diff(episodes.market.price[..., 0], axis=1)
    revaluation = revalue(episodes.state, episodes.step_end, move)
    ledger = book_by_fill(episodes.market, POLICIES["whalley_wilmott"]().band(episodes.state), delay)
    flow = np.zeros((len(move), 22))
    flow[:, 0] = episodes.market.premium
    days = daily_books(episodes.market, ledger, revaluation, flow)
    np.testing.assert_allclose(days.pnl.sum(axis=1), ledger.pnl, atol=1e-10)
    np.testing.assert_allclose(days.cost.sum(axis=1), ledger.cost, atol=1e-12)
    np.testing.assert_allclose(sum(getattr(days, name) for name in SOURCES), days.cost, atol=1e-15)
    assert all((getattr(ledger, name) > 0.0).all() for name in SOURCES if dear or name in ("fee", "spread"))
    for name in SOURCES:
        np.testing.assert_allclose(getattr(days, name).sum(axis=1), getattr(ledger, name), atol=1e-12)
    np.testing.assert_allclose((days.carry - revaluation.financing).sum(axis=1), ledger.carry, atol=1e-12)
    np.testing.assert_allclose(days.traded.sum(axis=1), ledger.turnover, atol=1e-12)
    np.testing.assert_array_equal(days.trades.sum(axis=1), ledger.trades)


def test_the_book_does_not_see_the_future(desk, sessions):
    """Scramble the sessions after t: everything of the book that was decided up to t is bit-identical."""
    t = 600
    starts = np.arange(530, 640)
    wild = sessions.copy()
    shuffled = np.random.default_rng(1).permutation(np.arange(t + 1, len(sessions)))
    learned = [name for name in sessions if name not in ("session", "window", "tested", "illiquidity_next")]
    wild.loc[t + 1 :, learned] = sessions.loc[shuffled, learned].to_numpy()
    before, after = (
        hedge_book(desk, each, rolling_programme(desk, each, starts), unlearned(desk))[0]
        for each in (sessions, wild)
    )
    known = ["lower", "upper", "position", "delta", "gamma", "vega", "theta", "capital", "options"]
    seen = (before["session"] <= sessions["session"].iloc[t]).to_numpy()
    pd.testing.assert_frame_equal(before.loc[seen, known], after.loc[seen, known], check_exact=True)
    assert not before.loc[~seen, "position"].equals(after.loc[~seen, "position"])


def test_each_window_uses_the_policy_that_was_fitted_before_it(desk, sessions):
    programme = rolling_programme(desk, sessions, np.arange(600, 700))
    fitted = {"fixed_band": {1: FixedBand(0.0), 2: FixedBand(0.2)}}
    table, _ = hedge_book(desk, sessions, programme, fitted)
    window = sessions.set_index("session")["window"].loc[table["session"]].to_numpy()
    width = (table["upper"] - table["lower"]).to_numpy()
    assert (width[window == 1] == 0.0).all()
    assert (width[window == 2] > 0.1).all()


def test_a_long_and_a_short_position_of_the_same_option_need_no_hedge(desk, sessions):
    table = pd.concat([positions(), positions(quantity=1.0, row=3)])
    days, _ = hedge_book(desk, sessions, held_positions(table, sessions), unlearned(desk, ("delta_implied",)))
    np.testing.assert_allclose(days[["position", "option_value", "pnl"]], 0.0, atol=1e-12)


def test_between_two_options_nothing_is_held(desk, sessions):
    later = positions(opened=pd.Timestamp("2016-05-02"), expiry=pd.Timestamp("2016-05-20"))
    holdings = held_positions(pd.concat([positions(), later]), sessions)
    days, _ = hedge_book(desk, sessions, holdings, unlearned(desk))
    idle = days["options"] == 0
    assert idle.any()
    assert (days.loc[idle, ["position", "option_value", "capital"]] == 0.0).all().all()


@pytest.mark.parametrize("instrument", ["future", "spot"])
def test_the_pnl_of_a_book_is_the_money_that_is_there_at_the_end(desk, sessions, instrument):
    """Count the cash of three options by hand, from prices and dates only."""
    own, opened = changed(desk, hedge={"instrument": instrument}), pd.Timestamp("2016-03-01")
    table = pd.concat(
        [
            positions(price=70.0, quantity=-2.0),
            positions(kind="put", row=3, quantity=3.0, strike=1900.0, price=40.0, opened=opened),
            positions(kind="straddle", row=4, price=150.0, expiry=pd.Timestamp("2016-03-11")),
        ]
    )  # fmt: skip
    days, _ = hedge_book(own, sessions, held_positions(table, sessions), unlearned(own, ("whalley_wilmott",)))
    held = sessions[sessions["session"].between("2016-02-24", "2016-03-18")].reset_index(drop=True)
    scale = 100.0 / held["close"].iloc[0]
    spot = (held["close"] * scale).tolist()
    date = held["session"].tolist()
    years = [(last - first).days / 365 for first, last in itertools.pairwise(date)]
    rate, dividends = own.market.rate, own.market.dividend_yield
    left = [(date[-1] - day).days / 365 for day in date]
    hedge = spot if instrument == "spot" else [
        s * np.exp((rate - dividends) * tau) for s, tau in zip(spot, left, strict=True)
    ]  # fmt: skip
    charge = [(own.costs.fee_bps + own.costs.half_spread_bps * x) / 1e4 for x in held["illiquidity_next"]]
    dealt = {pd.Timestamp("2016-02-24"): 2 * 70.0 + 150.0, opened: -3 * 40.0}

    def paid_out(day, price):
        if day == pd.Timestamp("2016-03-11"):
            return -abs(price - 2000.0)
        if day == pd.Timestamp("2016-03-18"):
            return -2 * max(price - 2000.0, 0.0) + 3 * max(1900.0 - price, 0.0)
        return 0.0

    cash = position = 0.0
    for k, day in enumerate(date):
        cash += scale * (dealt.get(day, 0.0) + paid_out(day, held["close"][k]))
        wanted = days["position"].iloc[k] if k < len(days) else 0.0
        cash -= charge[min(k, len(days) - 1)] * abs(wanted - position) * hedge[k]
        if instrument == "spot":
            cash -= (wanted - position) * hedge[k]
        position = wanted
        if k < len(days):
            earned = cash * np.expm1(rate * years[k])
            if instrument == "spot":
                earned += position * hedge[k] * np.expm1(dividends * years[k])
            else:
                cash += position * (hedge[k + 1] - hedge[k])
            cash += earned
    assert days["pnl"].sum() == pytest.approx(cash, abs=1e-10)


def test_the_worst_episode_of_a_tested_window_of_stress_is_replayed(desk, signals, tables):
    stress = (
        {"name": "in the test year", "start": "2016-06-01", "end": "2016-06-30"},
        {"name": "before it", "start": "2015-12-20", "end": "2016-01-20"},
    )
    own = desk.model_validate({**desk.model_dump(), "evaluation": {"stress": stress}})
    found = run_backtest(own, signals)
    replays = found["replays"]
    assert set(replays["stress"]) == {"in the test year"}
    books = found["episodes"].query("delay == 0")
    one = replays[replays["policy"] == "delta_implied"]
    mine = books[(books["policy"] == "delta_implied") & (books["start"] == one["session"].iloc[0])]
    assert one["pnl"].sum() == pytest.approx(mine["pnl"].iloc[0])
    alive = books[(books["policy"] == "delta_implied")].set_index("start")["pnl"]
    assert mine["pnl"].iloc[0] == alive["2016-05-03":"2016-06-29"].min()
    assert replays.groupby("policy").size().eq(21).all()
    assert tables["replays"].empty


def test_explained_has_both_views(desk, tables):
    explained = tables["explained"]
    assert explained.groupby("policy")["view"].agg(set).map(lambda x: x == {"book", "episodes"}).all()
    of_book = explained[explained["view"] == "book"]
    days = tables["book"]
    np.testing.assert_allclose(
        of_book["mean_pnl"], days.groupby("policy", sort=False)["pnl"].mean(), rtol=1e-12
    )
    assert of_book["tested_days"].eq(250).all()
