"""A day is followed from the book with which the day before closed: the bits of one book without days."""

import pickle

import numpy as np
import orjson
import pandas as pd
import pytest

from pipeline.domain.intraday_desk import MarketFiles
from pipeline.features.book_at import book_at
from pipeline.features.book_close import opened_days
from pipeline.features.book_walk import SOUND, UNTRUSTED
from pipeline.features.day_events import DayEvents
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.followed_book import LEVELS_FOLLOWED
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_days import DAYS, content_of, load_days
from pipeline.ingest.partitions import in_turn
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.store import DatasetStore
from pipeline.orderbook.order_book import OrderBook
from pipeline.orderbook.snapshots import in_order, merged
from tests.ingest.formats.conftest import SHARED

MIDNIGHT = 1_583_193_600_000
"""Of 2020-03-03, milliseconds UTC."""
DAYS_TOLD = ["2020-03-02", "2020-03-03"]
HEAD = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


def level_changes(rng, count):
    """Levels around 100 whose sides never meet: `(side, price, size)`."""
    side = rng.choice([1, -1], count)
    price = 100 - side * rng.integers(1, 60, count) / 4
    return list(zip(side.tolist(), price.tolist(), (rng.integers(0, 9, count) / 8).tolist(), strict=True))


def times(rng, count):
    """Milliseconds of messages around midnight, some of the same instant."""
    return np.sort(MIDNIGHT + 20 * rng.integers(-1500, 1500, count))


def binance(seed, updates=300):
    """A snapshot at the beginning, and then updates whose ids follow one another."""
    rng, lines = np.random.default_rng(seed), []
    when = times(rng, updates)
    lines.append(f"{when[0]} " + '{"lastUpdateId":1,"bids":[["99","1"]],"asks":[["101","2"]]}')
    for number, at in enumerate(when.tolist(), 1):
        sides = {"b": [], "a": []}
        for side, price, size in level_changes(rng, 4):
            sides["b" if side == 1 else "a"].append([str(price), str(size)])
        told = {"e": "depthUpdate", "E": at, "s": "XY", "U": 3 * number - 1, "u": 3 * number + 1, **sides}
        lines.append(f"{at} {orjson.dumps(told).decode()}")
    return "", lines


def tardis(seed, rows=900):
    """The same without ids."""
    rng = np.random.default_rng(seed)
    when = 1000 * times(rng, rows)
    lines = [f"v,XY,{when[0]},{when[0]},true,{side}" for side in ("bid,99,1", "ask,101,2")]
    for at, (side, price, size) in zip(when.tolist(), level_changes(rng, rows), strict=True):
        lines.append(f"v,XY,{at},{at + 1},false,{'bid' if side == 1 else 'ask'},{price},{size}")
    return HEAD, lines


def bitstamp(seed, orders=1200):
    """A log of orders that begins in the middle, and the venue's own books after 5 and after 15 seconds."""
    rng, held, lines, created = np.random.default_rng(seed), {}, [], 0
    when = times(rng, orders)
    books = [when[0] + 5000, when[0] + 15000]
    for at in when.tolist():
        while books and at > books[0]:
            lines.append(f"{int(books.pop(0))} order_book {_venue_book(held)}")
        if held and rng.random() < 0.5:
            name = int(rng.choice(list(held)))
            side, price, _ = held.pop(name)
            event, size = ("changed", 0.25) if rng.random() < 0.3 else ("deleted", 0.0)
            if event == "changed":
                held[name] = (side, price, size)
        else:
            (order,) = level_changes(rng, 1)
            created += 1
            name, event, (side, price, size) = created, "created", order
            size += 0.125
            held[name] = (side, price, size)
        told = {"price": f"{price}", "amount": f"{size}", "datetime": "1", "id": name}
        lines.append(f"{at} order_{event} {orjson.dumps(told | {'order_type': int(side == -1)}).decode()}")
    return "", lines


def _venue_book(held):
    totals = {}
    for side, price, size in held.values():
        totals[side, price] = totals.get((side, price), 0.0) + size
    sides = {
        name: [
            [f"{p}", f"{totals[s, p]}"]
            for s, p in sorted(totals, key=lambda each: -each[0] * each[1])
            if s == side
        ]
        for name, side in (("bids", 1), ("asks", -1))
    }
    return orjson.dumps({name: levels[:20] for name, levels in sides.items()}).decode()


FAMILIES = {
    "binance_stream": (binance, "XY", "stream.log"),
    "tardis_book": (tardis, "XY", "changes.csv"),
    "bitstamp_log": (bitstamp, "XY", "orders.log"),
}


def stamp_of(line):
    """When a line was received, milliseconds."""
    return int(line.split(",")[3]) / 1000 if line.startswith("v,") else int(line.split(" ")[0])


def written(folder, family, head, pieces):
    """Write each piece as a file, named in order."""
    name = FAMILIES[family][2]
    for number, lines in enumerate(pieces, 1):
        (folder / f"{number}-{name}").write_text(head + "\n".join(lines) + "\n")
    return MarketFiles(
        instrument="XY", files=(f"*{name}",), folder=folder, format=family, quarantine_limit=1.0
    )


def books_by_day(files, zone="UTC"):
    """The book of each day, followed from the one before."""
    kept = InMemory()
    index = load_days(files, zone, content_of(files), kept)[DAYS]
    days = opened_days(index, sorted(index["day"].unique()), kept, "XY")
    return {each.day: book_of(each) for each in days}


def book_of(tables):
    """All rows of the book of a day."""
    parts = DayEvents(tables).parts([Source("book", ())])
    return EventRows.joined([part.book for part in parts if part.book is not None])


def of_one_file(path, family):
    """The book without days."""
    parts = list(in_order(read(RawStream(str(path)), Terms(), family)))
    return OrderBook(LEVELS_FOLLOWED).changes(merged(parts))


@pytest.mark.parametrize("cut", ["one file", "at midnight", "before midnight"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_book_that_is_carried_has_the_bits_of_one_that_is_never_cut(tmp_path, family, cut):
    """Whether the day ends within a file or between two, and wherever files end."""
    head, lines = FAMILIES[family][0](3)
    limit = {"one file": np.inf, "at midnight": MIDNIGHT, "before midnight": MIDNIGHT - 7_000}[cut]
    (tmp_path / "whole").mkdir()
    whole = of_one_file(_whole(tmp_path / "whole", family, head, lines), family)
    parts = [
        [each for each in lines if stamp_of(each) < limit],
        [each for each in lines if stamp_of(each) >= limit],
    ]
    found = books_by_day(written(tmp_path, family, head, [each for each in parts if each]))
    assert list(found) == DAYS_TOLD
    first, second = found.values()
    assert first.known_time[-1] <= second.known_time[0] < MIDNIGHT * 10**6 <= second.known_time[1]
    np.testing.assert_array_equal(second.columns[0], first.columns[-1])
    np.testing.assert_array_equal(np.concatenate([first.columns, second.columns[1:]]), whole.columns)
    times_found = np.concatenate([first.known_time, second.known_time[1:]])
    np.testing.assert_array_equal(times_found, whole.known_time)
    assert second.columns[:, 0].mean() > 0.9


def _whole(folder, family, head, lines):
    written(folder, family, head, [lines])
    return next(folder.iterdir())


@pytest.mark.parametrize("family", FAMILIES)
def test_where_the_next_file_does_not_go_on_the_book_is_not_trusted(tmp_path, family):
    """Eleven seconds are missing: of ids, of time. The venue's next book starts a log of orders again."""
    head, lines = FAMILIES[family][0](4)
    early = [each for each in lines if stamp_of(each) < MIDNIGHT - 5_000]
    late = [each for each in lines if stamp_of(each) > MIDNIGHT + 6_000]
    if family == "bitstamp_log":
        late.insert(
            200,
            f"{int(stamp_of(late[200]))} order_book {_venue_book({1: (1, 99.0, 1.0), 2: (-1, 101.0, 1.0)})}",
        )
    second = books_by_day(written(tmp_path, family, head, [early, late]))[DAYS_TOLD[1]]
    assert second.columns[0, 0] == 1.0
    if family == "bitstamp_log":
        again = int(np.flatnonzero(second.columns[1:, 0])[0]) + 1
        assert not second.columns[1:again, 0].any()
        assert second.known_time[again] == int(stamp_of(late[200])) * 10**6
    else:
        assert not second.columns[1:, 0].any()


SPOILED = {
    "binance_stream": ('"U":', '"V":'),
    "tardis_book": (",false,", ",maybe,"),
    "bitstamp_log": ('"price":"', '"price":"-'),
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_loss_at_the_end_of_a_file_ends_trust(tmp_path, family, half):
    """The last line is held, for a number or because it breaks off; the next file follows at once."""
    head, lines = FAMILIES[family][0](8)
    early = [each for each in lines if stamp_of(each) < MIDNIGHT]
    late = [each for each in lines if stamp_of(each) >= MIDNIGHT]
    whole = books_by_day(written(tmp_path, family, head, [early, late]))[DAYS_TOLD[1]]
    bad = early[-1][:-12] if half else early[-1].replace(*SPOILED[family])
    assert bad != early[-1]
    found = books_by_day(written(tmp_path, family, head, [[*early[:-1], bad], late]))[DAYS_TOLD[1]]
    assert whole.columns[:, 0].mean() > 0.9
    assert not found.columns[1:, 0].any()
    assert found.columns[0, 0] == (family == "binance_stream")


def test_another_zone_cuts_the_day_elsewhere_and_changes_no_bit(tmp_path):
    head, lines = binance(5)
    moved = [each.replace(str(stamp_of(each)), str(stamp_of(each) - 13 * 3_600_000)) for each in lines]
    files = written(tmp_path, "binance_stream", head, [moved])
    whole = books_by_day(files)
    cut = books_by_day(files, "Pacific/Auckland")
    assert (len(whole), len(cut)) == (1, 2)
    rows = [each.columns for each in cut.values()]
    np.testing.assert_array_equal(np.concatenate([rows[0], rows[1][1:]]), whole["2020-03-02"].columns)


def test_a_day_begins_with_the_book_of_the_evening_until_it_is_stale(tmp_path):
    head, lines = binance(6)
    quiet = [each for each in lines if not MIDNIGHT - 200 < stamp_of(each) < MIDNIGHT + 12_000]
    start = 10**6 * np.array([MIDNIGHT, MIDNIGHT + 9_000, MIDNIGHT + 12_500])
    updates = [each for each in quiet if stamp_of(each) < MIDNIGHT]
    for number, line in enumerate(quiet[len(updates) :], len(updates)):
        told = orjson.loads(line.partition(" ")[2]) | {"U": 3 * number - 1, "u": 3 * number + 1}
        updates.append(f"{stamp_of(line)} {orjson.dumps(told).decode()}")
    second = books_by_day(written(tmp_path, "binance_stream", head, [updates]))[DAYS_TOLD[1]]
    assert book_at(second, start, 8.0).state.tolist() == [SOUND, 3, SOUND]
    assert UNTRUSTED not in book_at(second, start, 8.0).state


def day_digests(market, pieces):
    """What the decisions of each day are known by."""
    index = market[DAYS]
    days = opened_days(index, sorted(index["day"].unique()), pieces, "XY")
    return {
        "days": pd.DataFrame({"day": [each.day for each in days], "digest": [each.digest for each in days]})
    }


def test_a_changed_day_makes_the_next_anew_only_where_its_closing_book_changed(tmp_path):
    """Three days in three files; what is changed on the first is undone on it, and then is not.

    What a worker is sent travels as on a cluster: it holds keys, not books.
    """
    made = []

    def sent(calls):
        made.extend(call.key for call in calls)
        letters = [pickle.dumps(call) for call in calls]
        assert all(len(letter) < 4_000 for letter in letters)
        in_turn([pickle.loads(letter) for letter in letters])

    store = DatasetStore(tmp_path / "store", runner=sent)
    _, lines = binance(7)
    days = [lines[:100], lines[100:200], lines[200:]]
    for number, part in enumerate(days):
        shift = (number - 1) * 86_400_000
        days[number] = [
            f"{MIDNIGHT + 1000 * k + shift}" + _later(each, shift, k) for k, each in enumerate(part)
        ]

    def run():
        made.clear()
        files = written(tmp_path, "binance_stream", "", days)
        parameters = {"data": files, "zone": "UTC", "content": content_of(files)}
        market = store.derive("market", load_days, inputs={}, parameters=parameters, pieces=True)
        key = store.derive("digests", day_digests, inputs={"market": market}, parameters={}, pieces=True)
        closed = [key.split("/")[2] for key in made if key.startswith("book_close")]
        return closed, store.open(key)["days"].set_index("day")["digest"]

    closed, first = run()
    names = ["2020-03-02", "2020-03-03", "2020-03-04"]
    assert (closed, list(first.index)) == (names[:2], names)
    days[0][50] = days[0][50].replace('"b":[', '"b":[["97.25","7"],["97.25","0"],')
    closed, undone = run()
    assert closed == names[:1]
    assert (undone != first).tolist() == [True, False, False]
    days[0][99] = days[0][99].replace('"b":[', '"b":[["0.25","7"],')
    closed, changed = run()
    assert closed == names[:2]
    assert (changed != undone).all()
    assert run()[0] == []


def _later(line, shift, row):
    told = orjson.loads(line.partition(" ")[2])
    if "E" in told:
        told["E"] = MIDNIGHT + 1000 * row + shift
    return f" {orjson.dumps(told).decode()}"


def test_the_real_stream_across_midnight_in_one_file_and_in_two(tmp_path):
    """Updates of .999 and .000: the second day is the book of the whole file, bit by bit."""
    path = SHARED / "book/binance/spot_btcusdt_20240808.gz"
    if not path.exists():
        pytest.skip("the shared market data is not on this machine")
    whole = of_one_file(path, "binance_stream")
    content = list(RawStream(str(path)).line_blocks())
    lines = b"".join(block for _, block in content).decode().splitlines()
    turn = next(k for k, each in enumerate(lines) if b"".join([each.encode()]).find(b'"E":1723161600') > 0)
    for number, parts in enumerate([[lines], [lines[:turn], lines[turn:]]]):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = written(folder, "binance_stream", "", parts).model_copy(update={"instrument": "BTCUSDT"})
        first, second = books_by_day(files).values()
        np.testing.assert_array_equal(np.concatenate([first.columns, second.columns[1:]]), whole.columns)
        assert second.columns[:, 0].all()
