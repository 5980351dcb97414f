"""DBN files made with the vendor's own classes, and the real one against the vendor's own reader."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.formats import databento_dbn
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.databento_dbn import recognises
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.known_times import AHEAD
from pipeline.ingest.market_tables import ADD, CHANGE, CLEAR, DELETE, GAP, LAST, QUARANTINE, SNAPSHOT, ladder
from pipeline.ingest.raw_stream import RawStream
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order
from tests.ingest.formats.conftest import starts

dbn = pytest.importorskip("databento_dbn", reason="the extra databento is not installed")

REAL = "book/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst"
START = 1_700_000_000_000_000_000
A, C, M, R, T, F = (dbn.Action(each) for each in "ACMRTF")
BID, ASK, NONE = dbn.Side.BID, dbn.Side.ASK, dbn.Side.NONE


def head(schema):
    given = {"stype_in": dbn.SType.RAW_SYMBOL, "stype_out": dbn.SType.INSTRUMENT_ID, "schema": schema}
    return dbn.Metadata(dataset="XNAS.ITCH", start=START, symbols=["AB"], **given).encode()


def order(number, action, order_id=1, price=100.25, size=5, side=BID, flags=130, late=7, instrument=17):
    at = START + number * 1000
    money = int(price * 1e9) if price else dbn.UNDEF_PRICE
    return bytes(
        dbn.MBOMsg(
            1, instrument, at, order_id, money, size, action, side, at + late, flags=flags, sequence=number
        )
    )


SMALL = [
    order(0, R, price=None, size=0, side=NONE, flags=8),
    order(1, A, 1),
    order(2, A, 2, 100.5, 8, ASK),
    order(3, T, 0, 100.5, 3, BID),
    order(4, F, 2, 100.5, 3, ASK),
    order(5, C, 2, 100.5, 3, ASK),
    order(6, M, 1, 100.0, 9),
    order(7, C, 2, 100.5, 5, ASK),
]


@pytest.fixture
def written(tmp_path, tables):
    def run(records, schema=dbn.Schema.MBO, **terms):
        path = tmp_path / "a.dbn.zst"
        with pa.OSFile(str(path), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
            stream.write(head(schema) + b"".join(records))
        return tables(path, **terms)

    return run


def test_it_is_recognised_by_its_first_bytes():
    assert recognises("any", head(dbn.Schema.MBO))
    assert not recognises("any", b"DBX12345")


def test_orders_and_trades_come_out_and_a_partial_cancel_is_a_change(written):
    found = written(SMALL)
    events = found["book_events"].to_pydict()
    assert events["kind"] == [CLEAR, ADD, ADD, CHANGE, CHANGE, DELETE]
    assert events["size"][1:] == [5, 8, 5, 9, 5]
    assert events["price"][1:] == [100.25, 100.5, 100.5, 100.0, 100.5]
    assert events["side"] == [0, 1, -1, -1, 1, -1]
    assert events["flags"] == [0, LAST, LAST, LAST, LAST, LAST]
    assert events["source_row"] == [1, 2, 3, 6, 7, 8]
    trades = found["trades"].to_pydict()
    assert (trades["side"], trades["price"], trades["size"]) == ([1], [100.5], [3])
    assert QUARANTINE not in found


def test_a_file_that_begins_without_a_snapshot_goes_on_with_none(written, begun, tmp_path):
    assert written(SMALL[1:3])["book_events"]["flags"].to_pylist() == [LAST, LAST]
    assert begun(tmp_path / "a.dbn.zst") == [(1, 0, 0.0)]
    written(SMALL)
    assert begun(tmp_path / "a.dbn.zst") == []
    started = [order(0, A, 1, flags=40), order(1, A, 2, flags=40), order(2, A, 3)]
    assert written(started)["book_events"]["flags"].to_pylist() == [SNAPSHOT, SNAPSHOT | LAST, LAST]
    assert (
        written([*SMALL[:2], order(2, A, 3, flags=134)])["book_events"]["flags"].to_pylist()[-1] == LAST | GAP
    )


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        (order(8, C, 1, late=-2 * 10**9), True),
        (order(8, A, 9, side=NONE), True),
        (order(8, A, 9, price=-1.0), True),
        (order(8, A, 9, price=None), True),
        (order(8, A, 9, price=9e9, size=4 * 10**9), True),
        (order(61 * 10**6, C, 1, late=-61 * 10**9), True),
        (order(8, R, late=-2 * 10**9), True),
        (order(8, A, 9, instrument=18), False),
        (order(8, T, 0, late=-2 * 10**9), False),
    ],
)
def test_what_is_held_leaves_a_gap_where_it_would_have_changed_the_book(written, tmp_path, bad, lost):
    found = written([*SMALL, bad, order(9, A, 10, 100.0, 1), order(10, A, 11, 99.0, 1)])
    assert found[QUARANTINE]["source_row"].to_pylist() == [9]
    assert found["book_events"]["flags"].to_pylist()[-2:] == [LAST | GAP * lost, LAST]
    book = OrderBook(1)
    for events in in_order(read(RawStream(str(tmp_path / "a.dbn.zst")), Terms())):
        book.changes(events)
    assert book.trusted != lost


def test_a_snapshot_makes_up_for_what_was_lost_before_it_but_not_for_what_it_lost(written):
    bad = order(3, A, 9, side=NONE)
    clear = order(4, R, price=None, size=0, side=NONE, flags=40)
    first, second, after = order(5, A, 1, flags=40), order(6, A, 2, flags=40), order(7, A, 3)
    whole = [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST, LAST]

    def flags(*records):
        return written(records)["book_events"]["flags"].to_pylist()

    assert flags(SMALL[0], bad, clear, first, second, after)[1:] == whole
    assert flags(SMALL[0], bad, first, second, after)[1:] == whole[1:]
    torn = order(5, A, 9, flags=40, side=NONE)
    lost = [SNAPSHOT, SNAPSHOT | GAP, SNAPSHOT | LAST | GAP]
    assert flags(SMALL[0], clear, torn, first, second, after)[1:4] == lost
    assert flags(SMALL[0], clear, torn, after)[-1] == LAST | GAP


def test_a_snapshot_is_whole_after_its_last_order_alone(written, tmp_path, monkeypatch):
    def flags(*records):
        return written(records)["book_events"]["flags"].to_pylist()

    clear = order(0, R, price=None, size=0, side=NONE, flags=40)
    first, second, after = order(1, A, 1, flags=40), order(3, A, 2, flags=40), order(4, A, 3)
    trade, other = order(2, T, 0, flags=0), order(2, A, 9, instrument=18)
    for size in (1, 2, 3, 4, 5, 9):
        monkeypatch.setattr(databento_dbn, "_RECORDS", size)
        assert flags(clear, first, second, after) == [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST, LAST]
        assert flags(clear, first, second) == [SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST]
        torn = order(3, A, 9, flags=40, side=NONE)
        assert flags(clear, first, torn, after) == [SNAPSHOT, SNAPSHOT, LAST | GAP]
    monkeypatch.setattr(databento_dbn, "_RECORDS", 2)
    assert flags(clear, first, trade, other, second, after)[:3] == [
        SNAPSHOT,
        SNAPSHOT | LAST,
        SNAPSHOT | LAST,
    ]
    book, trusted = OrderBook(1), []
    monkeypatch.setattr(databento_dbn, "_RECORDS", 1)
    written([first, second])
    for events in in_order(read(RawStream(str(tmp_path / "a.dbn.zst")), Terms())):
        book.changes(events)
        trusted.append(book.trusted)
    assert trusted[-2:] == [False, True]


def test_a_gap_is_owed_from_one_part_of_the_file_to_the_next(written, monkeypatch):
    monkeypatch.setattr(databento_dbn, "_RECORDS", 9)
    rows = written([*SMALL, order(8, A, 9, side=NONE), order(9, A, 10, 100.0, 1)])["book_events"]
    assert rows["flags"].to_pylist()[-1] == LAST | GAP


@pytest.mark.parametrize("records", [9, 8, 50_000])
def test_a_gap_that_is_owed_at_the_end_ends_the_file(written, begun, tmp_path, monkeypatch, records):
    monkeypatch.setattr(databento_dbn, "_RECORDS", records)
    written([*SMALL, order(8, T, 0, 100.5, 3), order(9, T, 0, -1.0)])
    assert begun(tmp_path / "a.dbn.zst") == []
    written([*SMALL, order(8, A, 9, side=NONE), order(9, T, 0, 100.5, 3)])
    assert begun(tmp_path / "a.dbn.zst") == [(8, 0, 0.0)]
    *_, events = (each for each in read(RawStream(str(tmp_path / "a.dbn.zst")), Terms()) if starts(each))
    assert events.rows["flags"].to_pylist() == [LAST | GAP]


def log_of(rng, count=60):
    """Return a log of adds, partial and whole cancels, modifies, clears and records that cannot be right."""
    records, live = [order(0, R, price=None, size=0, side=NONE, flags=8)], {}
    for number in range(1, count):
        one = int(rng.choice(sorted(live))) if live else 0
        turn = rng.random()
        if turn < 0.05:
            records.append(order(number, A, 1000 + number, side=NONE))
        elif turn < 0.08:
            records.append(order(number, R, price=None, size=0, side=NONE, flags=8))
            live.clear()
        elif one and turn < 0.4:
            size = int(rng.integers(1, live[one] + 1))
            records.append(order(number, C, one, size=size))
            live[one] -= size
        elif one and turn < 0.55:
            live[one] = int(rng.integers(1, 9))
            records.append(order(number, M, one, size=live[one]))
        else:
            live[number] = int(rng.integers(1, 9))
            records.append(order(number, A, number, size=live[number]))
        live = {name: size for name, size in live.items() if size}
    return records, live


@pytest.mark.parametrize("seed", range(3))
def test_orders_are_carried_from_part_to_part_of_a_file(written, monkeypatch, seed):
    """Parts of any length give the rows of the whole, and the sizes that are left are those of a dict."""
    records, live = log_of(np.random.default_rng(seed))
    whole = written(records)
    left = {}
    for kind, name, size in zip(
        *(whole["book_events"][column].to_pylist() for column in ("kind", "order_id", "size")), strict=True
    ):
        if kind == CLEAR:
            left.clear()
        elif kind == DELETE:
            left.pop(name)
        else:
            left[name] = size
    assert left == live
    for size in (1, 2, 7, 59):
        monkeypatch.setattr(databento_dbn, "_RECORDS", size)
        found = written(records)
        assert set(found) == set(whole)
        for name, rows in whole.items():
            pd.testing.assert_frame_equal(found[name].to_pandas(), rows.to_pandas())


def test_a_book_is_not_carried_into_a_file_that_tells_no_snapshot(written, tmp_path):
    """What is left of an order from before a file is not in it, so its book waits for a clear."""
    clear = order(20, R, price=None, size=0, side=NONE, flags=8)
    book, trusted = OrderBook(1), []
    for records in (SMALL, [order(10, A, 3), order(11, C, 1, 100.0, 4)], [clear, order(21, A, 4)]):
        written(records)
        for events in in_order(read(RawStream(str(tmp_path / "a.dbn.zst")), Terms())):
            book.changes(events)
        trusted.append(book.trusted)
    assert trusted == [True, False, True]


def test_books_of_ten_levels(written):
    levels = [
        dbn.BidAskPair(bid_px=int((100 - n) * 1e9), ask_px=int((101 + n) * 1e9), bid_sz=n + 1, ask_sz=n + 2)
        for n in range(9)
    ]
    levels.append(dbn.BidAskPair(bid_px=dbn.UNDEF_PRICE, ask_px=dbn.UNDEF_PRICE))
    record = dbn.MBP10Msg(1, 17, START, int(100e9), 1, A, BID, 0, START + 1, flags=128, levels=levels)
    traded = dbn.MBP10Msg(1, 17, START + 5, int(101e9), 2, T, BID, 0, START + 6, flags=128, levels=levels)
    found = written([bytes(record), bytes(traded)], dbn.Schema.MBP_10)
    (rows,) = found["book"].combine_chunks().to_batches()
    assert ladder(rows, "bid_price")[0, :9].tolist() == [100.0 - n for n in range(9)]
    assert ladder(rows, "ask_size")[0, :9].tolist() == [n + 2.0 for n in range(9)]
    assert np.isnan(ladder(rows, "ask_size")[0, 9:]).all()
    assert rows["levels"].to_pylist() == [10, 10]
    assert found["trades"]["price"].to_pylist() == [101.0]


def test_the_best_level_alone_is_a_quote(written):
    level = dbn.BidAskPair(bid_px=int(100e9), ask_px=dbn.UNDEF_PRICE, bid_sz=4)
    record = dbn.MBP1Msg(1, 17, START, int(100e9), 1, A, BID, 0, START + 1, flags=128, levels=level)
    quotes = written([bytes(record)], dbn.Schema.MBP_1)["quotes"].to_pydict()
    assert (quotes["bid_price"], quotes["bid_size"]) == ([100.0], [4.0])
    assert np.isnan(quotes["ask_price"]).all()


@pytest.mark.parametrize(
    ("bid", "ask", "flags", "reason"),
    [
        (102.0, 101.0, 128, "crossed quote"),
        (101.0, 101.0, 128, "locked quote"),
        (50.0, 51.0, 132, "the capture says that the book may be bad"),
    ],
)
@pytest.mark.parametrize("action", [A, T])
def test_crossed_locked_and_doubted_quotes_are_held_and_their_trades_stay(
    written, action, bid, ask, flags, reason
):
    records = []
    for number, (low, high, said) in enumerate([(100.0, 101.0, 128), (bid, ask, flags)]):
        level = dbn.BidAskPair(bid_px=int(low * 1e9), ask_px=int(high * 1e9), bid_sz=4, ask_sz=5)
        at = START + number
        records.append(
            bytes(dbn.MBP1Msg(1, 17, at, int(100e9), 1, action, BID, 0, at + 1, flags=said, levels=level))
        )
    found = written(records, dbn.Schema.MBP_1)
    held = found[QUARANTINE].to_pydict()
    assert (held["table"], held["source_row"], held["reason"]) == (["quotes"], [2], [reason])
    assert found["quotes"]["source_row"].to_pylist() == [1]
    assert ("trades" in found) == (action == T)
    if action == T:
        assert found["trades"]["source_row"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (order(8, A, 9, instrument=18), "of another instrument"),
        (order(8, A, 9, late=-2 * 10**9), "clock went back"),
        (order(8, A, 9, side=NONE), "order without a side"),
        (order(8, A, 9, price=-1.0), "price not above zero"),
        (order(61 * 10**6, A, 9, late=-61 * 10**9), AHEAD),
    ],
)
def test_what_cannot_be_right_is_held(written, record, reason):
    held = written([*SMALL, record])[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([9], [reason])


def test_what_a_slow_clock_received_before_it_happened_is_known_when_it_happened(written):
    rows = written([*SMALL, order(8, A, 9, late=-500)])["book_events"].to_pandas()
    assert (rows["known_time"] == rows["event_time"]).tolist() == [False] * (len(rows) - 1) + [True]


def test_half_a_file_or_another_kind_of_record_is_one_clear_error(written, tmp_path, tables):
    with pytest.raises(DataError, match=r"a\.dbn\.zst: ends within record 2"):
        written([SMALL[0], SMALL[1][:20]])
    other = bytes(dbn.TradeMsg(1, 17, START, 5, 1, T, BID, 0, START + 1))
    with pytest.raises(DataError, match=r"record 2 is of another kind"):
        written([SMALL[0], other + bytes(8)])
    with pytest.raises(DataError, match=r"\(type 0, 272 bytes\): ask for one schema"):
        written([SMALL[0], bytes([68]) + bytes(len(SMALL[1]) - 1)])
    with pytest.raises(DataError, match="holds no records"):
        written([])
    path = tmp_path / "half.dbn"
    path.write_bytes(head(dbn.Schema.MBO)[:40])
    with pytest.raises(DataError, match=r"half\.dbn: ends within its header"):
        tables(path)


def test_without_the_package_one_line_says_what_to_install(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(DataError, match=r'pip install "regime-hedge\[databento\]"'):
        written(SMALL)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_ends_in_one_error_or_in_rows(tmp_path, tables, seed):
    dice = np.random.default_rng(seed)
    content = bytearray(head(dbn.Schema.MBO) + b"".join(SMALL * 2))
    for _ in range(dice.integers(1, 5)):
        content[dice.integers(len(content))] = dice.integers(256)
    path = tmp_path / "small.dbn"
    path.write_bytes(content[: dice.integers(1, len(content))] if dice.random() < 0.3 else content)
    try:
        found = tables(path, "databento_dbn")
    except DataError as error:
        fault = str(error)
    else:
        fault = "small.dbn"
        assert sum(table.num_rows for table in found.values())
    assert "small.dbn" in fault
    assert "\n" not in fault


@pytest.mark.slow
def test_the_real_file_against_the_vendor_s_reader(shared, tables):
    databento = pytest.importorskip("databento")
    theirs = databento.DBNStore.from_bytes((shared / REAL).read_bytes()).to_ndarray()
    found = tables(shared / REAL)
    assert QUARANTINE not in found
    events = found["book_events"]
    order = np.isin(theirs["action"], [b"A", b"C", b"M"])
    assert events["order_id"].to_pylist() == theirs["order_id"][order].tolist()
    assert np.array_equal(events["price"].to_numpy(), theirs["price"][order] / 1e9)
    assert np.array_equal(events["size"].to_numpy(), theirs["size"][order])
    assert np.array_equal(events["known_time"].to_numpy().astype(np.int64), theirs["ts_recv"][order])
    traded = theirs["action"] == b"T"
    assert np.array_equal(found["trades"]["size"].to_numpy(), theirs["size"][traded])
    filled = np.sum(theirs["action"] == b"F")
    assert events.num_rows + found["trades"].num_rows + filled == len(theirs)


@pytest.mark.slow
def test_real_trades_are_at_the_best_price_of_the_book_rebuilt(shared, tables):
    found = tables(shared / REAL)
    events = [
        found["book_events"][n].to_pylist() for n in ("source_row", "kind", "side", "price", "order_id")
    ]
    rows, at, orders, inside = list(zip(*events, strict=True)), 0, {}, []
    trades = [found["trades"][n].to_pylist() for n in ("source_row", "side", "price")]
    for row, side, price in zip(*trades, strict=True):
        while at < len(rows) and rows[at][0] < row:
            _, kind, own, level, number = rows[at]
            at += 1
            if kind == DELETE:
                orders.pop(number, None)
            else:
                orders[number] = (own, level)
        best = min((-each * level for each, level in orders.values() if each == -side), default=np.nan)
        inside.append(side == 0 or abs(best) == price)
    assert np.mean(inside) > 0.9
