"""Files as Tardis writes them, made here, read by a naive loop as well."""

import csv
import gzip
import io

import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest import delimited, raw_stream
from pipeline.ingest.formats.tardis_book import read, recognises
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import CLEAR, GAP, LAST, LEVEL, QUARANTINE, SNAPSHOT, ladder
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order

START = 1_582_329_602_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
BOOK = (
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
    "asks[1].price,asks[1].amount,bids[1].price,bids[1].amount"
)


def change(at, side, price, size, snapshot="false", late=500, symbol="XBTUSD"):
    return f"bitmex,{symbol},{START + at},{START + at + late},{snapshot},{side},{price},{size}"


SMALL = [
    change(0, "bid", 9, 1, "true"),
    change(0, "ask", 11, 2, "true"),
    change(10, "bid", 9, 0),
    change(10, "bid", 8, 3),
    change(20, "ask", 11, 1),
]


def text(lines, head=HEAD):
    return "\n".join([head, *lines]).encode() + b"\n"


@pytest.fixture
def written(tmp_path, tables):
    def run(lines, head=HEAD, **terms):
        path = tmp_path / "a.csv.gz"
        path.write_bytes(gzip.compress(text(lines, head)))
        return tables(path, **terms)

    return run


def test_the_header_is_recognised():
    assert recognises("any", text(SMALL))
    assert recognises("any", text([], BOOK))
    assert not recognises("any", b"a,b\n")


def test_a_snapshot_clears_the_book_and_messages_end_with_last(written):
    events = written(SMALL)["book_events"].to_pydict()
    assert events["kind"] == [CLEAR, LEVEL, LEVEL, LEVEL, LEVEL, LEVEL]
    assert events["flags"] == [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST, 0, LAST, LAST]
    assert events["side"] == [0, 1, -1, 1, 1, -1]
    assert events["price"][1:] == [9, 11, 9, 8, 11]
    assert events["size"][1:] == [1, 2, 0, 3, 1]
    assert events["source_row"] == [2, 2, 3, 4, 5, 6]


def test_a_message_may_go_on_in_the_next_block(written, monkeypatch):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(0, 2, 400))
    lines = [change(int(at), "bid", 5 + int(rng.integers(9)), 1) for at in times]
    whole = written(lines)["book_events"]
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (512,))
    assert written(lines)["book_events"].equals(whole)
    last = [flags & LAST > 0 for flags in whole["flags"].to_pylist()]
    assert last == [*(np.diff(times) > 0), True]


@pytest.mark.parametrize(
    "odd",
    [
        change(100, "bid", " 9", 1),
        change(100, "bid", "x", 1),
        change(100, "bid", 9, "inf"),
        change(100, "bid", 9, ""),
        change(100, "bid", 9, 1).replace(",1582", ",x1582", 1),
        change(100, "bid", 9, 1) + ",",
        change(100, "bid", 9, 1, symbol="é"),
    ],
)
def test_blocks_of_numbers_give_what_blocks_of_text_give(written, monkeypatch, odd):
    rng = np.random.default_rng(5)
    lines = [change(int(at), "bid", 5 + int(rng.integers(9)), 1) for at in np.cumsum(rng.integers(0, 2, 200))]
    lines.insert(100, odd)
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (512,))
    found = written(lines)
    monkeypatch.setattr(delimited._Columns, "values", delimited._Columns.texts)
    assert found == written(lines)
    assert found[QUARANTINE]["source_row"].to_pylist() == [102]


def test_a_file_that_begins_without_a_snapshot_may_go_on_with_one_just_before(written, begun, tmp_path):
    assert written(SMALL[2:])["book_events"]["flags"].to_pylist() == [0, LAST, LAST]
    assert begun(tmp_path / "a.csv.gz", follows_within_seconds=3.0) == [(2, 0, 3.0)]
    written(SMALL)
    assert begun(tmp_path / "a.csv.gz") == []


def test_a_level_change_is_known_when_it_happened_where_the_clock_is_behind(written):
    found = written([change(0, "bid", 9, 1, late=-300)])["book_events"]
    assert found["known_time"].to_pylist() == found["event_time"].to_pylist()


def test_books_of_n_levels(written):
    row = f"bitmex,XBTUSD,{START},{START + 5},11,2,9,1,12,4,,"
    (book,) = written([row], BOOK)["book"].combine_chunks().to_batches()
    assert ladder(book, "ask_price")[0, :2].tolist() == [11, 12]
    assert ladder(book, "bid_size")[0, 0] == 1
    assert np.isnan(ladder(book, "bid_price")[0, 1:]).all()
    assert (book["levels"].to_pylist(), book["trusted"].to_pylist()) == ([2], [True])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (change(30, "bid", "x", 1), "not a number: price"),
        (change(30, "buy", 9, 1), "side is none of bid, ask"),
        (change(30, "bid", 9, -1), "negative size"),
        (change(30, "bid", 9, "5e78"), "worth more than any trade: size or price is wrong"),
        (change(30, "bid", 900, 1), "price in another unit than those around it"),
        (change(30, "ask", "0.11", 1), "price in another unit than those around it"),
        (change(30, "bid", -9, 1), "price not above zero"),
        (change(-5_000_000, "bid", 9, 1), "clock goes back"),
        (change(30, "bid", 9, 1) + ",1", "wrong number of fields"),
    ],
)
def test_what_cannot_be_right_is_held_and_a_gap_follows(written, bad, reason):
    found = written([*SMALL, bad, change(40, "bid", 7, 1)], instrument="XBTUSD")
    held = found[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([7], [reason])
    assert found["book_events"]["flags"].to_pylist()[-1] == LAST | GAP


@pytest.fixture
def trusted(written, tmp_path):
    """Whether the book is trusted after some lines."""

    def run(lines):
        written(lines, instrument="XBTUSD")
        book = OrderBook(1)
        for events in in_order(read(RawStream(str(tmp_path / "a.csv.gz")), Terms(instrument="XBTUSD"))):
            book.changes(events)
        return book.trusted

    return run


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (change(30, "bid", 9, 1, symbol="ETHUSD"), "another instrument than XBTUSD"),
        (change(30, "bid", 9, 1).replace("bitmex", "ftx"), "another exchange than bitmex"),
        (change(30, "bid", 9, 1, "true", symbol="ETHUSD"), "another instrument than XBTUSD"),
    ],
)
def test_rows_of_others_leave_no_gap(written, trusted, bad, reason):
    lines = [SMALL[0], bad, SMALL[1], bad, *SMALL[2:], bad, change(40, "bid", 7, 1)]
    found = written(lines, instrument="XBTUSD")
    assert found[QUARANTINE]["reason"].to_pylist() == [reason] * 3
    whole = written([*SMALL, change(40, "bid", 7, 1)])["book_events"]
    assert found["book_events"]["flags"].equals(whole["flags"])
    assert trusted(lines)


TORN = [
    change(50, "bid", "x", 1, "true"),
    change(50, "bid", 9, 1, "maybe"),
    change(50, "bid", 9, 1, "true") + ",1",
    change(50, "bid", 9, 1, "true").replace("XBTUSD", ""),
]


@pytest.mark.parametrize("size", [70, 140, 1 << 20])
@pytest.mark.parametrize("torn", TORN)
@pytest.mark.parametrize("place", range(4))
def test_a_snapshot_that_lost_a_level_is_no_whole_book(written, monkeypatch, torn, place, size):
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (size,))
    snapshot = [change(50, "bid", 6 + level, 1, "true") for level in range(3)]
    snapshot.insert(place, torn)
    found = written([*SMALL, *snapshot, change(60, "bid", 9, 2)], instrument="XBTUSD")
    flags = found["book_events"]["flags"].to_pylist()[len(SMALL) + 1 :]
    gap, rest, last = GAP * (place < 1), 3 - place, LAST * (place < 3)
    wanted = [SNAPSHOT | gap, *[SNAPSHOT] * place, *[SNAPSHOT | GAP] * rest]
    wanted[-1] |= last
    assert flags == [*wanted, LAST | GAP]


@pytest.mark.parametrize("place", range(3))
def test_trust_comes_back_with_the_next_snapshot_that_is_whole(trusted, place):
    def snapshot(at, *torn):
        rows = [change(at, "bid", 6, 1, "true"), change(at, "bid", 7, 1, "true")]
        return [*rows[:place], *torn, *rows[place:]]

    lines = [*snapshot(50, TORN[0]), change(60, "bid", 8, 1), *snapshot(70)]
    assert [trusted(lines[:stop]) for stop in (3, 4, 6)] == [False, False, True]


def snapshots(*times, levels=2):
    return [change(at, "bid", 6 + level, 1, "true") for at in times for level in range(levels)]


@pytest.mark.parametrize("size", [70, 140, 1 << 20])
def test_each_message_of_a_feed_of_snapshots_is_one(written, trusted, monkeypatch, size):
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (size,))
    events = written(snapshots(50, 70, 90))["book_events"]
    assert events["kind"].to_pylist() == [CLEAR, LEVEL, LEVEL] * 3
    assert events["flags"].to_pylist() == [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST] * 3
    assert trusted(snapshots(50, 70))


@pytest.mark.parametrize("size", [70, 140, 1 << 20])
@pytest.mark.parametrize("place", range(3))
def test_the_next_snapshot_of_a_feed_makes_up_for_one_that_lost_a_level(trusted, monkeypatch, place, size):
    """A row whose time cannot be read may be of the snapshot before it too, and of the one after it."""
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (size,))
    torn = snapshots(70)
    torn.insert(place, change(70, "bid", "x", 1, "true"))
    lines = [*snapshots(50), *torn, *snapshots(90)]
    assert [trusted(lines[:stop]) for stop in (2, 5, 7)] == [True, False, True]
    unread = torn[place] + ",1"
    lines = [*snapshots(50), *torn[:place], unread, *torn[place + 1 :], *snapshots(90, 110)]
    assert [trusted(lines[:stop]) for stop in (5, 7, 9)] == [False, place < 2, True]


def test_a_loss_before_a_snapshot_is_made_up_for_by_it(written):
    for odd in (change(30, "bid", "x", 1), change(30, "bid", 9, 1) + ",1", HEAD):
        flags = written([*SMALL, odd, *SMALL[:2]])["book_events"]["flags"].to_pylist()
        assert flags[-3:] == [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST]


def test_a_loss_is_owed_by_a_block_that_holds_nothing_else(written, monkeypatch):
    monkeypatch.setattr(raw_stream.RawStream.line_blocks, "__defaults__", (70,))
    bad = [change(30 + each, "bid", "x", 1) for each in range(4)]
    assert (
        written([*SMALL, *bad, change(40, "bid", 7, 1)])["book_events"]["flags"].to_pylist()[-1] == LAST | GAP
    )


def test_two_instruments_need_a_name(written):
    with pytest.raises(DataError, match="set instrument in its terms"):
        written([*SMALL, change(30, "bid", 9, 1, symbol="ETHUSD")])


def test_orders_far_from_the_market_on_their_own_side_stay(written):
    found = written([*SMALL, change(30, "bid", "0.09", 1), change(40, "ask", 1100, 1)])
    assert QUARANTINE not in found
    assert found["book_events"]["price"].to_pylist()[-2:] == [0.09, 1100]


def test_a_whole_book_in_another_unit_is_held(written):
    books = [(11, 9, 12), (11, 9, 12), (1100, 900, 1200), (11, 9, 12)]
    rows = [
        f"bitmex,XBTUSD,{START + at},{START + at + 5},{ask},2,{bid},1,{next_},4,,"
        for at, (ask, bid, next_) in enumerate(books)
    ]
    found = written(rows, BOOK)
    assert found[QUARANTINE]["reason"].to_pylist() == ["price in another unit than those around it"]
    assert found[QUARANTINE]["source_row"].to_pylist() == [4]
    assert found["book"].num_rows == 3


@pytest.mark.parametrize("name", ["symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "amount"])
def test_a_column_that_a_damaged_header_lacks_is_named(tmp_path, tables, name):
    path = tmp_path / "small.csv"
    path.write_bytes(text(SMALL, HEAD.replace(f",{name}", ",xx", 1)))
    with pytest.raises(DataError, match=rf"small\.csv: line 1 has no column {name}:"):
        tables(path, "tardis_book")


@pytest.mark.parametrize("name", ["symbol", "local_timestamp", "asks[0].price", "bids[1].amount"])
def test_a_column_that_a_damaged_header_of_books_lacks_is_named(tmp_path, tables, name):
    path = tmp_path / "small.csv"
    path.write_bytes(
        text([f"bitmex,XBTUSD,{START},{START + 5},11,2,9,1,12,4,,"], BOOK.replace(name, "xx", 1))
    )
    with pytest.raises(DataError) as fault:
        tables(path, "tardis_book")
    assert str(fault.value).startswith(f"small.csv: line 1 has no column {name}:")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "rows", [(SMALL, HEAD), ([f"bitmex,XBTUSD,{START},{START + 5},11,2,9,1,12,4,,"], BOOK)]
)
def test_flips_in_the_header_and_binary_junk_end_in_one_error_or_in_rows(tmp_path, tables, seed, rows):
    dice, path = np.random.default_rng(seed), tmp_path / "small.csv"
    content = bytearray(text(*rows)) if seed else bytearray(dice.bytes(3000))
    for _ in range(dice.integers(1, 4)):
        content[dice.integers(len(rows[1]))] = dice.integers(256)
    path.write_bytes(content)
    fault = "small.csv"
    try:
        tables(path, "tardis_book")
    except DataError as error:
        fault = str(error)
    assert "small.csv" in fault
    assert "\n" not in fault


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_ends_in_one_error_or_in_rows(tmp_path, tables, seed):
    dice = np.random.default_rng(seed)
    content = bytearray(text(SMALL * 3))
    for _ in range(dice.integers(1, 5)):
        content[dice.integers(len(HEAD) + 1, len(content))] = dice.integers(256)
    path = tmp_path / "small.csv"
    path.write_bytes(
        content[: dice.integers(len(HEAD) + 9, len(content))] if dice.random() < 0.3 else content
    )
    found = tables(path, "tardis_book", instrument="XBTUSD")
    said = {row for table in found.values() for row in table["source_row"].to_pylist()}
    lines = path.read_bytes().split(b"\n")
    assert said == {n for n, each in enumerate(lines, 1) if n > 1 and each.decode("utf-8", "replace").strip()}


def test_every_change_is_that_of_a_naive_loop(written):
    rng = np.random.default_rng(2)
    lines = [
        change(
            int(at), ("bid", "ask")[int(rng.integers(2))], f"{rng.uniform(1, 9):.2f}", f"{rng.integers(0, 3)}"
        )
        for at in np.sort(rng.integers(0, 10**6, 3000))
    ]
    wanted = [
        (int(row["timestamp"]), 1 if row["side"] == "bid" else -1, float(row["price"]), float(row["amount"]))
        for row in csv.DictReader(io.StringIO(text(lines).decode()))
    ]
    events = written(lines)["book_events"]
    stamps = (events["event_time"].to_numpy().astype(np.int64) // 1000).tolist()
    assert (
        list(zip(stamps, *(events[n].to_pylist() for n in ("side", "price", "size")), strict=True)) == wanted
    )
