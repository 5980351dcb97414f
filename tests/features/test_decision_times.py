"""When a desk decides: on the clock, with events, and never with one that is not known yet."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book_walk import MISSING, SOUND
from pipeline.features.day_events import DayEvents
from pipeline.features.decision_day import decision_day
from pipeline.features.decision_times import SECOND, decision_times
from tests.market_day import day_tables

DAY = "2020-03-02"
OPEN = pd.Timestamp(f"{DAY} 10:00", tz="UTC")


def grid(**settings):
    return GridSettings(**{"open": "10:00", "close": "12:00", "sample_seconds": 1.0} | settings)


def market(seed, rows=900):
    """Quotes and trades at random instants of which some coincide, a half of them before or after hours."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(-3600, 3 * 3600, (2, rows)), axis=1)
    times = [OPEN + pd.to_timedelta(each, unit="s") for each in seconds]
    bid = 100.0 + 0.01 * np.cumsum(rng.integers(-1, 2, rows))
    sizes = rng.integers(1, 9, (3, rows)).astype(float)
    quotes = {"bid_price": bid, "bid_size": sizes[0], "ask_price": bid + 0.02, "ask_size": sizes[1]}
    trades = {
        "price": bid + 0.01 * rng.integers(0, 3, rows),
        "size": sizes[2],
        "side": np.int8(0),
    }
    stamps = [{"event_time": each, "known_time": each} for each in times]
    return {"quotes": pd.DataFrame(stamps[0] | quotes), "trades": pd.DataFrame(stamps[1] | trades)}


def made(tables, settings):
    hedge = IntradayHedge(size=10.0, latency={"median_seconds": 2.0})
    return decision_day(DAY, day_tables(**tables), settings, hedge, 7, {})


@pytest.mark.parametrize("counted", ["trades", "quotes"])
@pytest.mark.parametrize("every", [1, 7])
def test_events_are_counted_from_the_open_and_several_of_one_instant_make_one_decision(counted, every):
    tables = market(1)
    found = decision_times(DAY, grid(every_events=every, counted=counted), DayEvents(day_tables(**tables)))
    inside, chosen = 0, []
    for time in tables[counted]["known_time"]:
        if OPEN < time < OPEN + pd.Timedelta("2h"):
            inside += 1
            if inside % every == 0 and time not in chosen:
                chosen.append(time)
    assert pd.to_datetime(found.times, utc=True).tolist() == chosen
    assert found.since.sum() == found.last - found.opened
    assert found.until.sum() == found.closed - found.times[0]


def test_without_either_it_is_once_a_minute_and_with_both_an_error():
    assert GridSettings().step == 60
    with pytest.raises(SettingsError, match="every_events = 9: no clock says when"):
        GridSettings(every_events=9).step  # noqa: B018
    with pytest.raises(ValueError, match="set one of every_seconds and every_events, not both"):
        GridSettings(every_events=9, every_seconds=9)


def test_a_day_without_the_events_to_count_is_one_line():
    tables = market(1)
    with pytest.raises(DataError, match=r"2020-03-02: no trades that grid\.every_events could count"):
        made({"quotes": tables["quotes"]}, grid(every_events=9))


def test_a_day_of_too_few_events_has_no_decision():
    found = made(market(1), grid(every_events=5000))
    assert {name: len(table) for name, table in found.items()} == {f"grid/{DAY}": 0, f"fills/{DAY}": 0}
    assert set(found[f"grid/{DAY}"]) == set(made(market(1), grid(every_events=9))[f"grid/{DAY}"])


def test_means_are_over_the_time_since_the_decision_before():
    tables, settings = market(3), grid(every_events=20)
    rows, quotes = made(tables, settings)[f"grid/{DAY}"], tables["quotes"]
    before = OPEN
    for _, row in rows.iterrows():
        looked, spreads, sound = row["time"], [], []
        while looked > before:
            known = quotes[quotes["known_time"] <= looked]
            last = known.iloc[-1]
            fresh = looked - last["known_time"] <= pd.Timedelta("30s")
            sound.append(fresh)
            if fresh:
                spreads.append(0.01 / (last["bid_price"] + 0.01))
            looked -= pd.Timedelta("1s")
        np.testing.assert_allclose(row["half_spread"], np.mean(spreads) if spreads else np.nan, rtol=1e-12)
        assert row["sound"] == pytest.approx(np.mean(sound), rel=1e-12)
        before = row["time"]
    assert len(rows) > 20


def test_an_order_arrives_before_the_next_decision():
    found = made(market(4), grid(every_events=2))
    rows, fills = found[f"grid/{DAY}"], found[f"fills/{DAY}"]
    gaps = rows["time"].diff().dt.total_seconds().to_numpy()[1:]
    assert (fills["latency"].to_numpy()[:-1] <= gaps).all()
    assert (fills["latency"].to_numpy()[:-1] == gaps).any()
    assert (fills["latency"].to_numpy()[:-1] < gaps).any()


def test_nothing_is_filled_of_what_was_decided_without_two_sides_though_they_are_back_at_the_arrival():
    both, one = (100.0, 100.02), (100.0, np.nan)
    told = {-9.0: both, 1799.9: one, 1800.1: both, 5400.1: one}
    times = OPEN + pd.to_timedelta(list(told), unit="s")
    bid, ask = zip(*told.values(), strict=True)
    sides = {"bid_price": bid, "bid_size": 1.0, "ask_price": ask, "ask_size": 1.0}
    quotes = pd.DataFrame({"event_time": times, "known_time": times, **sides})
    found = made({"quotes": quotes}, grid(every_seconds=1800, stale_after_seconds=9000.0))
    fills = found[f"fills/{DAY}"]
    assert (fills["latency"] > 1.0).all()
    assert found[f"grid/{DAY}"]["book_state"].tolist() == [MISSING, SOUND, SOUND]
    assert fills["state"].tolist() == [MISSING, SOUND, MISSING]
    assert fills["ask_price_0"].notna().tolist() == [True, True, False], "what stood at the arrival"


@pytest.mark.parametrize("counted", ["trades", "quotes"])
@pytest.mark.parametrize("change", ["scrambled", "cut"])
def test_what_comes_later_moves_no_decision_before_it(counted, change):
    tables, other, settings = market(5), market(6), grid(every_events=11, counted=counted)
    whole = made(tables, settings)[f"grid/{DAY}"]
    for row in (0, 10, 30):
        now = whole["time"].iloc[row]
        parts = {}
        for name, table in tables.items():
            parts[name] = table[table["known_time"] <= now]
            if change == "scrambled":
                later = other[name][other[name]["known_time"] > now]
                parts[name] = pd.concat([parts[name], later], ignore_index=True)
        found = made(parts, settings)[f"grid/{DAY}"]
        upto = found[found["time"] <= now].reset_index(drop=True)
        pd.testing.assert_frame_equal(upto, whole.iloc[: row + 1], check_exact=True)


def test_seconds_do_not_ask_the_market():
    found = decision_times(DAY, grid(every_seconds=30), DayEvents({}))
    assert len(found.times) == 239
    assert set(found.since) == set(found.until) == {30 * SECOND}
