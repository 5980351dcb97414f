"""The streams against orjson's reading of them, and the book built from them against the bookTicker."""

import gzip
from collections import defaultdict
from functools import cache

import numpy as np
import orjson
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.binance_stream import assumed, recognises, venue
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import CLEAR, GAP, LAST, LEVEL, QUARANTINE, SNAPSHOT
from pipeline.ingest.raw_stream import RawStream

START = 1_700_000_000_000
SPOT, FUTURES = "book/binance/spot_btcusdt_20240808.gz", "book/binance/usdm_btcusdt_20240808.gz"
OLDER = "book/binance/usdm_btcusdt_20230405.dat.gz"


def line(ms, said, unit=10**6):
    return f"{(START + ms) * unit} {orjson.dumps(said).decode()}"


def depth(ms, first, last, bids=(), asks=(), previous=None, symbol="XY"):
    levels = {"b": [[str(p), str(s)] for p, s in bids], "a": [[str(p), str(s)] for p, s in asks]}
    before = {} if previous is None else {"pu": previous, "T": START + ms}
    ids = {"e": "depthUpdate", "E": START + ms, "s": symbol, "U": first, "u": last}
    return line(ms + 2, {"stream": "xy@depth@100ms", "data": ids | before | levels})


def snapshot(ms, at, bids, asks):
    levels = {"bids": [[str(p), str(s)] for p, s in bids], "asks": [[str(p), str(s)] for p, s in asks]}
    return line(ms, {"lastUpdateId": at} | levels)


def ticker(ms, at, bid=9.0, ask=11.0, size="1"):
    said = {"u": at, "s": "XY", "b": str(bid), "B": size, "a": str(ask), "A": "2"}
    return line(ms, {"stream": "xy@bookTicker", "data": said})


def trade(ms, number, maker=True, kind="trade"):
    ids = {"t": number} if kind == "trade" else {"a": number, "f": 1, "l": 2}
    said = {"e": kind, "E": START + ms, "s": "XY", "p": "10.5", "q": "0.25", "T": START + ms - 1, "m": maker}
    return line(ms + 2, {"stream": "xy@trade", "data": said | ids})


def mark(ms, **changed):
    said = {
        "e": "markPriceUpdate",
        "E": START + ms,
        "s": "XY",
        "p": "10.5",
        "i": "10.4",
        "r": "0.0001",
    } | changed
    kept = {name: value for name, value in said.items() if value is not None}
    return line(ms + 2, {"stream": "xy@markPrice", "data": kept})


SMALL = [
    depth(0, 1, 5, [(9, 1)], [(12, 0)]),
    ticker(10, 6),
    depth(20, 6, 9, [(8, 2)]),
    snapshot(30, 7, [(9, 1), (7, 3)], [(11, 1)]),
    depth(40, 10, 12, [], [(11, 0), (12, 4)]),
    trade(45, 100),
    trade(46, 101, maker=False),
]


@pytest.fixture
def streamed(tmp_path, tables):
    def run(lines, **terms):
        path = tmp_path / "a.gz"
        path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
        return tables(path, "binance_stream", **terms)

    return run


def test_its_first_line_is_recognised():
    assert all(recognises("any", each.encode()) for each in SMALL)
    assert not recognises("any", b'1430438404518 order_created {"price": "236.47"}')


AT = {"E": START, "T": START}
TOLD_APART = {
    "depth": (depth(0, 1, 5), depth(0, 1, 5, previous=0)),
    "ticker": (ticker(0, 6), line(0, orjson.loads(ticker(0, 6).partition(" ")[2])["data"] | AT)),
    "trade": (trade(0, 1).replace('"m"', '"M":true,"m"'), trade(0, 1).replace('"m"', '"X":"MARKET","m"')),
    "snapshot": (snapshot(0, 7, [(9, 1)], []), line(0, {"lastUpdateId": 7, "bids": [], "asks": []} | AT)),
    "joined trade": (
        trade(0, 1, kind="aggTrade").replace('"m"', '"M":true,"m"'),
        trade(0, 1, kind="aggTrade"),
    ),
    "mark price": ("", mark(0)),
}


@pytest.mark.parametrize("kind", TOLD_APART)
def test_spot_and_futures_are_two_venues(tmp_path, kind):
    path = tmp_path / "a.log"
    for lines, name in zip(TOLD_APART[kind], ("binance", "binance-futures"), strict=True):
        path.write_text(f"{trade(0, 1)}\n{lines}\n{TOLD_APART['depth'][name == 'binance']}\n")
        assert venue(RawStream(str(path)), Terms()) == (name if lines else "binance-futures")
    path.write_text(f"{trade(0, 1)}\n")
    assert venue(RawStream(str(path)), Terms()) == ""


def test_tickers_without_a_time_of_the_venue_are_told(tmp_path):
    path = tmp_path / "a.log"
    for lines, told in (([ticker(0, 6)], True), ([ticker(0, 6), trade(1, 1)], False), ([trade(1, 1)], False)):
        path.write_text("\n".join([*lines, ""]))
        assert ("known by the recorder's clock" in assumed(RawStream(str(path)), Terms())) is told


@pytest.mark.parametrize(
    ("file", "name"), [(SPOT, "binance"), (FUTURES, "binance-futures"), (OLDER, "binance-futures")]
)
def test_real_streams_state_their_venue(shared, file, name):
    assert venue(RawStream(str(shared / file)), Terms()) == name


def test_a_snapshot_is_joined_to_the_updates_that_came_before_it(streamed):
    found = streamed(SMALL)
    events = found["book_events"].to_pydict()
    rows = list(
        zip(*(events[n] for n in ("source_row", "kind", "flags", "side", "price", "size")), strict=True)
    )
    assert rows[:3] == [
        (1, LEVEL, 0, 1, 9.0, 1.0),
        (1, LEVEL, LAST, -1, 12.0, 0.0),
        (3, LEVEL, LAST, 1, 8.0, 2.0),
    ]
    assert rows[3][:4] == (4, CLEAR, SNAPSHOT, 0)
    assert rows[4:8] == [
        (4, LEVEL, SNAPSHOT, 1, 9.0, 1.0),
        (4, LEVEL, SNAPSHOT, 1, 7.0, 3.0),
        (4, LEVEL, SNAPSHOT, -1, 11.0, 1.0),
        (4, LEVEL, SNAPSHOT | LAST, 1, 8.0, 2.0),
    ]
    assert rows[8:] == [(5, LEVEL, 0, -1, 11.0, 0.0), (5, LEVEL, LAST, -1, 12.0, 4.0)]
    assert QUARANTINE not in found


@pytest.mark.parametrize(("previous", "after"), [(None, 4), (3, 3)], ids=["spot", "futures"])
def test_a_file_names_the_update_on_which_it_follows(streamed, begun, tmp_path, previous, after):
    """Also where the first update changes nothing; a file that begins with a snapshot follows on none."""
    first = [trade(0, 1), depth(1, 5, 6, previous=previous), depth(9, 7, 8, [(9, 1)], previous=6)]
    assert streamed(first)["book_events"]["flags"].to_pylist() == [LAST]
    assert begun(tmp_path / "a.gz") == [(3, after, 0.0)]
    streamed(SMALL[3:])
    assert begun(tmp_path / "a.gz") == []


def test_the_maker_flag_tells_who_took(streamed):
    trades = streamed(SMALL)["trades"].to_pydict()
    assert trades["side"] == [-1, 1]
    assert trades["trade_id"] == [100, 101]


def test_an_empty_side_of_a_quote_has_no_price(streamed):
    quotes = streamed([ticker(0, 1, size="0")])["quotes"].to_pydict()
    assert np.isnan(quotes["bid_price"][0])
    assert quotes["ask_price"] == [11.0]


def test_missing_updates_are_a_gap_until_a_snapshot(streamed):
    lost = [
        *SMALL[:5],
        depth(50, 15, 16, [(9, 7)]),
        snapshot(60, 16, [(9, 7)], []),
        depth(70, 17, 18, [(9, 8)]),
    ]
    flags = streamed(lost)["book_events"]["flags"].to_pylist()
    assert flags[10:] == [LAST | GAP, SNAPSHOT, SNAPSHOT | LAST, LAST]


def test_futures_tell_the_update_before(streamed):
    updates = [depth(0, 3, 5, [(9, 1)], previous=2), snapshot(5, 6, [(9, 1)], [])]
    updates += [depth(10, 8, 9, [(8, 1)], previous=5), depth(20, 30, 31, [(7, 1)], previous=9)]
    assert streamed(updates)["book_events"]["flags"].to_pylist()[-2:] == [LAST, LAST]
    updates[-1] = depth(20, 10, 31, [(7, 1)], previous=10)
    assert streamed(updates)["book_events"]["flags"].to_pylist()[-2:] == [LAST, LAST | GAP]


def test_a_gap_of_an_update_without_levels_stands_at_the_next(streamed):
    lost = [*SMALL[:5], depth(50, 15, 16), depth(60, 17, 18, [(9, 7)])]
    assert streamed(lost)["book_events"]["flags"].to_pylist()[-1] == LAST | GAP


def test_the_snapshot_may_be_a_file(streamed, tmp_path):
    path = tmp_path / "depth.json"
    path.write_text('{"lastUpdateId": 7,\n "bids": [["9", "1"]], "asks": [["11", "1"]]}')
    found = streamed([*SMALL[:3], *SMALL[4:]], snapshot=str(path))
    assert QUARANTINE not in found
    flags = found["book_events"]["flags"].to_pylist()
    assert flags == [0, LAST, SNAPSHOT, SNAPSHOT, SNAPSHOT | LAST, LAST, 0, LAST]
    for other in (3, 20):
        path.write_text(f'{{"lastUpdateId": {other}, "bids": [["9", "1"]], "asks": []}}')
        events = streamed([SMALL[2], SMALL[4]], snapshot=str(path))["book_events"]
        assert events["flags"].to_pylist() == [LAST, 0, LAST], "it is of another file"
    path.write_text("nothing")
    with pytest.raises(DataError, match=r"depth\.json: is no snapshot"):
        streamed(SMALL, snapshot=str(path))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (SMALL[4], "update that came before"),
        (depth(50, 3, 4, [(9, 1)]), "update id went back"),
        (depth(50, 14, 13, [(9, 1)]), "update without ids in order"),
        (depth(50, 13, 13, [(9, "x")]), "update without pairs of price and size"),
        (depth(50, 13, 13, [(9, 1)], symbol="Z"), "of another instrument"),
        (snapshot(50, 12, [], []), "book without pairs of price and size"),
        (trade(50, 101), "trade reported twice"),
        (trade(50, 7, kind="aggTrade"), "trades that the other stream of trades tells"),
        (trade(-5000, 102), "clock went back"),
        (line(50, {"result": None, "id": 1}), "message of no kind that is known"),
        (depth(50, 13, 13, [(9, 1)])[:-2], "not whole JSON"),
        (depth(50, 13, 13, [(900, 1)]), "price in another unit than those around it"),
        (depth(50, 13, 13, [(9, 1)], [(0.11, 1)]), "price in another unit than those around it"),
        (snapshot(50, 12, [(900, 1)], [(11, 1)]), "price in another unit than those around it"),
        (ticker(50, 13, bid=9.0, ask=1100.0), "price in another unit than those around it"),
        (trade(50, 102).replace("10.5", "1050"), "price in another unit than those around it"),
        (depth(50, 13, 13, [(-9, 1)]), "update without pairs of price and size"),
        (
            trade(50, 102).replace(str(START + 49), str(START - 10**6)),
            "the venue's time is far from that of receipt",
        ),
        (mark(50, p=None, i=None, r=None), "message without all its fields"),
        (mark(50, i=None), "message without all its fields"),
        (mark(50, r=None), "message without all its fields"),
        (mark(50, p="x"), "message without all its fields"),
        (mark(50, p="-5"), "price not above zero"),
        (mark(50, i="0"), "price not above zero"),
        ("5" + trade(50, 102), "does not begin with a time"),
        ("5" + trade(50, 102)[9:], "time out of range"),
    ],
)
def test_what_cannot_be_right_is_held(streamed, bad, reason):
    held = streamed([*SMALL, bad])[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([8], [reason])


def test_a_mark_price_becomes_its_series_and_a_contract_that_expires_has_no_funding(streamed):
    found = streamed([*SMALL, mark(50), mark(60, r="")])
    assert QUARANTINE not in found
    rows = found["alternative"].to_pandas().sort_values(["source_row", "series"])
    assert rows["series"].tolist() == [
        "funding_rate_so_far",
        "index_price",
        "mark_price",
        "index_price",
        "mark_price",
    ]
    assert rows["value"].tolist() == [0.0001, 10.4, 10.5, 10.4, 10.5]


def test_levels_far_from_the_market_on_their_own_side_stay(streamed):
    assert QUARANTINE not in streamed([*SMALL, depth(50, 13, 13, [(0.09, 1)], [(1100, 1)])])


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([ticker(0, 1), ticker(1, 2), ticker(2, 3), ticker(3, 1)], "update id went back"),
        (
            [
                depth(0, 1, 5),
                depth(10, 6, 7, [(9, 1)]),
                depth(20, 9, 9, [(8, 2)]),
                snapshot(30, 7, [], [(9, 1)]),
            ],
            "snapshot older than the updates after it",
        ),
        ([*SMALL[:3], SMALL[4].replace('"a":', '"z":')], "update without pairs of price and size"),
    ],
)
def test_what_cannot_follow_is_held(streamed, lines, reason):
    held = streamed(lines)[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([4], [reason])


def test_a_recorder_s_clock_behind_the_venue_s_is_not_believed(streamed):
    late = [
        trade(ms, 100 + ms).replace(f"{START + ms + 2}000000", f"{START + ms - 1300}000000") for ms in (0, 5)
    ]
    found = streamed([ticker(-1 - 1300, 2), *late, ticker(6 - 1300, 3)])
    known = found["trades"]["known_time"].to_numpy().astype("datetime64[ms]").astype(int).tolist()
    assert known == [START, START + 5]
    quoted = found["quotes"]["known_time"].to_numpy().astype("datetime64[ms]").astype(int).tolist()
    assert quoted == [START - 1, START + 5]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_stream_ends_in_one_error_or_keeps_every_line(tmp_path, tables, seed):
    dice = np.random.default_rng(seed)
    content = bytearray("\n".join(SMALL * 2).encode() + b"\n")
    for _ in range(dice.integers(1, 5)):
        content[dice.integers(len(content))] = dice.integers(256)
    path = tmp_path / "small.log"
    path.write_bytes(content[: dice.integers(1, len(content))] if dice.random() < 0.3 else content)
    found = tables(path, "binance_stream")
    said = {row for table in found.values() for row in table["source_row"].to_pylist()}
    lines = path.read_bytes().split(b"\n")
    assert said == {number for number, each in enumerate(lines, 1) if each.strip(b" \r")}


@cache
def naive(path):
    said = [row.split(b" ", 1) for row in gzip.decompress(path.read_bytes()).splitlines()]
    return [(int(stamp), orjson.loads(rest)) for stamp, rest in said]


@pytest.mark.slow
@pytest.mark.parametrize("name", [SPOT, FUTURES, OLDER])
def test_real_streams_line_by_line(shared, tables, name):
    messages, found = naive(shared / name), tables(shared / name)
    assert QUARANTINE not in found
    updates = [each["data"] for _, each in messages if each.get("data", {}).get("e") == "depthUpdate"]
    wanted = [(float(p), float(s)) for each in updates for key in "ba" for p, s in each[key]]
    events = {name: found["book_events"][name].to_pylist() for name in ("price", "size", "flags")}
    plain = [not flags & SNAPSHOT for flags in events["flags"]]
    rows = zip(events["price"], events["size"], plain, strict=True)
    assert [(price, size) for price, size, own in rows if own] == wanted
    assert not any(flags & GAP for flags in events["flags"])
    trades = [each["data"] for _, each in messages if each.get("data", {}).get("e") == "trade"]
    assert found["trades"]["price"].to_pylist() == [float(each["p"]) for each in trades]
    assert found["trades"]["side"].to_pylist() == [-1 if each["m"] else 1 for each in trades]
    quotes = [each["data"] for _, each in messages if each.get("stream", "").endswith("bookTicker")]
    assert found["quotes"]["bid_size"].to_pylist() == [float(each["B"]) for each in quotes]
    for table in ("book_events", "trades", "quotes"):
        known = found[table]["known_time"].to_numpy()
        assert (np.diff(known) >= np.timedelta64(0)).all()
        assert (known >= found[table]["event_time"].to_numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", [SPOT, FUTURES])
def test_the_book_built_from_a_snapshot_has_the_ticker_s_best_prices(shared, tables, name):
    """After an update up to id u the best of the book is what the last ticker up to u said."""
    found = tables(shared / name)
    tickers = [each["data"] for _, each in naive(shared / name) if "bookTicker" in each.get("stream", "")]
    ids = np.array([each["u"] for each in tickers])
    events = found["book_events"]
    columns = [events[n].to_pylist() for n in ("kind", "flags", "side", "price", "size", "sequence")]
    book, trusted, agree = {1: defaultdict(float), -1: defaultdict(float)}, False, []
    for kind, flags, side, price, size, sequence in zip(*columns, strict=True):
        if kind == CLEAR:
            book, trusted = {1: {}, -1: {}}, True
        elif size:
            book[side][price] = size
        else:
            book[side].pop(price, None)
        if flags & LAST and trusted and sequence >= ids[0]:
            said = tickers[np.searchsorted(ids, sequence, "right") - 1]
            agree.append((max(book[1]), min(book[-1])) == (float(said["b"]), float(said["a"])))
    assert np.mean(agree) > 0.99


def test_blank_lines_count_as_lines_and_are_none(streamed):
    plain, blank = streamed(SMALL), streamed([part for each in SMALL for part in ("", each, " ")])
    assert set(plain) == set(blank)
    for name, rows in plain.items():
        columns = {column: rows[column].to_pylist() for column in rows.column_names}
        columns["source_row"] = [3 * row - 1 for row in columns["source_row"]]
        assert str({column: blank[name][column].to_pylist() for column in columns}) == str(columns)
