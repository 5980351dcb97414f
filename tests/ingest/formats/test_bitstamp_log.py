"""The order log against a naive reading of its lines, and the book rebuilt from it against the venue's."""

import bz2
from collections import defaultdict
from functools import cache

import numpy as np
import orjson
import pytest

from pipeline.ingest.formats.bitstamp_log import recognises
from pipeline.ingest.market_tables import ADD, CHANGE, DELETE, GAP, QUARANTINE, ladder

START = 1_600_000_000_000
LOG = "book/bitstamp_btcusd/2015-05-01.log.bz2"


def order(ms, event, number, price, size, side=0):
    rest = {"price": f"{price:.2f}", "amount": f"{size:.8f}", "datetime": "1600000000", "id": number}
    return f"{START + ms} order_{event} {orjson.dumps(rest | {'order_type': side}).decode()}"


def trade(ms, number, price, size):
    return f'{START + ms} trade {{"price": {price}, "amount": {size}, "id": {number}}}'


def book(ms, bids, asks):
    sides = {"bids": bids, "asks": asks}
    said = {name: [[f"{p:.2f}", f"{s:.8f}"] for p, s in levels] for name, levels in sides.items()}
    return f"{START + ms} order_book {orjson.dumps(said).decode()}"


SMALL = [
    order(0, "created", 1, 100, 2),
    order(5, "created", 2, 101, 3, 1),
    book(9, [(100, 2)], [(101, 3), (102, 1)]),
    order(20, "created", 3, 101, 1),
    order(30, "changed", 2, 101, 2, 1),
    order(31, "deleted", 3, 101, 0),
    trade(40, 7, 101.0, 1.0),
    order(50, "deleted", 1, 100, 2),
]


@pytest.fixture
def logged(tmp_path, tables):
    def run(lines, **terms):
        path = tmp_path / "a.log"
        path.write_bytes("\n".join(lines).encode() + b"\n")
        return tables(path, "bitstamp_log", **terms)

    return run


def test_its_first_line_is_recognised():
    assert recognises("any", SMALL[0].encode())
    assert not recognises("any", b'1723161253937085768 {"stream":"x"}')


def test_a_log_begins_with_its_first_line_whatever_it_is(logged, begun, tmp_path):
    logged(SMALL[2:])
    assert begun(tmp_path / "a.log", "bitstamp_log") == [(1, 0, 10.0)]


def test_orders_trades_and_books_come_out(logged):
    found = logged(SMALL)
    events = found["book_events"].to_pydict()
    assert events["kind"] == [ADD, ADD, ADD, CHANGE, DELETE, DELETE]
    assert events["order_id"] == [1, 2, 3, 2, 3, 1]
    assert events["side"] == [1, -1, 1, -1, 1, 1]
    assert events["size"] == [2, 3, 1, 2, 0, 2]
    assert events["source_row"] == [1, 2, 4, 5, 6, 8]
    (book,) = found["book"].combine_chunks().to_batches()
    assert ladder(book, "ask_price")[0, :3].tolist()[:2] == [101, 102]
    assert book["levels"].to_pylist() == [2]
    assert QUARANTINE not in found


def test_the_younger_order_took(logged):
    assert logged(SMALL)["trades"]["side"].to_pylist() == [1]
    mirrored = [order(0, "created", 1, 100, 2, 0), order(1, "created", 2, 100, 1, 1)]
    mirrored += [
        order(2, "changed", 1, 100, 1, 0),
        order(3, "deleted", 2, 100, 0, 1),
        trade(4, 1, 100.0, 1.0),
    ]
    assert logged(mirrored)["trades"]["side"].to_pylist() == [-1]


def test_a_trade_at_another_price_than_the_older_order_s_has_no_side(logged):
    assert logged([*SMALL[:6], trade(40, 7, 100.5, 1.0)])["trades"]["side"].to_pylist() == [0]
    assert logged([*SMALL[:6], trade(5000, 7, 101.0, 1.0)])["trades"]["side"].to_pylist() == [0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (SMALL[7], "order deleted twice"),
        (order(60, "created", 1, 100, 2), "order created or changed after it was deleted"),
        (SMALL[1].replace(str(START), str(START + 9)), "order created twice"),
        (SMALL[6], "trade reported twice"),
        (order(-2000, "created", 4, 100, 2), "clock went back"),
        (f"{START + 60} order_created {{}}", "message without all its fields"),
        (order(60, "created", 4, 100, 2).replace('"100.00"', '"1oo.00"'), "message without all its fields"),
        (order(60, "created", 4, 100, 2)[:-3], "not whole JSON"),
        ("junk", "does not begin with a time"),
        (order(60, "moved", 4, 100, 2), "message of no kind that is known"),
        (order(60, "created", 4, -100, 2), "price not above zero"),
        (order(60, "created", 4, 100, -2), "negative size"),
        (order(60, "created", 4, 10_000, 2), "price in another unit than those around it"),
        (order(60, "created", 4, 1, 2, 1), "price in another unit than those around it"),
        (trade(60, 8, 10_100.0, 1.0), "price in another unit than those around it"),
        (trade(60, 8, 1.01, 1.0), "price in another unit than those around it"),
        (f'{START + 60} order_book {{"bids": [], "asks": []}}', "book without pairs of price and size"),
        (book(60, [(100, 1), (101, 1)], []), "levels out of order"),
        (order(60, "created", 4, 100, 2)[3:], "time not in milliseconds"),
    ],
)
def test_what_cannot_be_right_is_held(logged, line, reason):
    held = logged([*SMALL, line])[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([9], [reason])


def test_orders_far_from_the_market_on_their_own_side_stay(logged):
    lines = [*SMALL, order(60, "created", 4, 1, 2), order(61, "created", 5, 10_000, 2, 1)]
    assert QUARANTINE not in logged(lines)


def test_after_a_line_that_cannot_be_read_the_book_is_not_trusted(logged):
    lines = [*SMALL[:4], order(21, "created", 4, 99, 1)[:-2], *SMALL[4:]]
    flags = logged(lines)["book_events"]["flags"].to_pylist()
    assert flags == [1, 1, 1, 1 | GAP, 1, 1]
    twice = logged([*SMALL, SMALL[7], order(60, "created", 4, 99, 1)])["book_events"]["flags"].to_pylist()
    assert twice == [1] * 7


def test_one_slip_of_the_clock_into_the_future_costs_one_line(logged):
    lines = [*SMALL[:3], order(10**9, "created", 9, 99, 1), *SMALL[3:]]
    held = logged(lines)[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([4], ["clock went back"])


def test_a_silence_and_a_lost_order_are_gaps(logged):
    silence = [*SMALL, order(10_051, "created", 4, 99, 1), order(10_052, "created", 5, 98, 1)]
    assert logged(silence)["book_events"]["flags"].to_pylist()[-2:] == [1 | GAP, 1]
    lost = [*SMALL, order(60, "created", 5, 99, 1), order(1061, "created", 6, 98, 1)]
    assert logged(lost)["book_events"]["flags"].to_pylist()[-2:] == [1, 1 | GAP]
    overtaken = [
        *SMALL,
        order(60, "created", 5, 99, 1),
        order(61, "created", 4, 98, 1),
        order(1500, "created", 6, 97, 1),
    ]
    assert not any(f & GAP for f in logged(overtaken)["book_events"]["flags"].to_pylist())


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_log_ends_in_one_error_or_keeps_every_line(survives, seed):
    survives(seed, "small.log", "\n".join(SMALL * 3).encode() + b"\n", "bitstamp_log", header=0)


@cache
def naive(path):
    return [
        (row, int(stamp), event.decode(), orjson.loads(rest))
        for row, line in enumerate(bz2.open(path), 1)
        for stamp, event, rest in [line.split(b" ", 2)]
    ]


@pytest.mark.slow
def test_the_real_log_line_by_line(shared, tables):
    messages, found = naive(shared / LOG), tables(shared / LOG)
    held = found[QUARANTINE].to_pydict()
    assert sorted(set(held["reason"])) == [
        "order created or changed after it was deleted",
        "order deleted twice",
    ]
    assert sum(table.num_rows for table in found.values()) == len(messages) == 189_624
    out = set(held["source_row"])
    kinds = {"order_created": ADD, "order_changed": CHANGE, "order_deleted": DELETE}
    wanted = [
        (
            row,
            ms,
            kinds[event],
            float(said["price"]),
            float(said["amount"]),
            said["id"],
            1 - 2 * said["order_type"],
        )
        for row, ms, event, said in messages
        if event in kinds and row not in out
    ]
    events = found["book_events"]
    stamps = events["event_time"].to_numpy().astype("datetime64[ms]").astype(int).tolist()
    names = ("kind", "price", "size", "order_id", "side")
    columns = [events[name].to_pylist() for name in names]
    assert list(zip(events["source_row"].to_pylist(), stamps, *columns, strict=True)) == wanted
    prices = [row[3]["price"] for row in messages if row[2] == "trade"]
    assert found["trades"]["price"].to_pylist() == prices
    books = found["book"].combine_chunks().to_batches()[0]
    for name in ("bid", "ask"):
        levels = np.array([row[3][f"{name}s"] for row in messages if row[2] == "order_book"], float)
        assert np.array_equal(ladder(books, f"{name}_price")[:, :20], levels[:, :, 0])
        assert np.array_equal(ladder(books, f"{name}_size")[:, :20], levels[:, :, 1])


@pytest.mark.slow
def test_sides_of_real_trades_are_those_of_the_two_orders_that_shrank_by_its_size(shared, tables):
    """Exact but slow: the fill is found by its size, with every order's size followed from its creation."""
    trades = tables(shared / LOG)["trades"]
    mine = dict(zip(trades["source_row"].to_pylist(), trades["side"].to_pylist(), strict=True))
    sizes, shrunk, checked = {}, [], 0
    for row, ms, event, said in naive(shared / LOG):
        if event == "trade":
            close = [each for each in shrunk if ms - each[0] < 5000 and abs(each[3] - said["amount"]) < 2e-8]
            bought, sold = ([each for each in close if each[2] == kind] for kind in (0, 1))
            if len(bought) == len(sold) == 1 and mine[row]:
                checked += 1
                assert mine[row] == (1 if bought[0][1] > sold[0][1] else -1)
            shrunk = [each for each in shrunk if ms - each[0] < 5000]
        elif event != "order_book":
            left = float(said["amount"])
            before = sizes.pop(said["id"], left)
            if event != "order_deleted":
                sizes[said["id"]] = left
            if event == "order_changed" or (event == "order_deleted" and left == 0.0):
                shrunk.append((ms, said["id"], said["order_type"], before - left))
    assert checked > 2400
    assert np.mean(np.array(list(mine.values())) != 0) > 0.97


@pytest.mark.slow
def test_the_book_rebuilt_from_real_orders_is_the_venue_s_own(shared, tables):
    """A book of dictionaries, started again from each of the venue's books, tells the next one."""
    found = tables(shared / LOG)
    books = found["book"].combine_chunks().to_batches()[0]
    sides = {1: (ladder(books, "bid_price"), ladder(books, "bid_size"), "bid")}
    sides[-1] = (ladder(books, "ask_price"), ladder(books, "ask_size"), "ask")
    names = ("source_row", "kind", "side", "order_id", "price", "size")
    events = list(zip(*(found["book_events"][name].to_pylist() for name in names), strict=True))
    levels, orders, at, agree = {1: defaultdict(float), -1: defaultdict(float)}, {}, 0, []
    for book, row in enumerate(books["source_row"].to_pylist()):
        while at < len(events) and events[at][0] < row:
            _, kind, side, number, price, size = events[at]
            at += 1
            old = orders.pop(number, (side, price, size if kind == DELETE else 0.0))
            levels[side][old[1]] -= 0.0 if kind == ADD else old[2]
            if kind != DELETE:
                levels[side][price] += size
                orders[number] = (side, price, size)
        if book:
            best = [
                max((side * price for price, size in levels[side].items() if size > 1e-9), default=None)
                == side * sides[side][0][book, 0]
                for side in (1, -1)
            ]
            agree.append(all(best))
        for side, (prices, sizes, _) in sides.items():
            edge = prices[book, 19]
            levels[side] = defaultdict(
                float, {p: s for p, s in levels[side].items() if side * p < side * edge}
            )
            levels[side].update(zip(prices[book, :20].tolist(), sizes[book, :20].tolist(), strict=True))
    assert np.mean(agree) > 0.99


def test_blank_lines_count_as_lines_and_are_none(logged):
    plain, blank = logged(SMALL), logged([part for each in SMALL for part in ("", each, " ")])
    assert set(plain) == set(blank)
    for name, rows in plain.items():
        columns = {column: rows[column].to_pylist() for column in rows.column_names}
        columns["source_row"] = [3 * row - 1 for row in columns["source_row"]]
        assert str({column: blank[name][column].to_pylist() for column in columns}) == str(columns)
