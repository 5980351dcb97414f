"""A small desk within the day on made-up ticks: the whole chain, and that none of it sees the future."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.decision_windows import decision_windows
from pipeline.backtest.intraday_comparison import run_intraday
from pipeline.backtest.intraday_episodes import build_intraday_episodes
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.backtest.intraday_stream import stream_intraday
from pipeline.backtest.lane import hedge_lane
from pipeline.backtest.ledger import book
from pipeline.backtest.running_signals import RunningSignals
from pipeline.domain.band import Band
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.order_settings import OrderSettings
from pipeline.evaluate.intraday import evaluate_intraday
from pipeline.evaluate.intraday_report import intraday_report
from pipeline.evaluate.page import rendered
from pipeline.evaluate.run_record import RunRecord
from pipeline.evaluate.sheets import Sheet
from pipeline.features.book_close import opened_days
from pipeline.features.decision_grid import decision_features
from pipeline.features.decision_row import DecisionRow
from pipeline.features.decision_times import SECOND
from pipeline.ingest.hedge_position import given_position
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.pieces import InMemory
from pipeline.live.desk_day import DeskDay
from pipeline.live.intraday_decision import decide_intraday, freshness_of, newest_decision
from pipeline.live.open_book import OptionTerms
from pipeline.policies.written import restored
from tests.backtest.lived import left_by, live_through
from tests.backtest.signals_table import signals_table
from tests.market_ticks import DESK, FIRST, write_day, write_market


def chain(desk):
    pieces = InMemory()
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    features = decision_features(desk, market, pieces)
    signals = learn_intraday(desk, features, pieces)
    judged = {**market, **features, **signals, "decisions": features["features"]}
    return {**judged, **run_intraday(desk, signals, pieces)}


def desk_at(folder, path):
    path.write_text(DESK.replace("[data]", f'[data]\nfolder = "{folder}"'))
    return load_any(str(path))


@pytest.fixture(scope="module")
def ticks(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("ticks"))


@pytest.fixture(scope="module")
def desk(ticks, tmp_path_factory):
    return desk_at(ticks, tmp_path_factory.mktemp("desk") / "desk.toml")


@pytest.fixture(scope="module")
def tables(desk):
    return chain(desk)


def test_the_chain_ends_in_books_that_add_up(tables):
    episodes = tables["episodes"]
    parts = episodes["premium"] + episodes["trading"] - episodes["cost"] - episodes["payoff"]
    np.testing.assert_allclose(episodes["pnl"], parts, atol=1e-12)
    assert (episodes.groupby("policy").size() > 100).all()
    assert (tables["unfilled"].groupby("reason")["orders"].sum()["not enough shown"]) > 0
    assert not tables["signals"]["tested"].iloc[0]
    assert tables["signals"]["tested"].iloc[-1]


def test_a_perpetual_pays_position_times_price_times_rate_as_carry(desk, tables):
    hedge = desk.hedge.model_copy(update={"instrument": "perpetual"})
    perpetual = desk.model_copy(update={"hedge": hedge})
    rates = np.random.default_rng(2).normal(0.0, 1e-3, len(tables["signals"]))
    rates[np.random.default_rng(3).random(len(rates)) < 0.7] = 0.0
    signals = tables["signals"].assign(funding=rates)
    built = build_intraday_episodes(perpetual, signals, tables["fills"]).episodes
    free = build_intraday_episodes(desk, tables["signals"], tables["fills"]).episodes
    band = Band.around(np.full(built.state.forward.shape, 0.4))
    paying, plain = book(built.market, band), book(free.market, band)
    settled = rates[built.start[:, None] + np.arange(1, desk.option.steps + 1)]
    owed = (paying.position[..., 0] * built.market.price[:, 1:, 0] * settled).sum(axis=1)
    np.testing.assert_allclose(paying.carry, -owed, atol=1e-12)
    np.testing.assert_allclose(paying.pnl - plain.pnl, -owed, atol=1e-10)
    np.testing.assert_array_equal(paying.cost, plain.cost)
    assert np.abs(owed).max() > 0.0
    assert not plain.carry.any()


def test_the_grid_of_a_perpetual_has_its_funding_and_only_days_with_a_market(ticks, tmp_path):
    folder = tmp_path / "ticks"
    shutil.copytree(ticks, folder)
    settled = pd.date_range("2020-02-01", "2020-03-31", freq="8h", inclusive="left")
    rows = [f"XYZ-USDT,{time},{(place % 7 - 3) / 1e4}" for place, time in enumerate(settled)]
    name = "XYZ-USDT_binance_2020-02-01_2020-03-31_funding_history.csv"
    (folder / name).write_text("\n".join(["Symbol,Date,Funding Rate", *rows]) + "\n")
    seen = pd.Timestamp("2020-03-03 17:00", tz="UTC")
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    stamp = seen.value // 1000
    (folder / "spot.csv").write_text(head + f"binance,XYZ,{stamp},{stamp},7,buy,20.5,1\n")
    path = tmp_path / "desk.toml"
    text = DESK.replace("[data]", f'[data]\nfolder = "{folder}"\nother_files = ["spot.csv"]')
    text = text.replace('"*_trade.zip"]', '"*_history.csv"]')
    path.write_text(text.replace("[hedge]", '[hedge]\ninstrument = "perpetual"'))
    desk = load_any(str(path))
    pieces = InMemory()
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    rows = decision_features(desk, market, pieces)["features"].set_index("time")
    grid = rows["funding"]
    due = pd.DatetimeIndex([time for time in settled.tz_localize("UTC") if time in grid.index])
    assert len(due) == grid.index.normalize().nunique() == 4
    assert grid[due].tolist() == [(settled.get_loc(time.tz_localize(None)) % 7 - 3) / 1e4 for time in due]
    assert not grid.drop(due).any()
    newest = settled.searchsorted(rows.index.tz_localize(None), "right") - 1
    np.testing.assert_allclose(rows["funding_level"], (newest % 7 - 3) / 1e4 / 8 * 8760, atol=1e-15)
    means = [np.mean([place % 7 - 3 for place in range(last - 2, last + 1)]) for last in newest]
    np.testing.assert_allclose(rows["funding_mean_24h"], np.array(means) / 1e4 / 8 * 8760, atol=1e-15)
    told = (rows.index >= seen) & (rows["day"] == "2020-03-03")
    assert (rows["perpetual_basis"].notna() == told).all()
    np.testing.assert_allclose(rows.loc[told, "perpetual_basis"], rows.loc[told, "quote_mid"] / 20.5 - 1.0)


def test_no_option_lives_through_a_night(desk, tables):
    starts = tables["episodes"].drop_duplicates("start")["start"]
    ends = starts + pd.Timedelta(seconds=desk.grid.every_seconds * desk.option.steps)
    local = ends.dt.tz_localize("UTC").dt.tz_convert(desk.grid.zone)
    assert (local.dt.time <= desk.grid.close).all()


def test_report_and_summary_say_how_the_option_is_marked(desk, tables):
    notes = pd.DataFrame({"note": ["f.csv: its times carry no zone"]})
    evaluation = evaluate_intraday(desk, {**tables, "notes": notes})
    report = intraday_report(evaluation, RunRecord("run", "code"))
    page = rendered(report)
    assert report.summary["data"]["notes"] == ["f.csv: its times carry no zone"]
    assert "f.csv: its times carry no zone" in page
    assert "dealt and marked at a forecast" in page
    assert "Drift of market quality" in page
    assert "Decisions with a sound book" in page
    summary = report.summary
    days = tables["days"]["day"].unique()
    assert [row["day"] for row in summary["book_days"]] == sorted(days)
    assert all(0.9 < row["sound"] <= 1.0 for row in summary["book_days"])
    known = {row["feature"]: row for row in summary["known"]}
    assert known["mid"]["tested"] == 1.0 > known["variance_240"]["before"]
    assert "book_state" not in known
    assert set(summary["policies"]) >= {"delta_implied", "regime_switched"}
    assert {row["target"] for row in summary["liquidity"]} == {"half_spread", "depth", "crossing_cost"}
    own = evaluation.settings.evaluation.model_copy(update={"demonstration": True})
    told = replace(evaluation, settings=desk.model_copy(update={"evaluation": own}))
    assert "This is a demonstration on 3 days of one venue" in told.said[1]


def test_the_report_shows_the_late_twin_the_worst_hours_and_the_frontier(desk, tables, tmp_path):
    evaluation = evaluate_intraday(desk, tables)
    report = intraday_report(evaluation, RunRecord("run", "code"))
    titles = {item.title for each in report.sections for item in each.items if isinstance(item, Sheet)}
    assert {"With fills one decision later", "The worst hours", "Over risk aversion"} <= titles
    assert set(report.summary["delayed"]) == set(report.summary["policies"])
    frontier = tables["frontier"]
    own = frontier[frontier["aversion"] == desk.risk.aversion].set_index("policy")
    for policy, row in evaluation.comparison.iterrows():
        assert own.loc[policy, "pnl_sd_bps"] == pytest.approx(row["pnl_sd_bps"], rel=1e-9)
        assert own.loc[policy, "cost_bps"] == pytest.approx(row["cost_bps"], rel=1e-9)
    worst = evaluation.worst
    hourly = worst[worst["hour"].notna()]
    assert set(hourly["why"]) == {"highest volatility", "dearest book"}
    assert (hourly["episodes"] <= worst.loc[worst["hour"].isna(), "episodes"].iloc[0]).all()


def test_every_probability_has_an_interval_that_looks_back_only(desk, tables):
    found = tables["probabilities"]
    assert set(found["event"]) <= {"spike", "gap"}
    known = found.dropna()
    assert len(known) > 300
    assert (known["lower"] <= known["upper"]).all()
    first = tables["signals"].loc[~tables["signals"]["tested"], "time"]
    before = known[known["time"].isin(first)]
    assert (before["lower"] == 0.0).all()
    assert (before["upper"] == 1.0).all()
    after = known[~known["time"].isin(first)]
    assert (after["upper"] - after["lower"]).mean() < 0.5
    judged = tables["event_intervals"]
    assert (judged.groupby("event")["group"].first() == "all").all()
    whole = judged[judged["group"] == "all"].set_index("event")["n"]
    parts = judged[judged["group"] != "all"].groupby("event")["n"].sum()
    assert whole.to_dict() == parts.to_dict()


def test_late_orders_leave_the_opening_hedge_and_change_the_rest(tables):
    episodes = tables["episodes"].query("policy == 'delta_implied'").set_index("start")
    on_time, late = (episodes[episodes["delay"] == delay] for delay in (0, 1))
    assert (on_time["premium"] == late["premium"]).all()
    assert (on_time["pnl"] != late["pnl"]).mean() > 0.9


@pytest.fixture(scope="module")
def fitted(desk, tables):
    return left_by(desk, tables)


def test_what_goes_on_without_fitting_is_the_walk_on_its_last_window(fitted, tables):
    walked = tables["signals"][tables["signals"]["window"] == tables["signals"]["window"].max()]
    found = stream_intraday(fitted, tables["features"]).reset_index(drop=True)
    same = [name for name in walked if name not in ("window", "tested")]
    assert set(same) == set(found)
    pd.testing.assert_frame_equal(
        found[same], walked[same].reset_index(drop=True), check_exact=True, check_names=False
    )


def test_decisions_that_come_one_by_one_have_the_signals_of_all_at_once(fitted, tables):
    whole, features = stream_intraday(fitted, tables["features"]), tables["features"]
    begin = int(features["time"].searchsorted(whole["time"].iloc[30]))
    names = [name for name in features if name not in ("time", "day")]
    running, values = RunningSignals(fitted, features[:begin], names), features[names].to_numpy(dtype=float)
    rows = (
        DecisionRow(features["time"].iloc[row].value, features["day"].iloc[row], values[row])
        for row in range(begin, begin + 40)
    )
    found = signals_table([running.step(row) for row in rows])
    expected = whole.iloc[30:70].reset_index(drop=True)
    left_out = {"minutes", "sound", "log_rate", "log_variance_20", "half_spread", "depth", "crossing_cost"}
    reach = fitted.desk.option.steps
    left_out |= {name for name in expected if "regime_variance" in name and int(name[16:]) > reach}
    assert {*found, *left_out} == {*expected}
    pd.testing.assert_frame_equal(found[list(found)], expected[list(found)], rtol=1e-12, atol=0.0)


@pytest.fixture
def lived_again(desk, tables, fitted, tmp_path):
    return partial(live_again, desk, tables, fitted, tmp_path)


def live_again(desk, tables, fitted, folder, first=0, **orders):
    """Live the last day, or from a later decision on; return as `live_through`."""
    desk = desk.model_copy(update={"orders": OrderSettings(**orders)})
    pieces, features = InMemory(), tables["features"]
    market = load_days(desk.data, desk.grid.zone, content_of(desk.data), pieces)
    day = str(features["day"].iloc[-1])
    [opened] = opened_days(market["days"], [day], pieces, desk.data.instrument)
    begins = features.loc[features["day"] == day, "time"].iloc[first]
    before = features[features["time"] < begins]
    learned = tables["event_parameters"].groupby("feature")["value"].agg(list)
    replayed = DeskDay(desk, day, opened, learned, before, begins=begins.value)
    desk_cost = json.loads(tables["models/terms.json"])["desk_cost"]
    policy = restored(json.loads(tables["models/regime_switched.json"]))
    return live_through(desk, replayed, before, fitted, policy, desk_cost, folder)


def test_a_stored_day_lived_again_has_the_grid_and_the_orders_of_the_backtest(desk, tables, lived_again):
    found = lived_again()
    rows, lived, day = found.rows, found.lived, found.day.day
    features = tables["features"]
    own = features[features["day"] == day]
    decided = [each for each, _ in lived]
    assert [now for _, now in lived] == [each.at for each in decided]
    seen = pd.DataFrame([row.numbers for row in rows], columns=list(found.day.names))
    expected = own.drop(columns=["time", "day"]).astype(float).reset_index(drop=True)
    pd.testing.assert_frame_equal(seen[list(expected)], expected, check_exact=True)
    today = (tables["signals"]["day"] == day).to_numpy()
    told, fills = (tables[name][today].reset_index(drop=True) for name in ("signals", "fills"))
    lane = hedge_lane(desk, told, fills, found.policy, found.desk_cost)
    np.testing.assert_allclose([each.position for each in decided[1:]], lane.position[:-1], atol=1e-12)
    assert sum(each.order is not None for each in decided) > 20


def test_a_day_that_is_lived_from_a_later_decision_on_goes_on_from_the_grid(tables, lived_again):
    found, features = lived_again(first=-50), tables["features"]
    own = features[features["day"] == found.day.day].iloc[-50:]
    assert [each.at for each, _ in found.lived] == [each.value for each in own["time"]]
    seen = pd.DataFrame([row.numbers for row in found.rows], columns=list(found.day.names))
    expected = own.drop(columns=["time", "day"]).astype(float).reset_index(drop=True)
    pd.testing.assert_frame_equal(seen[list(expected)], expected, check_exact=True)


@pytest.mark.parametrize("placement", ["market", "limit", "passive"])
def test_a_day_worked_in_slices_is_done_before_each_next_decision(lived_again, placement):
    """Every child is of a decision's order, and over before the next decision."""
    found = lived_again(slices=3, placement=placement, cross_after_seconds=4)
    children = [each.order for each in found.account.orders.values()]
    parents = {each.order.order_id: each for each, _ in found.lived if each.order is not None}
    assert {each.parent for each in children} == {*parents}
    assert len(children) > 2 * len(parents)
    assert all(each.decided < parents[each.parent].at + 27 * SECOND for each in children)
    assert not any(each.working for each, _ in found.lived)


@pytest.mark.slow
def test_a_grid_of_events_goes_through_the_whole_chain(ticks, tmp_path):
    """Every seventh trade: the variance of so many decisions is what counts, whatever time they take."""
    path = tmp_path / "desk.toml"
    text = DESK.replace("every_seconds = 30", "every_events = 7")
    path.write_text(text.replace("[data]", f'[data]\nfolder = "{ticks}"'))
    desk = load_any(str(path))
    tables = chain(desk)
    grid, signals = tables["features"], tables["signals"]
    early = grid[grid["day"] == FIRST.isoformat()]["time"]
    mean = (early.iloc[-1] - early.iloc[0]).total_seconds() / (len(early) - 1)
    assert grid["step_seconds"].unique() == pytest.approx([mean], rel=1e-12)
    assert grid["time"].diff().nunique() > 100
    episodes = tables["episodes"]
    parts = episodes["premium"] + episodes["trading"] - episodes["cost"] - episodes["payoff"]
    np.testing.assert_allclose(episodes["pnl"], parts, atol=1e-12)
    built = build_intraday_episodes(desk, signals, tables["fills"]).episodes
    total = built.state.implied_vol[:, 0] ** 2 * built.state.time_to_expiry[:, 0]
    marked = signals[f"mark_variance_{desk.option.steps}"].to_numpy()[built.start]
    np.testing.assert_allclose(total, marked, rtol=1e-12)
    walked = signals[signals["window"] == signals["window"].max()].reset_index(drop=True)
    found = stream_intraday(left_by(desk, tables), grid).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, walked[list(found)], check_exact=True, check_names=False)
    page = rendered(intraday_report(evaluate_intraday(desk, tables), RunRecord("run", "code")))
    assert "every 7 trades from 10:00 to 12:00" in page
    assert f"10 decisions (about {10 * mean / 60:.4g} minutes)" in page
    with pytest.raises(SettingsError, match="no clock says when the next decisions are"):
        freshness_of(desk, early.iloc[0], early.iloc[1])


def test_a_decision_now_is_the_band_of_the_backtest(desk, tables, fitted):
    signals = stream_intraday(fitted, tables["features"]).reset_index(drop=True)
    episodes = build_intraday_episodes(desk, tables["signals"], tables["fills"]).episodes
    first = int((tables["signals"]["window"] < tables["signals"]["window"].max()).sum())
    episode, step = int(np.flatnonzero(episodes.start >= first)[0]), 3
    row = int(episodes.start[episode]) - first + step
    flagship = restored(json.loads(tables["models/regime_switched.json"]))
    band = flagship.band(episodes.state.episodes(np.array([episode])))
    start, end = signals["time"].iloc[row - step], signals["time"].iloc[row - step + desk.option.steps]
    made = decide_intraday(
        desk,
        signals,
        row,
        OptionTerms(strike=float(signals["mid"].iloc[row - step]), expiry=end, quantity=-2.0),
        json.loads(tables["models/terms.json"])["desk_cost"],
        {flagship.name: flagship},
        given_position(0.0),
        freshness_of(desk, signals["time"].iloc[row], signals["time"].iloc[row]),
        signals["time"].iloc[row],
        (),
        (),
    )
    (order,) = made.orders
    assert order.band_lower == pytest.approx(2 * desk.hedge.size * band.lower[0, step, 0], rel=1e-9)
    assert order.band_upper == pytest.approx(2 * desk.hedge.size * band.upper[0, step, 0], rel=1e-9)
    assert order.quantity % desk.hedge.lot == pytest.approx(0.0, abs=1e-6)
    assert order.side == "buy"
    assert made.options[0].sessions_left == desk.option.steps - step
    assert not made.stale
    assert start < end


def test_a_fixed_fee_is_the_same_money_at_any_price_of_the_market(desk, tables):
    dear = desk.model_copy(update={"costs": desk.costs.model_copy(update={"fixed_fee": 3.0})})
    signals = tables["signals"].copy()
    signals["mid"] *= np.linspace(1.0, 6.0, len(signals))
    episodes = build_intraday_episodes(dear, signals, tables["fills"]).episodes
    money = episodes.state.fixed_fee * signals["mid"].to_numpy()[episodes.start][:, None] / 100.0
    np.testing.assert_allclose(money, 3.0 / desk.hedge.size, rtol=1e-12)
    assert episodes.market.terms.fixed_fee == 3.0 / desk.hedge.size


def test_a_dearer_book_is_in_the_states_and_in_the_fills(desk, tables):
    dear = desk.model_copy(update={"costs": desk.costs.model_copy(update={"crossing": 1.5})})
    plain, found = (
        build_intraday_episodes(each, tables["signals"], tables["fills"]).episodes for each in (desk, dear)
    )
    fee = desk.costs.fee_bps * 1e-4
    for name in ("cost", "cost_lower", "cost_upper", "desk_cost"):
        expected = fee + 1.5 * (getattr(plain.state, name) - fee)
        np.testing.assert_allclose(getattr(found.state, name), expected, rtol=1e-9)
    assert (plain.market.terms.crossing, found.market.terms.crossing) == (1.0, 1.5)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"strike": -1.0}, "--strike -1: give a price above zero"),
        ({"quantity": 0.0}, "--quantity 0: give the options held"),
        ({"opened": pd.Timestamp("2020-03-05")}, "--opened"),
        ({"expiry": pd.Timestamp("2020-03-04 11:00")}, "must lie after the newest decision"),
        ({"expiry": pd.Timestamp("2020-03-05 11:00:07")}, "no decision of the desk"),
        ({"expiry": pd.Timestamp("2020-03-05 11:59:30")}, "the forecasts reach 10"),
    ],
)
def test_what_cannot_be_decided_within_the_day_is_one_line(desk, tables, fitted, terms, message):
    signals = stream_intraday(fitted, tables["features"]).reset_index(drop=True)
    when = signals["time"].iloc[20]
    fresh, held = freshness_of(desk, when, when), given_position(0.0)
    with pytest.raises(DataError, match=message):
        decide_intraday(
            desk, signals, 20, OptionTerms(**terms), 0.0, {}, held,
            fresh, when, (), (),
        )  # fmt: skip


def test_the_newest_decision_is_the_last_with_a_sound_book(tables, fitted):
    signals = stream_intraday(fitted, tables["features"]).reset_index(drop=True)
    late = signals["time"].iloc[-1] + pd.Timedelta("1h")
    assert newest_decision(signals, late) == len(signals) - 1
    cut = signals.assign(sound=np.where(np.arange(len(signals)) > 50, 0.0, signals["sound"]))
    assert newest_decision(cut, late) == 50
    assert newest_decision(signals, signals["time"].iloc[30]) == 30
    with pytest.raises(DataError, match="cost_forecast not known at the newest decision"):
        newest_decision(signals.assign(cost_forecast=np.nan), late)
    with pytest.raises(DataError, match="no decision until"):
        newest_decision(signals, signals["time"].iloc[0] - pd.Timedelta("1s"))


def test_windows_follow_days_or_minutes(desk, tables):
    rows = tables["features"]
    times, days = pd.DatetimeIndex(rows["time"]), rows["day"]
    daily = decision_windows(desk, times, days)
    assert [window.tested for window in daily] == [False, True, True]
    hourly = desk.model_copy(update={"windows": desk.windows.model_copy(update={"refit_minutes": 60})})
    assert len(decision_windows(hourly, times, days)) == 6
    late = desk.model_copy(update={"windows": desk.windows.model_copy(update={"test_start": FIRST})})
    with pytest.raises(DataError, match=r"windows\.test_start .* move it inside"):
        decision_windows(late, times, days)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["scrambled", "cut"])
def test_what_comes_later_changes_nothing_before_it(desk, ticks, tables, tmp_path, change):
    """The last day becomes another one, or is not there: signals, fits and episodes before it stay."""
    folder = tmp_path / "other"
    shutil.copytree(ticks, folder)
    last = FIRST + timedelta(days=3)
    if change == "scrambled":
        write_day(folder, last, seed=99)
    else:
        for path in folder.glob(f"{last:%Y%m%d}_*"):
            path.unlink()
    other = chain(desk_at(folder, tmp_path / "desk.toml"))
    for name in ("features", "fills", "signals"):
        before, after = (each[name] for each in (tables, other))
        day = last.isoformat() if name != "fills" else None
        own, its = (
            table[table["day"] < day] if day else table[table["time"] < f"{last.isoformat()}"]
            for table in (before, after)
        )
        assert len(own) > 200
        if change == "scrambled":
            pd.testing.assert_frame_equal(own, its, check_exact=True)
        else:
            pd.testing.assert_frame_equal(own, its, rtol=1e-12)
    window = tables["episodes"]["window"].max()
    for name in ("episodes", "tuned"):
        own, its = (
            each[name][each[name]["window"] < window].reset_index(drop=True) for each in (tables, other)
        )
        assert len(own) > 0
        pd.testing.assert_frame_equal(own, its, check_exact=change == "scrambled")


@pytest.mark.slow
def test_tomorrow_of_the_same_day_does_not_change_this_morning(desk, tables, tmp_path, ticks):
    """Ticks after eleven of the last day become others: what was known before stays, to the last bit."""
    import zipfile

    folder = tmp_path / "other"
    shutil.copytree(ticks, folder)
    last, until = FIRST + timedelta(days=3), 39_600_000
    other_day = tmp_path / "day"
    other_day.mkdir()
    write_day(other_day, last, seed=50)
    for kind in ("quote", "trade"):
        name = f"{last:%Y%m%d}_{kind}.zip"
        parts = []
        for place, keep in ((ticks, lambda t: t <= until), (other_day, lambda t: t > until)):
            with zipfile.ZipFile(place / name) as archive:
                lines = archive.read(archive.namelist()[0]).decode().splitlines()
            parts += [line for line in lines if keep(int(line.split(",")[0]))]
        from tests.market_ticks import write

        write(folder, last, kind, parts)
    other = chain(desk_at(folder, tmp_path / "desk.toml"))
    eleven = pd.Timestamp(f"{last} 11:00", tz=desk.grid.zone)
    for name in ("features", "signals"):
        own, its = (each[name][each[name]["time"] <= eleven] for each in (tables, other))
        pd.testing.assert_frame_equal(own, its, check_exact=True)
    finished = (eleven - pd.Timedelta(seconds=30 * 11)).tz_convert("UTC").tz_localize(None)
    own, its = (each["episodes"][each["episodes"]["start"] <= finished] for each in (tables, other))
    pd.testing.assert_frame_equal(own.reset_index(drop=True), its.reset_index(drop=True), check_exact=True)
    assert not other["features"].equals(tables["features"])


def test_a_column_that_is_known_only_later_changes_no_forecast(desk, tables):
    """A source that begins in the tested days was no input before, and is none after."""
    grid, start = tables["features"], pd.Timestamp(desk.windows.signals_start, tz="UTC")
    late = grid["time"] >= start
    never = grid.assign(log_rate=np.nan)
    drawn = np.random.default_rng(0).normal(size=int(late.sum()))
    found = []
    for values in (np.nan, drawn):
        features = never.copy()
        features.loc[late, "log_rate"] = values
        learned = learn_intraday(desk, {"features": features, "fills": tables["fills"]}, InMemory())
        found.append(learned["signals"].drop(columns="log_rate"))
    pd.testing.assert_frame_equal(*found, check_exact=True)
