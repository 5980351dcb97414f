import gzip

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

from pipeline.domain.errors import DataError
from pipeline.ingest.delimited import NO_END, NOT_TEXT, WRONG_FIELDS
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.record_screen import RecordScreen
from pipeline.ingest.records import Records, records

ROWS = [{"time": "2020-01-01", "qty": 5}, {"time": "2020-01-02", "qty": 7}]


@pytest.fixture
def read(tmp_path):
    def run(content, name="a.csv"):
        (tmp_path / name).write_bytes(content)
        return list(records(RawStream(str(tmp_path / name))))

    return run


def test_the_same_rows_come_out_of_every_kind_of_file(read, tmp_path):
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "a.parquet")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/desk.db")
    frame.to_sql("held", engine, index=False)
    engine.dispose()
    kinds = [
        read(b"Time,QTY\n2020-01-01,5\n2020-01-02,7\n"),
        read(b"time;qty\r\n2020-01-01;5\r\n2020-01-02;7\r\n", "b.csv"),
        read(
            gzip.compress(b'{"time": "2020-01-01", "qty": 5}\n{"time": "2020-01-02", "qty": 7}'), "a.jsonl.gz"
        ),
        list(records(RawStream(str(tmp_path / "a.parquet")))),
        list(records(RawStream(f"sqlite:///{tmp_path}/desk.db", "held"))),
    ]
    for found in kinds:
        rows = [{name: str(value) for name, value in row.items()} for each in found for row in each.rows]
        assert rows == [{name: str(value) for name, value in row.items()} for row in ROWS]


def test_lines_that_are_no_records_are_held(read):
    found = read(b'time,text\n1,"a,b"\n\n2\n3,"open\n\xff,x\n4,c', "a.csv")
    assert [row for each in found for row in each.rows] == [{"time": "1", "text": "a,b"}]
    assert {number: reason for each in found for number, reason, _ in each.odd} == {
        4: WRONG_FIELDS,
        5: WRONG_FIELDS,
        6: NOT_TEXT,
        7: NO_END,
    }


def test_json_lines_must_be_objects(read):
    (found,) = read(b'{"a": 1}\n[1]\n{"a": \n{"a": 2}\n', "a.jsonl")
    assert found.rows == [{"a": 1}, {"a": 2}]
    assert [odd[0] for odd in found.odd] == [2, 3]


def test_what_cannot_be_read_is_one_clear_error(read, tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        read(b"time,text\n")
    with pytest.raises(DataError, match="line 1 names no columns"):
        read(b"time,time\n1,2\n")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as Parquet"):
        read(b"PAR1 and nothing else", "a.parquet")
    with pytest.raises(DataError, match="no such file"):
        list(records(RawStream(f"sqlite:///{tmp_path}/nowhere.db", "held")))
    sqlalchemy.create_engine(f"sqlite:///{tmp_path}/desk.db").connect().close()
    (tmp_path / "desk.db").touch()
    with pytest.raises(DataError, match="has no table held"):
        list(records(RawStream(f"sqlite:///{tmp_path}/desk.db", "held")))
    with pytest.raises(DataError, match="which table"):
        list(records(RawStream(f"sqlite:///{tmp_path}/desk.db")))


TIMES = {
    "2020-01-01T12:00:00Z": "2020-01-01T12:00",
    "2020-01-01 12:00:00+03:00": "2020-01-01T09:00",
    "1577880000": "2020-01-01T12:00",
    "1577880000000": "2020-01-01T12:00",
    "1577880000000000": "2020-01-01T12:00",
    "1577880000000000000": "2020-01-01T12:00",
    "2020-07-01T12:00:00": "2020-07-01T16:00",
    "2020-01-01": "2020-01-02T05:00",
    "20200101": "2020-01-02T05:00",
}
NO_TIMES = {
    "": "no value: time",
    "yesterday": "not a time: time",
    "2020-02-30": "not a time: time",
    "1020-01-01": "not a time of 1990 to 2100: time",
    "12": "not a time of 1990 to 2100: time",
    "2020-11-01T01:30:00": "hour that the change of clocks skips or repeats: time",
    "9999-12-31": "not a time of 1990 to 2100: time",
    "1e999": "not a time: time",
}


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_in_utc(text):
    screen = RecordScreen(Records([{"t": text}], [2]), {"time": "t"})
    found = screen.instants("time", "America/New_York")
    assert screen.sound.all()
    assert found[0] == np.datetime64(TIMES[text], "ns")


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_held(text):
    screen = RecordScreen(Records([{"t": text}], [2]), {"time": "t"})
    screen.instants("time", "America/New_York")
    assert screen.reasons == {0: NO_TIMES[text]}


def test_a_time_without_an_offset_needs_a_zone():
    screen = RecordScreen(Records([{"t": "2020-01-01T12:00:00"}], [2]), {"time": "t"})
    screen.instants("time", "")
    assert screen.reasons == {0: "a time without an offset: set time_zone in the terms: time"}
