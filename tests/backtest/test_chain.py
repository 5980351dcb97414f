"""Real quotes: panel, moves, deals and episodes on a chain that is made, against naive loops."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.chain_comparison import LATE, chain_sides, run_chain
from pipeline.backtest.chain_deals import AT_ODDS, chain_deals
from pipeline.backtest.chain_episodes import chain_episodes, official_closes
from pipeline.backtest.chain_panel import chain_panel
from pipeline.backtest.chain_vega import SHARES, vega_frontier
from pipeline.backtest.contract_moves import contract_moves, share_of, slopes
from pipeline.backtest.index_moves import LIFE, index_moves
from pipeline.backtest.ledger import book
from pipeline.backtest.quote_arbitrage import at_odds
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.errors import DataError
from pipeline.features.option_expiries import with_implied_vols
from pipeline.ingest.calendar import sessions_between
from pipeline.policies.delta import DeltaImplied
from pipeline.pricing import black
from tests.option_chain import chain

SESSIONS = sessions_between(pd.Timestamp("2019-05-01"), pd.Timestamp("2019-05-31"))
MISSING = pd.Timestamp("2019-05-15")
HOLD = 3


def desk(**option):
    history = {"source": "files", "bars": {"file": "bars.csv"}, "implied_vol": {"file": "vix.csv"}}
    return ChainDesk.model_validate(
        {
            "name": "made",
            "data": {"folder": "/nowhere", "history": history},
            "option": {"tenor_days": [16, 45], "deltas": [0.3, 0.5, 0.7], "hold_days": HOLD} | option,
            "windows": {
                "learn_start": date(2010, 1, 4),
                "signals_start": date(2018, 1, 2),
                "test_start": date(2019, 5, 20),
                "test_end": date(2019, 5, 28),
            },
            "policies": {
                "run": ["none", "whalley_wilmott", "minimum_variance", "regime_switched"],
                "budget": 8,
            },
        }
    )  # fmt: skip


def signals_of(seed=3):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"session": sessions_between(pd.Timestamp("2019-04-01"), SESSIONS[-1])})
    table = table.assign(implied_vol=0.15, regime_prob_0=rng.uniform(0.2, 0.8, len(table)))
    table = table.assign(regime_prob_1=1.0 - table["regime_prob_0"])
    daily = (0.15**2 / 252) * rng.uniform(0.8, 1.2, len(table))
    sums = {
        f"{kind}_variance_{m}": scale * m * daily
        for kind, scale in (("forecast", 1.0), ("lower", 0.5), ("upper", 2.0), ("regime", 1.1))
        for m in range(1, 60)
    }
    events = dict.fromkeys(("spike_prob", "gap_prob", "spike_base", "gap_base"), 0.1)
    return pd.concat([table, pd.DataFrame(sums)], axis=1).assign(**events)


@pytest.fixture(scope="module")
def quoted():
    rng = np.random.default_rng(5)
    spot = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(SESSIONS))))
    days = [
        with_implied_vols(
            chain(
                f"{day:%Y-%m-%d}",
                float(price),
                expiries=("05-17", "05-24", "06-07", "06-21", "06-28"),
                strikes=np.arange(80.0, 121.0, 1.0),
            )
        )[0]
        for day, price in zip(SESSIONS, spot, strict=True)
        if day != MISSING
    ]
    return pd.concat(days, ignore_index=True)


@pytest.fixture(scope="module")
def panel(quoted):
    return chain_panel(quoted)


@pytest.fixture(scope="module")
def bars(quoted):
    spot = quoted.groupby(quoted["event_time"].dt.tz_localize(None).dt.normalize())[
        "underlying_price"
    ].first()
    return pd.DataFrame({"session": spot.index, "close": spot.to_numpy() + 0.25})


def dealt(panel, bars, **option):
    return chain_deals(panel, desk(**option).option, official_closes(panel, bars))


def test_the_panel_holds_every_quote_and_one_volatility_a_strike(quoted, panel):
    assert len(panel.days) == len(SESSIONS) - 1
    assert np.isfinite(panel.ask).sum() == len(quoted)
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(quoted), 50):
        row = quoted.iloc[place]
        own = panel.contracts
        at = np.flatnonzero(
            (own["root"] == row["root"])
            & (own["expiry"] == pd.Timestamp(row["expiry"]))
            & (own["right"] == row["right"])
            & (own["strike"] == row["strike"])
        )[0]
        day = panel.days.get_loc(row["event_time"].tz_localize(None).normalize())
        assert panel.bid[at, day] == row["bid"]
        assert panel.forward[at, day] == row["forward"]
        if (row["right"] > 0) == (row["strike"] >= row["forward"]):
            np.testing.assert_equal(panel.vol[at, day], row["implied_vol"])


def test_moves_are_those_of_a_loop_over_contracts(panel):
    moves = contract_moves(panel)
    found = {}
    for row, right in enumerate(panel.right):
        for day in range(len(panel.days) - 1):
            f, k, t, v = panel.forward[row, day], panel.strike[row], panel.time[row, day], panel.vol[row, day]
            change = panel.mid[row, day + 1] - panel.mid[row, day]
            if not np.isfinite(change) or not np.isfinite(v) or t <= 14 / 365:
                continue
            delta = float(black.delta("call" if right > 0 else "put", f, k, t, v))
            if 0.05 < abs(delta) < 0.95:
                step = panel.forward[row, day + 1] - f
                found.setdefault(day, []).append(change - panel.discount[row, day] * delta * step)
    assert len(moves.day) == sum(map(len, found.values()))
    for day, excess in found.items():
        np.testing.assert_allclose(np.sort(moves.excess[moves.day == day]), np.sort(excess), atol=1e-10)


def test_slopes_and_shares_that_are_put_in_come_out(panel):
    moves = contract_moves(panel)
    true = (-0.2, 0.3, -0.1)
    whole = (moves.design * true).sum(axis=1)
    exact = replace(moves, excess=0.7 * whole)
    np.testing.assert_allclose(slopes(exact), 0.7 * np.array(true), atol=1e-10)
    told = share_of(exact, whole)
    assert told.value == pytest.approx(0.7)
    assert told.error < 1e-10


@pytest.mark.parametrize("side", ["short", "long"])
def test_deals_take_the_quotes_of_their_own_side(panel, bars, side):
    deals = dealt(panel, bars, side=side)
    here, there = ("bid", "ask") if side == "short" else ("ask", "bid")
    np.testing.assert_array_equal(deals.entry, getattr(panel, here)[deals.contract, deals.start])
    closed = ~deals.settled
    end = deals.start + HOLD
    np.testing.assert_array_equal(
        deals.exit[closed], getattr(panel, there)[deals.contract[closed], end[closed]]
    )
    assert (np.diff(deals.start) >= 0).all()


def test_options_that_settle_at_the_close_are_settled_and_those_at_the_open_never(panel, bars):
    deals = dealt(panel, bars, tenor_days=[3, 4, 5, 10])
    own = panel.contracts.iloc[deals.contract].reset_index(drop=True)
    assert set(own["root"]) == {"SPXW", "SPX"}
    end = panel.days.to_numpy()[deals.start + HOLD]
    at_end = (own["expiry"] == end).to_numpy()
    assert at_end.any()
    np.testing.assert_array_equal(deals.settled, at_end)
    assert set(own.loc[at_end, "settlement"]) == {"pm"}
    close = bars["close"].to_numpy()[deals.start + HOLD]
    paid = np.maximum(own["right"] * (close - own["strike"]), 0.0).to_numpy()
    np.testing.assert_allclose(deals.exit[at_end], paid[at_end])


@pytest.mark.parametrize("right", [1, -1])
@pytest.mark.parametrize("shift", [3.0, -3.0, 0.0])
def test_a_quote_against_its_neighbours_is_marked_with_them(panel, right, shift):
    own = panel.contracts
    group = (own["root"] == "SPXW") & (own["expiry"] == "2019-06-28") & (own["right"] == right)
    day, rows = 4, np.flatnonzero(group & np.isfinite(panel.ask[:, 4]))
    at = rows[np.abs(panel.strike[rows] - 100.0).argmin()]
    moved = {name: getattr(panel, name).copy() for name in ("bid", "ask")}
    for quotes in moved.values():
        quotes[at, day] += shift
    found = at_odds(replace(panel, **moved), day)
    assert found[at] == (shift != 0.0)
    assert set(np.flatnonzero(found)) <= set(range(at - 2, at + 3))
    assert found[[at - 1, at + 1]].all() == (shift != 0.0)
    assert not at_odds(replace(panel, **moved), day + 1).any()


def test_an_option_that_could_be_arbitraged_is_not_dealt_and_counted(panel, bars):
    whole = dealt(panel, bars)
    assert whole.left_out[AT_ODDS] == 0
    at, day = whole.contract[7], whole.start[7]
    ask, bid = panel.ask.copy(), panel.bid.copy()
    ask[at, day], bid[at, day] = ask[at, day] + 3.0, bid[at, day] + 3.0
    other = dealt(replace(panel, ask=ask, bid=bid), bars)
    assert other.left_out[AT_ODDS] >= 1
    assert not ((other.contract == at) & (other.start == day)).any()
    assert len(other.start) == len(whole.start) - other.left_out[AT_ODDS]


def test_nothing_is_dealt_or_filled_on_a_day_without_quotes(panel, bars):
    assert MISSING not in panel.days
    over = panel.days.get_loc(MISSING + pd.Timedelta(days=1))
    deals = dealt(panel, bars)
    assert ((deals.start < over) & (deals.start + HOLD >= over)).any()
    assert deals.start.max() + HOLD < len(panel.days)


def test_what_is_dealt_on_a_day_is_known_from_that_day(quoted, panel, bars):
    day = 6
    later = (quoted["event_time"].dt.tz_localize(None) > panel.days[day] + pd.Timedelta(days=1)).to_numpy()
    rng = np.random.default_rng(2)
    noise = np.where(later, rng.uniform(0.5, 1.5, len(quoted)), 1.0)
    changed = quoted.assign(**{name: quoted[name] * noise for name in ("bid", "ask", "mid", "implied_vol")})
    whole, other = dealt(panel, bars), dealt(chain_panel(changed), bars)
    first, second = (each.where(each.start <= day) for each in (whole, other))
    np.testing.assert_array_equal(first.contract, second.contract)
    np.testing.assert_array_equal(first.entry, second.entry)


def test_the_pnl_of_a_hedged_deal_is_that_of_a_loop(panel, bars):
    settings = desk()
    deals = dealt(panel, bars)
    calls = deals.where(panel.right[deals.contract] > 0)
    episodes = chain_episodes(settings, panel, calls, signals_of(), official_closes(panel, bars))
    state = episodes.state
    ledger = book(episodes.market, DeltaImplied().band(state))
    cost = settings.costs.one_way
    for row in (0, 7, len(calls.start) - 1):
        contract, start = calls.contract[row], calls.start[row]
        scale = 100.0 / panel.forward[contract, start]
        held = traded = gain = interest = 0.0
        cash = calls.entry[row] * scale
        for k in range(HOLD):
            at = (contract, start + k)
            delta = float(
                black.delta(
                    "call", panel.forward[at], panel.strike[contract], panel.time[at], panel.vol[at],
                    settings.market.rate,
                )
            )  # fmt: skip
            traded = abs(delta - held) * panel.forward[at] * scale * cost
            cash -= traded
            years = (panel.days[start + k + 1] - panel.days[start + k]).days / 365.0
            step = delta * (panel.forward[contract, start + k + 1] - panel.forward[at]) * scale
            carry = cash * np.expm1(settings.market.rate * years)
            cash += step + carry
            gain, interest, held = gain + step, interest + carry, delta
        cash -= abs(held) * panel.forward[contract, start + HOLD] * scale * cost
        assert ledger.pnl[row] == pytest.approx(cash - calls.exit[row] * scale, abs=1e-9)
        assert ledger.trading[row] == pytest.approx(gain, abs=1e-9)
        assert ledger.carry[row] == pytest.approx(interest, abs=1e-9)


def test_a_decision_sees_the_signals_of_the_session_before(panel, bars):
    table = signals_of()
    deals = dealt(panel, bars)
    calls = deals.where((panel.right[deals.contract] > 0) & (deals.start == 4))
    closes = official_closes(panel, bars)
    now = table["session"] >= panel.days[4]
    other = table.assign(regime_prob_0=np.where(now, 0.5, table["regime_prob_0"]))
    seen, same = (
        chain_episodes(desk(), panel, calls, each, closes).state.regime_prob[:, 0, 0]
        for each in (table, other)
    )
    np.testing.assert_array_equal(seen, same)


def test_days_of_the_chain_without_signals_or_close_are_named(panel, bars):
    deals, closes = dealt(panel, bars), official_closes(panel, bars)
    with pytest.raises(DataError, match="no signals are known before 2019-05-01"):
        chain_episodes(desk(), panel, deals, signals_of().iloc[30:], closes)
    with pytest.raises(DataError, match="no close on 2019-05-31"):
        official_closes(panel, bars.iloc[:-1])


def test_folds_learn_from_finished_deals_only(quoted, panel, bars):
    for side in chain_sides(desk(), panel, signals_of(), bars):
        for fold in side.folds:
            assert side.episodes.expiry[fold.training].max() < side.episodes.start[fold.test].min()


def test_every_policy_is_run_on_the_same_deals(quoted, bars):
    made = run_chain(desk(), {"signals": signals_of(), "quoted": quoted, "closes": bars})
    rows = made["episodes"]
    assert rows.groupby(["policy", "right"]).size().groupby("right").nunique().eq(1).all()
    parts = rows["premium"] + rows["trading"] + rows["carry"] - rows["cost"] - rows["payoff"]
    np.testing.assert_allclose(rows["pnl"], parts, atol=1e-12)
    assert made["left_out"]["options"].sum() == 0
    once, late = (rows[(rows["policy"] == "delta_implied") & (rows["delay"] == delay)] for delay in (0, LATE))
    np.testing.assert_array_equal(once["premium"], late["premium"])
    assert (once["trading"].to_numpy() != late["trading"].to_numpy()).any()
    assert {"models/regime_switched_call.json", "models/regime_switched_put.json"} <= set(made)


def test_a_listed_option_is_traded_at_its_quotes_and_takes_its_share_of_vega(panel, bars):
    settings, table = desk(), signals_of()
    side = chain_sides(settings, panel, table, bars)[0]
    found = vega_frontier(settings, panel, [side])
    assert len(set(found.groupby("share").size())) == 1
    alone = book(
        side.episodes.market.episodes(side.tested),
        DeltaImplied().band(side.episodes.state.episodes(side.tested)),
    ).pnl
    bare = found[found["share"] == 0.0]
    assert np.isin(bare["pnl"].round(9), alone.round(9)).all()
    costs = found.groupby("share")["cost"].mean()
    assert costs.is_monotonic_increasing
    assert sorted(found["share"].unique()) == sorted(SHARES)


def test_moves_of_an_index_are_those_of_a_loop():
    rng = np.random.default_rng(8)
    count = LIFE + 6
    history = pd.DataFrame(
        {
            "session": pd.bdate_range("2018-01-01", periods=count),
            "close": 50.0 * np.exp(np.cumsum(rng.normal(0, 0.01, count))),
            "implied_vol": rng.uniform(0.1, 0.3, count),
        }
    )
    found, expected = index_moves(history, 0.9), []
    close, vol = history["close"].to_numpy(), 0.9 * history["implied_vol"].to_numpy()
    for start in range(count - LIFE):
        for k in range(LIFE - 1):
            day, scale, left = start + k, 100.0 / close[start + k], (LIFE - k) / 252
            strike, after = close[start] * scale, close[day + 1] * scale
            for name in ("call", "put"):
                delta = float(black.delta(name, 100.0, strike, left, vol[day]))
                if 0.05 < abs(delta) < 0.95:
                    before = black.price(name, 100.0, strike, left, vol[day])
                    value = black.price(name, after, strike, left - 1 / 252, vol[day + 1])
                    expected.append(float(value - before - delta * (after - 100.0)))
    np.testing.assert_allclose(np.sort(found.excess), np.sort(expected), atol=1e-12)
    assert (np.diff(found.day) >= 0).all()
