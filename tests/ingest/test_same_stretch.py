"""Files of one day that repeat one another, whole or in part, against the one stream that they tell."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.ingest.day_repeats import REPEATED
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.market_tables import START
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.same_stretch import AGREE

DAY, BEGIN = "2020-03-02", 1_583_157_600_000


def order_log():
    """Return a log of orders with the venue's book among them, three lines an instant."""
    lines = []
    for second in range(60):
        at = BEGIN + 1_000 * second
        price, bought = (20.0, 0) if second % 2 else (21.0, 1)
        order = {"id": second + 1, "amount": 1.0, "price": price, "order_type": bought}
        book = {"bids": [["20.00", str(second + 1)]], "asks": [["21.00", "1"]]}
        trade = {"id": second + 1, "amount": 0.5, "price": 20.5}
        told = (("order_created", order), ("order_book", book), ("trade", trade))
        lines += [f"{at} {event} {json.dumps(said)}\n" for event, said in told]
    return lines


@pytest.fixture
def day(tmp_path):
    """Return a function that writes files and returns the tables of their day and what is held of them."""

    def run(files, **settings):
        for name, lines in files.items():
            content = "".join(lines).encode()
            (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        data = MarketFiles(instrument="XYZ", files=["*.*"], folder=tmp_path, **settings)
        pieces = InMemory()
        tables = load_days(data, "UTC", content_of(data), pieces)
        return DayTables(tables["days"], DAY, pieces), tables["held"]

    return run


LINES = order_log()


@pytest.mark.parametrize(
    "files",
    [
        {"a.log": LINES, "a.log.gz": LINES},
        {"a.log": LINES, "b.log": LINES[:60]},
        {"a.log": LINES[:60], "b.log": LINES},
        {"a.log": LINES[:91], "b.log": LINES[61:]},
        {"a.log": LINES[61:], "b.log": LINES[:91]},
        {"a.log": LINES, "b.log": LINES[61:91]},
        {"a.log": LINES[:60], "b.log": LINES[60:]},
    ],
    ids=["packed anew", "half a copy", "half first", "overlap", "later first", "inside", "cut in two"],
)
def test_two_files_of_one_log_give_the_tables_of_the_log(day, tmp_path, files):
    found, held = day(files, format="bitstamp_log")
    parts = {table: found[table] for table in found}
    for each in tmp_path.iterdir():
        each.unlink()
    whole, none = day({"a.log": LINES}, format="bitstamp_log")
    assert none.empty
    for table in ("book", "book_events", "trades"):
        same = [*AGREE[table], "known_time"]
        left, right = (_told(tables[table])[same] for tables in (parts, whole))
        pd.testing.assert_frame_equal(left, right)
    assert set(held["reason"]) <= {REPEATED}
    assert held["count"].sum() >= sum(map(len, files.values())) - len(LINES)


def _told(rows):
    """Return the rows that tell of the market, without those that say how a file begins."""
    return (rows[rows["kind"] != START] if "kind" in rows else rows).reset_index(drop=True)


def test_two_books_at_one_time_are_one_error_that_names_both(day):
    with pytest.raises(DataError, match=r"a\.log and b\.log: both tell the book of 2020-03-02"):
        day({"a.log": LINES[::2], "b.log": LINES[1::2]}, format="bitstamp_log")


def test_quotes_packed_anew_count_once(day):
    head = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    rows = [f"v,XYZ,{BEGIN}000,{BEGIN}{n:03},1,21,20,{n + 1}\n" for n in range(9)]
    found, held = day({"a.csv": [head, *rows], "a.csv.gz": [head, *rows]})
    assert len(found["quotes"]) == held["count"].sum() == 9


HEAD = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
QUOTES = [f"v,XYZ,{BEGIN + n}000,{BEGIN + n}000,{n + 1},21,20,1\n" for n in range(9)]
TRADED = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
TRADES = [f"v,XYZ,{BEGIN + n}000,{BEGIN + n}000,,buy,20,{n + 1}\n" for n in range(9)]


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
def test_a_file_that_fills_a_gap_of_another_counts(day, head, rows):
    found, held = day({"a.csv": [head, *rows[:3], *rows[6:]], "b.csv": [head, *rows[4:6]]})
    assert len(found["quotes" if head == HEAD else "trades"]) == len(rows) - 1
    assert held.empty


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
@pytest.mark.parametrize(("whole", "filler"), [("a.csv", "b.csv"), ("b.csv", "a.csv")])
@pytest.mark.parametrize("edges", [(1, 1), (2, 1), (0, 2)])
def test_a_file_that_fills_a_gap_and_repeats_the_rows_at_its_edges_counts_once(
    day, head, rows, whole, filler, edges
):
    before, after = edges
    found, held = day({whole: [head, *rows[:3], *rows[6:]], filler: [head, *rows[3 - before : 6 + after]]})
    assert len(found["quotes" if head == HEAD else "trades"]) == len(rows)
    assert (held["reason"].unique().tolist(), held["count"].sum()) == ([REPEATED], before + after)


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
def test_one_that_tells_an_edge_of_the_gap_otherwise_is_an_error(day, head, rows):
    told = [*rows[1:6], rows[6].replace(",20,", ",20.5,"), rows[7]]
    with pytest.raises(DataError, match=r"a\.csv and b\.csv: tell most (quotes|trades) of 2020-03-02 alike"):
        day({"a.csv": [head, *rows[:3], *rows[6:]], "b.csv": [head, *told]}, quarantine_limit=0.9)


@pytest.mark.parametrize("filler", [slice(63, 117), slice(57, 123)], ids=["alone", "with its edges"])
def test_a_log_that_fills_a_gap_of_another_has_its_books(day, filler):
    files = {"a.log": [*LINES[:60], *LINES[120:]], "b.log": LINES[filler]}
    found, _ = day(files, format="bitstamp_log")
    lost = 2 if filler.start == 63 else 0
    assert {name: len(_told(found[name])) for name in found} == dict.fromkeys(found, 60 - lost)


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
@pytest.mark.parametrize(
    "again",
    [
        lambda rows: [*rows[:4], rows[4].replace(",20,", ",20.5,"), *rows[5:]],
        lambda rows: [rows[0], "damaged\n", *rows[2:]],
        lambda rows: [rows[0], rows[0], *rows[2:]],
        lambda rows: rows[::2],
        lambda rows: [row.replace(f",{n + 1}", f",{100 * n + 100}") for n, row in enumerate(rows)],
        lambda rows: [rows[4], rows[4]],
    ],
    ids=["one corrected", "one damaged", "one repeated", "half lost", "sizes in lots", "one instant"],
)
def test_a_day_that_was_issued_again_is_one_error_that_names_both(day, head, rows, again):
    with pytest.raises(DataError, match=r"a\.csv and b\.csv: tell most (quotes|trades) of 2020-03-02 alike"):
        day({"a.csv": [head, *rows], "b.csv": [head, *again(rows)]}, quarantine_limit=0.9)


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
@pytest.mark.parametrize("later", [0, 1], ids=["first by name first", "second by name first"])
@pytest.mark.parametrize("single", [0, 3], ids=["at its end", "within"])
def test_rows_of_one_instant_that_two_files_share_count_once(day, head, rows, later, single):
    known = [
        row.replace(f"{BEGIN + n}000,{BEGIN + n}", f"{BEGIN}000,{BEGIN + n // 4}")
        for n, row in enumerate(rows)
    ]
    parts = [known[:7], known[5:]] if not single else [known, known[4:8]]
    found, held = day({f"{place ^ later}.csv": [head, *part] for place, part in enumerate(parts)})
    assert len(found[held["table"].iloc[0]]) == 9
    assert held["count"].sum() == sum(map(len, parts)) - 9


@pytest.mark.parametrize(("head", "rows"), [(HEAD, QUOTES), (TRADED, TRADES)], ids=["quotes", "trades"])
def test_files_cut_within_an_instant_lose_no_row_of_another_order(day, head, rows):
    known = [row.replace(f"{BEGIN + n}000,{BEGIN + n}", f"{BEGIN}000,{BEGIN}") for n, row in enumerate(rows)]
    found, held = day({"a.csv": [head, *known[:2]], "b.csv": [head, known[2], known[0], rows[8]]})
    assert held.empty
    assert sum(map(len, found.values())) == 5


def test_trades_of_which_one_file_has_ids_and_the_other_none_count_once(day):
    rows = [row.replace(",,buy", f",{n},buy") for n, row in enumerate(TRADES, 1)]
    found, held = day({"a.csv": [TRADED, *rows], "b.csv": [TRADED, *TRADES[2:]]})
    assert found["trades"]["trade_id"].tolist() == [*range(1, 10)]
    assert held["count"].sum() == 7


def test_sources_that_have_some_rows_in_common_both_count(day):
    other = [*QUOTES[:4], *(row.replace(",20,", ",20.5,") for row in QUOTES[4:])]
    found, held = day({"a.csv": [HEAD, *QUOTES], "b.csv": [HEAD, *other]})
    assert len(found["quotes"]) == 18
    assert held.empty


def test_a_trade_with_an_id_that_two_files_tell_otherwise_is_an_error(day):
    rows = [row.replace(",,buy", f",{n},buy") for n, row in enumerate(TRADES, 1)]
    other = [*rows[:4], rows[4].replace(",20,", ",20.5,"), *rows[5:]]
    with pytest.raises(DataError, match=r"a\.csv and b\.csv: tell 1 trades of .* another price or size"):
        day({"a.csv": [TRADED, *rows], "b.csv": [TRADED, *other]})


def test_a_settlement_that_two_histories_tell_otherwise_is_an_error(day):
    name = "XYZ-USDT_binance_2020-03-01_2020-03-05_funding_history{}.csv"
    rows = [f"XYZ-USDT,{DAY} 0{hour}:00:00,0.0001\n" for hour in (0, 8)]
    other = [rows[0], rows[1].replace("0.0001", "0.0002")]
    files = {name.format(each): [FUNDED, *told] for each, told in (("", rows), ("_new", other))}
    with pytest.raises(DataError, match="tell 1 settlements of 2020-03-02 with another rate"):
        day(files, terms={"time_zone": "UTC", "instrument": "XYZUSDT"})


FUNDED = "Symbol,Date,Funding Rate\n"


def test_a_settlement_that_two_histories_tell_is_paid_once(day):
    head, hours = FUNDED, (0, 8, 16)
    days = (DAY, "2020-03-03")
    rows = [f"XYZ-USDT,{each} {hour:02}:00:00,0.0001\n" for each in days for hour in hours]
    name = "XYZ-USDT_binance_2020-03-01_2020-03-05_funding_history{}.csv"
    found, held = day(
        {name.format(""): [head, *rows], name.format("_new"): [head, *rows[1:]]},
        terms={"time_zone": "UTC", "instrument": "XYZUSDT"},
    )
    assert len(found["funding"]) == 3
    assert held[["table", "count"]].to_numpy().tolist() == [["funding", 5]]
    assert np.allclose(found["funding"]["rate"], 0.0001)


@pytest.mark.parametrize(
    ("ahead", "rows", "terms", "said"),
    [
        (0, 15, {}, "read as UTC, by the hours at which binance settles and the span in its name"),
        (3, 15, {}, "read as UTC+3, by the hours at which binance settles and the span in its name"),
        (3, 6, {}, "read as UTC+3, by the hours at which binance settles alone"),
        (3, 15, {"time_zone": "Etc/GMT-3"}, ""),
    ],
)
def test_a_run_says_as_which_zone_a_funding_history_is_read(tmp_path, ahead, rows, terms, said):
    times = pd.date_range("2020-03-01", periods=rows, freq="8h") + pd.Timedelta(hours=ahead)
    name = "XYZ-USDT_binance_2020-03-01_2020-03-06_funding_history.csv"
    (tmp_path / name).write_text(FUNDED + "".join(f"XYZ-USDT,{time},0.0001\n" for time in times))
    own = {"terms": {"instrument": "XYZUSDT", **terms}}
    data = MarketFiles(instrument="XYZ", files=["*.csv"], folder=tmp_path, **own)
    notes = load_days(data, "UTC", content_of(data))["notes"]["note"].tolist()
    told = [note.startswith(f"{name}: its times carry no zone") and said in note for note in notes[1:]]
    assert told == ([True] if said else [])
