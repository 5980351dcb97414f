"""Files to days: every row once, by the day of its zone, and read again only where a file has changed."""

import json
import uuid
import zipfile
from datetime import date

import fsspec
import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_folder import DATA_FOLDER
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.stream_terms import Terms
from pipeline.ingest import market_days, partition_file, parts
from pipeline.ingest.day_repeats import REPEATED
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.formats.coinmetrics import KNOWN
from pipeline.ingest.market_days import content_of, load_days, market_file
from pipeline.ingest.market_tables import CLEAR, LEVEL, START, batch, held
from pipeline.ingest.partition_place import Place
from pipeline.ingest.partitions import PartitionStore, in_turn
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.store import DatasetStore
from tests.market_ticks import write, write_day, write_market
from tests.peak_memory import peak_memory

ZONE = "America/New_York"


@pytest.fixture
def data(tmp_path):
    return MarketFiles(
        instrument="XYZ", files=("*_quote.zip", "*_trade.zip"), folder=write_market(tmp_path, 2)
    )


def test_every_row_stands_on_its_day(data):
    pieces = InMemory()
    tables = load_days(data, ZONE, content_of(data), pieces)
    days = tables["days"]
    assert list(days["day"].unique()) == ["2020-03-02", "2020-03-03"]
    assert days.groupby("table")["rows"].sum().to_dict() == {"quotes": 24_000, "trades": 3_000}
    day = DayTables(days, "2020-03-03", pieces)
    assert list(day) == ["quotes", "trades"]
    assert day["quotes"]["known_time"].is_monotonic_increasing
    assert len(day["quotes"]["known_time"].dt.tz_convert(ZONE).dt.date.unique()) == 1


def test_another_zone_moves_the_limits_of_days(data):
    days = load_days(data, "Pacific/Auckland", content_of(data))["days"]
    assert list(days["day"].unique()) == ["2020-03-03", "2020-03-04"]


def test_only_a_file_that_changed_is_read_again(data, tmp_path):
    made = []
    store = DatasetStore(
        tmp_path / "store", runner=lambda calls: (made.extend(call.key for call in calls), in_turn(calls))
    )

    def derive():
        content = content_of(data)
        return store.derive(
            "market", load_days, inputs={}, parameters={"data": data, "zone": ZONE, "content": content},
            pieces=True,
        )  # fmt: skip

    first = derive()
    assert len(made) == 4
    write_market(tmp_path, 1, seed=9)
    second = derive()
    assert first != second
    assert [key.split("/")[2] for key in made[4:]] == ["20200302_quote.zip", "20200302_trade.zip"]


def test_files_at_a_url_give_the_days_of_files_here(data, monkeypatch):
    bucket = fsspec.filesystem("memory")
    url = f"memory://{uuid.uuid4().hex}/ticks"
    bucket.put(f"{data.place}/", url.removeprefix("memory:/"), recursive=True)
    monkeypatch.setenv(DATA_FOLDER, url)
    remote = data.model_copy(update={"folder": None})
    assert content_of(remote) == content_of(data)
    here, there = InMemory(), InMemory()
    days = {
        name: DayTables(load_days(files, ZONE, content_of(files), kept)["days"], "2020-03-03", kept)
        for name, files, kept in (("here", data, here), ("there", remote, there))
    }
    for table in ("quotes", "trades"):
        pd.testing.assert_frame_equal(days["here"][table], days["there"][table], check_exact=True)


def test_a_renamed_file_leaves_no_second_copy_of_its_day(data, tmp_path):
    store = DatasetStore(tmp_path / "datasets")

    def derive():
        content = content_of(data)
        return store.derive(
            "market", load_days, inputs={}, parameters={"data": data, "zone": ZONE, "content": content},
            pieces=True,
        )  # fmt: skip

    def kept():
        (recipe,) = (tmp_path / "partitions").glob("market_file-*")
        tables = {name: pd.read_parquet(recipe / name) for name in ("quotes", "trades")}
        manifests = {path.parent.name for path in recipe.glob("_made/*/*/*.json")}
        files = list(recipe.rglob("*.parquet"))
        return {name: len(table) for name, table in tables.items()}, manifests, len(files)

    first = derive()
    rows, manifests, files = kept()
    assert rows == {"quotes": 24_000, "trades": 3_000}
    old = data.place / "20200303_quote.zip"
    old.rename(old.with_name("20200303_b_quote.zip"))
    derive()
    renamed = {*manifests, "20200303_b_quote.zip"} - {old.name}
    assert kept() == (rows, renamed, files)
    old.with_name("20200303_b_quote.zip").rename(old)
    assert derive() == first
    assert kept() == (rows, manifests, files)


def test_two_files_of_a_day_stand_beside_each_other_and_other_days_stay(data, tmp_path):
    store = DatasetStore(tmp_path / "datasets")

    def rows(files):
        chosen = data.model_copy(update={"files": files})
        parameters = {"data": chosen, "zone": ZONE, "content": content_of(chosen)}
        store.derive("market", load_days, inputs={}, parameters=parameters, pieces=True)
        (recipe,) = (tmp_path / "partitions").glob("market_file-*")
        return len(pd.read_parquet(recipe / "quotes"))

    (data.place / "late").mkdir()
    write_day(data.place / "late", date(2020, 3, 3), seed=8)
    twin = (data.place / "late" / "20200303_quote.zip").rename(data.place / "20200303_late_quote.zip")
    assert rows(("*_quote.zip",)) == 24_000 + 12_000
    twin.unlink()
    assert rows(("20200303*_quote.zip",)) == 24_000  # the twin is gone, the other day stays
    assert rows(("*_trade.zip",)) == 24_000  # another table of the same days


def test_the_same_file_under_two_names_is_one_clear_error(data):
    copy = data.place / "20200303_copy_trade.zip"
    copy.write_bytes((data.place / "20200303_trade.zip").read_bytes())
    with pytest.raises(
        DataError, match=r"20200303_copy_trade\.zip and 20200303_trade\.zip are the same file"
    ):
        content_of(data)


def test_trades_whose_id_another_file_of_the_day_has_are_held(tmp_path):
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    start = 1_583_157_600_000_000
    for name, ids in (("a.csv", range(1, 5)), ("b.csv", range(3, 7)), ("c.csv", [6])):
        rows = [f"venue,XYZ,{start + n},{start + n},{n},buy,20,1\n" for n in ids]
        (tmp_path / name).write_text(head + "".join(rows))
    data = MarketFiles(instrument="XYZ", files=["*.csv"], folder=tmp_path)
    pieces = InMemory()
    tables = load_days(data, "UTC", content_of(data), pieces)
    trades = DayTables(tables["days"], "2020-03-02", pieces)["trades"]
    assert trades["trade_id"].tolist() == [1, 2, 3, 4, 5, 6]
    assert tables["days"]["rows"].tolist() == [4, 2, 0]
    assert tables["held"].to_numpy().tolist() == [
        ["b.csv", "trades", REPEATED, 2, "row 2; row 3"],
        ["c.csv", "trades", REPEATED, 1, "row 2"],
    ]
    assert f"3 rows in quarantine: 3 {REPEATED}" in tables["notes"]["note"].iloc[1]


@pytest.mark.parametrize(("chosen", "held"), [(slice(-1), 1_499), (slice(500, 900), 400), (slice(1), 1)])
def test_trades_without_an_id_are_held_where_all_of_a_stretch_are_those_of_another_file(data, chosen, held):
    (data.place / "more").mkdir()
    own = data.model_copy(update={"files": ("*_trade.zip", "more/*_trade.zip")})
    lines = zipfile.ZipFile(data.place / "20200303_trade.zip").read("20200303_xyz_trade_Tick.csv").decode()
    again = lines.splitlines()[chosen]
    write(data.place / "more", date(2020, 3, 3), "trade", again)
    tables = load_days(own, ZONE, content_of(own))
    assert tables["held"]["count"].sum() == held
    assert tables["days"]["rows"].sum() == 3_000 + len(again) - held


def test_a_file_packed_anew_is_held_whole_though_its_trades_have_no_id(data):
    (data.place / "more").mkdir()
    packed = zipfile.ZipFile(data.place / "20200303_trade.zip").read("20200303_xyz_trade_Tick.csv")
    with zipfile.ZipFile(data.place / "more" / "20200303_trade.zip", "w", zipfile.ZIP_DEFLATED) as anew:
        anew.writestr("20200303_xyz_trade_Tick.csv", packed)
    own = data.model_copy(update={"files": ("*_trade.zip", "more/*_trade.zip")})
    pieces = InMemory()
    tables = load_days(own, ZONE, content_of(own), pieces)
    assert tables["held"][["file", "reason", "count"]].to_numpy().tolist() == [
        ["more/20200303_trade.zip", REPEATED, 1_500]
    ]
    assert len(DayTables(tables["days"], "2020-03-03", pieces)["trades"]) == 1_500


def test_a_pattern_without_a_file_and_a_missing_folder_are_named(data, tmp_path):
    with pytest.raises(DataError, match=r"no file nothing\*"):
        content_of(data.model_copy(update={"files": ("nothing*",)}))
    with pytest.raises(DataError, match="no such folder"):
        content_of(data.model_copy(update={"folder": tmp_path / "elsewhere"}))


def test_faults_are_counted_with_examples(data):
    rows = 'x,"?"\n'
    path = data.place / "20200304_trade.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20200304_xyz_trade_Tick.csv", "36000000,200000,100,Q,1,0\n" + rows)
    held = load_days(data, ZONE, content_of(data))["held"]
    assert held["count"].sum() == 1
    assert held["file"].iloc[0] == path.name


@pytest.mark.parametrize(
    ("name", "text", "table"),
    [
        ("positions.csv", "instrument,time,quantity\nXYZ,2020-03-02T15:00:00Z,5\n", "positions"),
        ("social.csv", "time,author,text\n2020-03-02T15:00:00Z,a1,up\n", "social"),
        ("fees.csv", f"{','.join(KNOWN)}\n2020-03-02,5,5,5\n", "alternative"),
    ],
)
def test_records_among_the_market_s_files_are_one_clear_error(data, tmp_path, name, text, table):
    (tmp_path / name).write_text(text)
    own = data.model_copy(update={"files": (*data.files, name)})
    with pytest.raises(DataError, match=rf"{name}: holds {table}, .*\[data\.alternative\]"):
        load_days(own, ZONE, content_of(own))


def test_files_of_the_other_market_stand_under_names_of_their_own(data):
    both = data.model_copy(update={"files": ("*_quote.zip",), "other_files": ("*_trade.zip",)})
    tables = load_days(both, ZONE, content_of(both))
    assert set(tables["days"]["table"]) == {"quotes", "other_trades"}
    twice = data.model_copy(update={"other_files": ("*_trade.zip",)})
    with pytest.raises(
        DataError, match=r"20200302_trade\.zip: named by data\.files and by data\.other_files"
    ):
        load_days(twice, ZONE, content_of(twice))
    none = data.model_copy(update={"other_files": ("spot_*",)})
    with pytest.raises(DataError, match=r"no file spot_\* as data\.other_files names it"):
        content_of(none)


LOBSTER = "XYZ_2020-03-02_34200000_57600000_{}_1.csv"


def lobster_day(folder, ask=200_100):
    (folder / LOBSTER.format("message")).write_text("34200.5,1,7,18,200000,1\n34201.5,1,8,18,200000,1\n")
    (folder / LOBSTER.format("orderbook")).write_text(f"{ask},5,200000,18\n{ask},5,200000,36\n")
    return {"files": ["*_message_*.csv"]}


def binance_day(folder, ask=20.01):
    update = {"e": "depthUpdate", "E": 1_583_157_600_000, "s": "XYZ", "U": 11, "u": 12, "b": [], "a": []}
    said = json.dumps({"stream": "xyz@depth", "data": update | {"b": [["19", "1"]]}})
    (folder / "a.log").write_text(f"1583157600002 {said}\n")
    (folder / "first.json").write_text(
        json.dumps({"lastUpdateId": 10, "bids": [["20", "5"]], "asks": [[str(ask), "5"]]})
    )
    return {"files": ["a.log"], "terms": Terms(snapshot="first.json")}


def best_ask(index, shelf):
    tables = DayTables(index, "2020-03-02", shelf)
    if "book" in tables:
        return tables["book"]["ask_price"].iloc[0][0]
    events = tables["book_events"]
    return events.loc[events["side"] == -1, "price"].iloc[0]


@pytest.mark.parametrize(("day", "new"), [(lobster_day, 200_900), (binance_day, 20.09)])
def test_a_file_is_read_again_where_the_one_read_beside_it_has_changed(tmp_path, day, new):
    made = []
    store = DatasetStore(
        tmp_path / "datasets", runner=lambda calls: (made.extend(call.key for call in calls), in_turn(calls))
    )

    def asked(place):
        data = MarketFiles(instrument="XYZ", folder=tmp_path / place, **settings)
        parameters = {"data": data, "zone": "UTC", "content": content_of(data)}
        key = store.derive("market", load_days, inputs={}, parameters=parameters, pieces=True)
        return best_ask(store.open(key)["days"], store.partitions)

    (tmp_path / "ticks").mkdir()
    settings = day(tmp_path / "ticks")
    assert asked("ticks") == 20.01
    (tmp_path / "ticks").rename(tmp_path / "moved")
    assert asked("moved") == 20.01
    assert len(made) == 1, "the same files at another place are known"
    day(tmp_path / "moved", new)
    assert asked("moved") == 20.09
    assert len(made) == 2


def test_a_snapshot_is_seen_from_the_folder_of_the_files_at_a_url_too(tmp_path, monkeypatch):
    settings = binance_day(tmp_path)
    bucket = fsspec.filesystem("memory")
    url = f"memory://{uuid.uuid4().hex}/ticks"
    bucket.put(f"{tmp_path}/", url.removeprefix("memory:/"), recursive=True)
    monkeypatch.setenv(DATA_FOLDER, url)
    data, pieces = MarketFiles(instrument="XYZ", **settings), InMemory()
    assert best_ask(load_days(data, "UTC", content_of(data), pieces)["days"], pieces) == 20.01
    bucket.rm(f"{url}/first.json")
    with pytest.raises(DataError, match=r"first\.json: no such file"):
        content_of(data)


def test_a_snapshot_begins_the_file_of_its_updates_and_the_others_go_on_by_ids(tmp_path):
    settings = binance_day(tmp_path) | {"files": ["*.log"]}
    later = (tmp_path / "a.log").read_text().replace('"U": 11, "u": 12', '"U": 13, "u": 14')
    (tmp_path / "b.log").write_text(later.replace("1583157600", "1583157700"))
    earlier = (tmp_path / "a.log").read_text().replace('"U": 11, "u": 12', '"U": 9, "u": 10')
    (tmp_path / "0.log").write_text(earlier.replace("1583157600", "1583157500"))

    def read():
        data, pieces = MarketFiles(instrument="XYZ", folder=tmp_path, **settings), InMemory()
        return DayTables(load_days(data, "UTC", content_of(data), pieces)["days"], "2020-03-02", pieces)

    events = read()["book_events"]
    assert events.loc[events["kind"] == CLEAR, "file"].tolist() == [1]
    assert events.loc[events["kind"] == START, ["file", "sequence"]].to_numpy().tolist() == [[0, 8], [2, 12]]
    assert (events.loc[events["kind"] == LEVEL, "file"] == [0, 1, 1, 1, 2]).all()
    (tmp_path / "first.json").write_text('{"lastUpdateId": 20, "bids": [], "asks": [["21", "1"]]}')
    with pytest.raises(DataError, match=r"first\.json: no file has the updates that follow on it"):
        read()


@pytest.mark.parametrize("ids", [(1, 1), (1, 500)], ids=["ids of both", "ids of one"])
def test_trades_and_what_joins_them_in_two_files_of_a_day_are_an_error(tmp_path, ids):
    def log(kind, first):
        said = {"e": kind, "s": "XYZ", "p": "20", "q": "1", "m": True}
        for n in range(5):
            at = 1_583_157_600_000 + 1_000 * n
            yield f"{at} {json.dumps(said | {'E': at, 'T': at, 't': first + n, 'a': first + n})}\n"

    for name, kind, first in (("a.log", "trade", ids[0]), ("b.log", "aggTrade", ids[1])):
        (tmp_path / name).write_text("".join(log(kind, first)))
    data = MarketFiles(instrument="XYZ", files=["*.log"], folder=tmp_path)
    with pytest.raises(DataError, match=r"a\.log and b\.log: one tells the trades of 2020-03-02 one by one"):
        load_days(data, "UTC", content_of(data))


@pytest.mark.parametrize("ids", [(1, 2), ("", "")], ids=["with ids", "without"])
def test_files_of_two_venues_in_one_market_are_an_error(tmp_path, ids):
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    for venue, number in zip(("binance", "bybit"), ids, strict=True):
        at = 1_583_157_600_000_000
        (tmp_path / f"{venue}.csv").write_text(head + f"{venue},XYZ,{at},{at},{number},buy,20,1\n")
    data = MarketFiles(instrument="XYZ", files=["*.csv"], folder=tmp_path)
    with pytest.raises(DataError, match=r"binance\.csv is of binance and bybit\.csv of bybit: .* one venue"):
        load_days(data, "UTC", content_of(data))
    both = data.model_copy(update={"files": ("binance.csv",), "other_files": ("bybit.csv",)})
    assert len(load_days(both, "UTC", content_of(both))["days"]) == 2


def test_marks_among_a_stream_s_messages_are_a_table_of_their_day(tmp_path):
    settings = binance_day(tmp_path)
    mark = {
        "e": "markPriceUpdate",
        "E": 1_583_157_601_000,
        "s": "XYZ",
        "p": "20.1",
        "i": "20.2",
        "r": "0.0001",
    }
    with (tmp_path / "a.log").open("a") as log:
        log.write(f"1583157601002 {json.dumps({'stream': 'xyz@markPrice', 'data': mark})}\n")
    data, pieces = MarketFiles(instrument="XYZ", folder=tmp_path, **settings), InMemory()
    index = load_days(data, "UTC", content_of(data), pieces)["days"]
    marks = DayTables(index, "2020-03-02", pieces)["alternative"]
    assert dict(zip(marks["series"], marks["value"], strict=True)) == {
        "mark_price": 20.1, "index_price": 20.2, "funding_rate_so_far": 0.0001
    }  # fmt: skip


def test_memory_does_not_grow_with_the_length_of_a_file(data, tmp_path, monkeypatch):
    def read(blocks, rows=500):
        for number in range(blocks):
            row = np.arange(number * rows, (number + 1) * rows)
            known = np.datetime64("2020-03-02", "ns") + row * np.timedelta64(2, "s")
            stamps = {"event_time": known, "known_time": known, "source_row": row}
            rest = {"price": 20.0, "size": 1.0, "side": 0, "trade_id": row, "venue": "v", "condition": ""}
            yield batch("trades", stamps | rest)
            yield held("trades", "t", [(int(each), f"fault {each % 3}", "text") for each in row])

    monkeypatch.setattr(parts, "IN_MEMORY", 1 << 16)
    monkeypatch.setattr(partition_file, "GROUP", 1 << 11)
    store, key = PartitionStore(str(tmp_path / "store")), Place("market_file-1", "XYZ", "t", "1").key
    settings = {"format": "", "national_best": False, "zone": "UTC", "prefix": ""}
    file = data.place / "20200302_trade.zip"

    def work():
        store.write(key, market_file(str(file), "t", Terms(), settings))

    peaks = {}
    for blocks in (1, 300, 100):
        monkeypatch.setattr(market_days, "read", lambda *_, blocks=blocks: read(blocks))
        peaks[blocks] = peak_memory(work)
    assert peaks[300] < 2 * peaks[100]
    found = store.open(key)
    assert found["days"]["rows"].tolist() == [43_200, 6_800]
    assert found["held"][["reason", "count", "examples"]].to_numpy().tolist() == [
        ["fault 0", 16_667, "row 0; row 3; row 6; row 9; row 12"],
        ["fault 1", 16_667, "row 1; row 4; row 7; row 10; row 13"],
        ["fault 2", 16_666, "row 2; row 5; row 8; row 11; row 14"],
    ]
