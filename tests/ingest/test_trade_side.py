from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.trade_side import trade_sides

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
NAN = float("nan")
SECOND = 1_000_000_000
TRADES = st.lists(
    st.tuples(st.integers(0, 100), st.integers(8, 14), st.sampled_from([0, 0, 0, 1, -1])), max_size=20
).map(sorted)
QUOTES = st.lists(
    st.tuples(
        st.integers(0, 100), st.sampled_from([9.0, 10.0, 11.0, NAN]), st.sampled_from([10.0, 11.0, 12.0, NAN])
    ),
    max_size=20,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


def sides(trades, quotes, **how):
    times, prices, told = (np.array(part) for part in zip(*trades, strict=True)) if trades else ([],) * 3
    when, bids, asks = (np.array(part) for part in zip(*quotes, strict=True)) if quotes else ([],) * 3
    return trade_sides(
        np.array(times, np.int64) * SECOND,
        np.array(prices, float),
        np.array(told, np.int8),
        np.array(when, np.int64) * SECOND,
        np.array(bids, float),
        np.array(asks, float),
        **how,
    ).tolist()


def naive(trades, quotes, oldest):
    out, last, direction = [], None, 0
    for time, price, told in trades:
        if last is not None and price != last:
            direction = 1 if price > last else -1
        last = price
        before = [quote for quote in quotes if quote[0] < time]
        side = direction
        if before and time - before[-1][0] <= oldest and before[-1][1] <= before[-1][2]:
            middle = (before[-1][1] + before[-1][2]) / 2
            side = (price > middle) - (price < middle) or direction
        out.append(told or side)
    return out


@given(TRADES, QUOTES, st.sampled_from([5, 60]))
def test_the_rules_are_those_of_a_plain_loop(trades, quotes, oldest):
    assert sides(trades, quotes, oldest_quote_seconds=oldest) == naive(trades, quotes, oldest)


@given(TRADES, QUOTES, st.integers(0, 20))
def test_trades_in_two_parts_have_the_sides_of_the_whole(trades, quotes, cut):
    state = np.array([NAN, 0.0])
    parts = sides(trades[:cut], quotes, before=state) + sides(trades[cut:], quotes, before=state)
    assert parts == sides(trades, quotes)


def test_a_quote_of_the_same_instant_is_not_in_force():
    assert sides([(5, 10, 0)], [(5, 8.0, 9.0)]) == [0]
    assert sides([(6, 10, 0)], [(5, 8.0, 9.0)]) == [1]


def test_a_mirrored_market_has_mirrored_sides():
    trades = [(2, 11, 0), (3, 9, 0), (4, 10, 0), (90, 12, 0)]
    quotes = [(1, 9.0, 11.0), (50, NAN, 11.0)]
    mirrored = [(time, 20 - price, told) for time, price, told in trades]
    other = [(time, 20 - ask, 20 - bid) for time, bid, ask in quotes]
    assert sides(mirrored, other) == [-side for side in sides(trades, quotes)]


def test_real_trades_are_given_the_side_that_the_venue_told():
    folder = SHARED / "ticks" / "tardis"
    if not folder.is_dir():
        pytest.skip("the shared market data is not on this machine")
    trades, quotes = (pd.read_csv(folder / f"{name}.csv") for name in ("trades", "quotes"))
    trades = trades[trades["timestamp"] < quotes["timestamp"].iloc[-1]]
    told = np.where(trades["side"] == "buy", 1, -1)
    found = trade_sides(
        trades["timestamp"].to_numpy() * 1000,
        trades["price"].to_numpy(float),
        np.zeros(len(trades), np.int8),
        quotes["timestamp"].to_numpy() * 1000,
        quotes["bid_price"].to_numpy(float),
        quotes["ask_price"].to_numpy(float),
    )
    nothing = np.zeros(0)
    ticks = trade_sides(
        trades["timestamp"].to_numpy() * 1000,
        trades["price"].to_numpy(float),
        np.zeros(len(trades), np.int8),
        nothing.astype(np.int64),
        nothing,
        nothing,
    )
    assert (found == told).mean() > 0.99
    assert (found == told).mean() > (ticks == told).mean() > 0.8
