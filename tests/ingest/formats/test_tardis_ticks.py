# ruff: noqa: E501
import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest import raw_stream
from pipeline.ingest.market_tables import QUARANTINE

QUOTES = b"""exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount
binance-futures,BTCUSDT,1582329601000000,1582329601100000,0.84,9682,9681.92,0.67
binance-futures,BTCUSDT,1582329602000000,1582329602100000,0.5,9682.5,,
binance-futures,BTCUSDT,1582329603000000,1582329603100000,0.84,9682,9681.44,0.363
"""
TRADES = b"""exchange,symbol,timestamp,local_timestamp,id,side,price,amount
binance-futures,BTCUSDT,1582329601000000,1582329601100000,41,buy,9682,0.132
binance-futures,BTCUSDT,1582329602000000,1582329602100000,42,sell,9681.5,0.4
binance-futures,BTCUSDT,1582329603000000,1582329603100000,43,unknown,9681.9,1
"""
BAD_QUOTES = {
    "1582329604000000,1582329604100000,1,9682,9683,1": "crossed quote",
    "1582329604000000,1582329604100000,1,9682,9682,1": "locked quote",
    "1582329604000000,1582329604100000,-1,9682,9681,1": "negative ask_size",
    "1582329604000000,1582329604100000,1,9682,0,1": "bid_price not above zero",
    "1582329604000000,1582329604100000,1,968200,9681,1": "ask in another unit than those around it",
    "1582329604000,1582329604100000,1,9682,9681,1": "time outside 1990 to 2100: is its unit right?",
    "1582329604000000,1582329604100000,1,9682,9681,1e60": "worth more than any trade: size or price is wrong",
    "1582329664000000,1582329603900000,1,9682,9681,1": "happened over a minute after it was received: one of its times is wrong",
    "1582329601000000,1582329604100000,1,9682,9681,1": "clock goes back",
    "1582329604000000,1582329604100000,1,96x2,9681,1": "not a number: ask_price",
}
BAD_TRADES = {
    "1582329604000000,1582329604100000,42,buy,9682,1": "duplicate: its id has been",
    "1582329604000000,1582329604100000,44,bought,9682,1": "side is none of buy, sell, unknown",
    "1582329604000000,1582329604100000,44,buy,9682,0": "size not above zero",
    "1582329604000000,1582329604100000,44,buy,9682,5.12345e78": "worth more than any trade: size or price is wrong",
    "1582329604000000,1582329604100000,44,buy,9682,1e308": "worth more than any trade: size or price is wrong",
    "1582329604000000,1582329604100000,44,buy,,1": "no value: price",
}


@pytest.fixture
def quotes(tables, tmp_path):
    def run(content, name="quotes.csv", **terms):
        (tmp_path / name).write_bytes(content)
        return tables(tmp_path / name, **terms)

    return run


def test_quotes_and_trades_are_read_with_both_their_times(quotes):
    found = quotes(QUOTES)["quotes"].to_pandas()
    assert found["bid_price"].isna().tolist() == [False, True, False]
    assert found["ask_size"].tolist() == [0.84, 0.5, 0.84]
    assert ((found["known_time"] - found["event_time"]) == pd.Timedelta("100ms")).all()
    trades = quotes(TRADES, "trades.csv")["trades"].to_pandas()
    assert trades["side"].tolist() == [1, -1, 0]
    assert trades["trade_id"].tolist() == [41, 42, 43]
    assert set(trades["venue"]) == {"binance-futures"}


def test_ids_that_are_no_whole_numbers_tell_trades_apart_too(quotes, monkeypatch):
    named = ("8a6f1c2e-0b7d-4e55-9a61-2f0f3a4b5c6d", "", "18446744073709551617", "41", "s-41", "")
    again = ("18446744073709551617", "8a6f1c2e-0b7d-4e55-9a61-2f0f3a4b5c6d")
    row = "bitmex,XBTUSD,15823296{0:02}000000,15823296{0:02}100000,{1},buy,9681,1\n"
    lines = (
        TRADES.split(b"\n")[0]
        + b"\n"
        + "".join(row.format(*each) for each in enumerate(named + again)).encode()
    )
    for block in (1 << 20, 150):
        monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (block,))
        found = quotes(lines, "trades.csv")
        ids = found["trades"]["trade_id"].to_pylist()
        assert len(set(ids)) == 5
        assert (min(ids), ids[1], ids[3], ids[5]) == (0, 0, 41, 0)
        assert found[QUARANTINE]["reason"].to_pylist() == ["duplicate: its id has been"] * 2


def test_two_files_put_together_are_read_as_one(quotes):
    further = QUOTES.replace(b"158232960", b"158232961")
    found = quotes(QUOTES + further)
    assert found["quotes"].num_rows == 6
    assert found[QUARANTINE]["reason"].to_pylist() == ["the header again: files were put together"]


def test_what_a_slow_clock_received_before_it_happened_is_known_when_it_happened(quotes):
    slow = "binance-futures,BTCUSDT,1582329604500000,1582329603900000,1,9682,9681,1\n"
    after = "binance-futures,BTCUSDT,1582329604600000,1582329604200000,1,9682,9681,1\n"
    found = quotes(QUOTES + (slow + after).encode())["quotes"].to_pandas()
    assert (found["known_time"] == found["event_time"]).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("row", [*BAD_QUOTES, *BAD_TRADES])
def test_a_bad_row_is_held_with_its_line_and_reason(quotes, row):
    reason = (BAD_QUOTES | BAD_TRADES)[row]
    content = QUOTES if row in BAD_QUOTES else TRADES
    found = quotes(content + f"binance-futures,BTCUSDT,{row}\n".encode())
    assert found[QUARANTINE]["reason"].to_pylist() == [reason]
    assert found[QUARANTINE]["source_row"].to_pylist() == [5]
    assert next(table for name, table in found.items() if name != QUARANTINE).num_rows == 3


def test_one_instrument_is_read_and_the_terms_say_which(quotes):
    two = TRADES + TRADES.split(b"\n")[1].replace(b"BTCUSDT", b"ETHUSDT").replace(b"29601", b"29603") + b"\n"
    with pytest.raises(DataError, match="holds BTCUSDT and ETHUSDT: set instrument"):
        quotes(two)
    found = quotes(two, instrument="BTCUSDT")
    assert found["trades"].num_rows == 3
    assert found[QUARANTINE]["reason"].to_pylist() == ["another instrument than BTCUSDT"]


def test_rows_of_another_exchange_than_the_first_are_held(quotes):
    other = TRADES.split(b"\n")[1].replace(b"binance-futures", b"bybit").replace(b"29601", b"29603") + b"\n"
    found = quotes(TRADES + other)
    assert found["trades"].num_rows == 3
    assert found[QUARANTINE]["reason"].to_pylist() == ["another exchange than binance-futures"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed):
    survives(seed, "quotes.csv", QUOTES, "tardis_ticks")
    survives(seed, "trades.csv", TRADES, "tardis_ticks")


def test_real_rows_are_what_a_plain_loop_reads(shared, tables):
    for name, columns in {
        "quotes": ["bid_price", "bid_amount", "ask_price", "ask_amount"],
        "trades": ["price", "amount", "id"],
    }.items():
        path = shared / "ticks" / "tardis" / f"{name}.csv"
        found = tables(path)
        assert QUARANTINE not in found
        with path.open() as lines:
            rows = list(csv.DictReader(lines))
        table = found[name].to_pandas().rename(
            columns={"bid_size": "bid_amount", "ask_size": "ask_amount", "size": "amount", "trade_id": "id"}
        )  # fmt: skip
        for column in columns:
            np.testing.assert_array_equal(table[column], [float(row[column]) for row in rows])
        assert table["event_time"].astype("int64").tolist() == [int(row["timestamp"]) * 1000 for row in rows]
        if name == "trades":
            assert table["side"].tolist() == [1 if row["side"] == "buy" else -1 for row in rows]
