"""Deribit's notifications: books that come whole and by changes that name the one before, trades, quotes."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingest.formats.deribit_stream import Stream, recognises, symbol, venue
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import CLEAR, GAP, LAST, LEVEL, QUARANTINE, SNAPSHOT, START
from pipeline.ingest.raw_stream import RawStream

BEGAN = 1_700_000_000_000
FAR = "the venue's time is far from that of receipt"


def line(ms, channel, data):
    said = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    return f"{(BEGAN + ms + 2) * 10**6} {json.dumps(said)}"


def book(ms, at, before=None, bids=(), asks=(), name="XY"):
    data = {"type": "snapshot" if before is None else "change", "timestamp": BEGAN + ms, "change_id": at,
            "instrument_name": name, "bids": list(bids), "asks": list(asks)}  # fmt: skip
    return line(ms, f"book.{name}.100ms", data if before is None else data | {"prev_change_id": before})


def trades(ms, *numbers, name="XY"):
    said = [
        {"trade_seq": number, "timestamp": BEGAN + ms - 1, "price": 10.0, "amount": 2.5, "direction": "sell",
         "instrument_name": name}
        for number in numbers
    ]  # fmt: skip
    return line(ms, f"trades.{name}.100ms", said)


def quote(ms, bid=9.0, size=1.0):
    said = {"timestamp": BEGAN + ms, "instrument_name": "XY", "best_bid_price": bid, "best_bid_amount": size,
            "best_ask_price": 11.0, "best_ask_amount": 2.0}  # fmt: skip
    return line(ms, "quote.XY", said)


WHOLE = book(0, 5, bids=[["new", 9.0, 1.0], ["new", 8.0, 2.0]], asks=[["new", 11.0, 3.0]])


@pytest.fixture
def streamed(tmp_path, tables):
    def run(*lines, **terms):
        path = tmp_path / "stream.log"
        path.write_text("\n".join(lines) + "\n")
        return tables(path, **terms)

    return run


def flags(rows):
    return list(
        zip(rows["kind"].to_pylist(), rows["flags"].to_pylist(), rows["size"].to_pylist(), strict=True)
    )


def test_its_first_line_and_instrument_are_recognised(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(trades(1, 7, name="BTC_USDC") + "\n")
    file = RawStream(str(path))
    assert recognises("a.log", file.head())
    assert symbol(file, Terms()) == "BTC_USDC"
    assert venue(file, Terms()) == "deribit"
    assert not recognises("a.log", b'1700000000000 {"e":"trade"}\n')


def test_a_book_comes_whole_and_then_by_changes(streamed):
    change = book(100, 6, 5, bids=[["delete", 8.0, 0.0], ["change", 9.0, 4.0]])
    rows = streamed(WHOLE, change)["book_events"]
    first = [(CLEAR, SNAPSHOT), (LEVEL, SNAPSHOT), (LEVEL, SNAPSHOT), (LEVEL, SNAPSHOT | LAST)]
    assert [each[:2] for each in flags(rows)[:4]] == first
    assert flags(rows)[4:] == [(LEVEL, 0, 0.0), (LEVEL, LAST, 4.0)]
    assert rows["side"].to_pylist() == [0, 1, 1, -1, 1, 1]
    assert rows["sequence"].to_pylist() == [5] * 4 + [6] * 2


def test_a_change_that_does_not_follow_leaves_a_gap_and_one_that_came_is_held(streamed):
    found = streamed(WHOLE, book(100, 9, 7, bids=[["new", 9.5, 1.0]]), book(200, 9, 7), book(300, 10, 9))
    kinds = [each[:2] for each in flags(found["book_events"])[4:]]
    assert kinds == [(START, LAST | GAP), (LEVEL, LAST)]
    assert found[QUARANTINE]["reason"].to_pylist() == ["update that came before"]


def test_a_file_that_begins_with_a_change_names_the_one_that_it_follows(streamed, tmp_path, begun):
    streamed(book(100, 9, 7, bids=[["new", 9.5, 1.0]]))
    assert begun(tmp_path / "stream.log") == [(1, 7, 0.0)]


def test_where_the_line_was_lost_nothing_is_trusted(streamed):
    lost = f'{(BEGAN + 50) * 10**6} {{"e":"connectionLost"}}'
    rows = flags(streamed(WHOLE, lost, book(100, 6, 5, bids=[["new", 9.5, 1.0]]))["book_events"])
    assert rows[4][:2] == (START, LAST | GAP)


def test_trades_and_quotes_are_read(streamed):
    found = streamed(trades(0, 7, 8), trades(5, 8), quote(10), quote(20, bid=0.0, size=0.0))
    assert found["trades"]["trade_id"].to_pylist() == [7, 8]
    assert found["trades"]["side"].to_pylist() == [-1, -1]
    assert found[QUARANTINE]["reason"].to_pylist() == ["trade reported twice"]
    np.testing.assert_array_equal(found["quotes"]["bid_price"].to_numpy(), [9.0, np.nan])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (trades(5, 9, name="ZZ"), "of another instrument"),
        (WHOLE[:60], "not whole JSON"),
        ("x {}", "does not begin with a time"),
        (f"{BEGAN} {{}}", "message of no kind that is known"),
        (book(5, 6, 5, bids=[["new", "9", 1.0]]), "message without all its fields"),
        (book(5, 6, 5, bids=[["new", 9.0]]), "message without all its fields"),
        (book(90_000, 6, 5).replace(str(BEGAN + 90_002), str(BEGAN + 2)), FAR),
        (book(-5_000, 6, 5), "clock went back"),
        (book(5, 6, 5, bids=[["new", 900.0, 1.0]]), "price in another unit than those around it"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_held(streamed, bad, reason):
    found = streamed(WHOLE, trades(1, 7), bad, trades(6, 8))
    assert found[QUARANTINE]["reason"].to_pylist() == [reason]
    assert len(found["trades"]) == 2


def test_answers_to_the_recorder_are_passed_over(streamed):
    answer = f'{BEGAN * 10**6} {{"jsonrpc": "2.0", "id": 1, "result": ["book.XY.100ms"]}}'
    assert set(streamed(answer, WHOLE)) == {"book_events"}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["snapshot", "change", "new", "delete", "XY", "book.XY", "buy"]),
)
KEYS = (
    "jsonrpc", "params", "channel", "data", "type", "timestamp", "change_id", "prev_change_id", "bids",
    "asks", "instrument_name", "trade_seq", "price", "amount", "direction", "best_bid_price", "e", "id",
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(JSON, max_size=4), st.sampled_from(["book.XY.raw", "trades.XY.raw", "quote.XY"]))
def test_no_message_breaks_the_reading(values, channel):
    lines = [line(k, channel, value) for k, value in enumerate(values)]
    lines += [f"{(BEGAN + 9) * 10**6} {json.dumps(value)}" for value in values]
    stream = Stream("fuzz.log", Terms(instrument="XY"))
    found = list(stream.take(1, "\n".join([WHOLE, *lines, trades(50, 7)]).encode()))
    assert found[0].table == "book_events"
