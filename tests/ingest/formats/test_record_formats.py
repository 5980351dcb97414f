import json

import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.market_tables import QUARANTINE, SCHEMAS
from pipeline.ingest.raw_stream import RawStream

FILES = {
    "headlines": b"""published,headline,source
2020-01-02T09:30:00Z,"Rates held, for now",wire
2020-01-02T09:31:00Z,Jobs beat forecast,wire
""",
    "social": b"""time,author,text,count
2020-01-02T09:30:00Z,alice,up we go,
2020-01-02T09:31:00Z,2bd806c97f0e00af,,12
""",
    "positions": b"""time,instrument,quantity,price
2020-01-02T21:00:00Z,SPX,-3,3257.85
2020-01-02T21:00:00Z,ES,12.5,
""",
    "fills": b"""time,instrument,side,size,price,fee,venue,order_id,fill_id,mid
2020-01-02T15:00:00Z,ES,buy,2,3250.25,4.5,CME,a1,1,3250.125
2020-01-02T15:01:00Z,ES,Sell,1,3250.00,-1,CME,a2,2,
""",
    "limits": b"""time,limit,instrument,value,unit
2020-01-02,gross,,1e6,USD
2020-01-02,delta,ES,50,contracts
""",
}
BAD = {
    ("headlines", "2020-01-02T09:32:00Z,,wire"): "no value: text",
    ("headlines", "2020-01-02T25:32:00Z,Rates held,wire"): "not a time: time",
    ("social", "2020-01-02T09:32:00Z,bob,hello,-3"): "negative count",
    ("social", "2020-01-02T09:32:00Z,bob,hello,many"): "not a number: count",
    ("positions", "2020-01-02T21:00:00Z,EZ,1,"): "unknown instrument EZ; did you mean ES?",
    ("positions", "2020-01-02T21:00:00Z,ES,lots,"): "not a number: quantity",
    ("positions", "2020-01-02T21:00:00Z,ES,1,-3"): "price below zero",
    ("fills", "2020-01-02T15:02:00Z,ES,hold,2,3250,1,CME,a3,3,"):
        "side is none of buy, b, bot, 1, sell, s, sld, -1",
    ("fills", "2020-01-02T15:02:00Z,ES,buy,-2,3250,1,CME,a3,3,"): "size not above zero",
    ("fills", "2020-01-02T15:02:00Z,ES,buy,2,3250,,CME,a3,3,"): "not a number: fee",
    ("fills", "2020-01-02T15:02:00Z,ES,buy,2,3250,1,CME,a3,3,0"): "mid not above zero",
    ("fills", "2099-01-02T15:02:00Z,ES,buy,2,3250,1,CME,a3,3,"): "in the future: is its year right?",
    ("positions", "2099-01-02T21:00:00Z,ES,1,3"): "in the future: is its year right?",
    ("limits", "2020-01-02,vega,ES,-1,USD"): "a limit below zero",
    ("limits", "2020-01-02,vega,ES,none,USD"): "not a number: value",
}  # fmt: skip
TERMS = {"time_zone": "America/New_York", "instruments": ("SPX", "ES")}


@pytest.fixture
def load(tables, tmp_path):
    def run(table, content, **terms):
        path = tmp_path / f"{table}.csv"
        path.write_bytes(content)
        return tables(path, **terms)

    return run


@pytest.mark.parametrize("table", FILES)
def test_a_file_is_known_by_its_columns_and_read_whole(load, table, tmp_path):
    found = load(table, FILES[table], **TERMS)
    assert found[table].num_rows == 2
    assert QUARANTINE not in found
    assert format_of(RawStream(str(tmp_path / f"{table}.csv"))) is formats()[table]


@pytest.mark.parametrize(("table", "row"), BAD)
def test_a_bad_row_is_held_with_its_line_and_reason(load, table, row):
    found = load(table, FILES[table] + row.encode() + b"\n", **TERMS)
    assert found[table].num_rows == 2
    held = found[QUARANTINE].to_pylist()
    assert [(each["source_row"], each["table"]) for each in held] == [(4, table)]
    assert held[0]["reason"] in (BAD[table, row], "no value: fee")


def test_a_limit_may_begin_in_the_future(load):
    found = load("limits", FILES["limits"] + b"2099-01-02,delta,ES,50,contracts\n", **TERMS)
    assert found["limits"].num_rows == 3


def test_values_are_those_written(load):
    fills = load("fills", FILES["fills"])["fills"].to_pandas()
    assert fills["side"].tolist() == [1, -1]
    assert fills["fee"].tolist() == [4.5, -1.0]
    assert np.isnan(fills["mid"][1])
    positions = load("positions", FILES["positions"])["positions"].to_pandas()
    assert positions["quantity"].tolist() == [-3.0, 12.5]
    limits = load("limits", FILES["limits"], time_zone="UTC")["limits"].to_pandas()
    assert limits["instrument"].tolist() == ["", "ES"]
    assert limits["event_time"][0] == pd.Timestamp("2020-01-03", tz="UTC")
    headlines = load("headlines", FILES["headlines"], known_lag_seconds=2.0)["headlines"].to_pandas()
    assert headlines["text"][0] == "Rates held, for now"
    assert (headlines["known_time"] - headlines["event_time"] == pd.Timedelta("2s")).all()


def test_no_authors_name_is_kept_not_even_in_quarantine(load):
    content = (
        FILES["social"] + b"2020-01-02T09:32:00Z,alice,hello,-3\n2020-01-02T09:32:00Z,alice,x,y\nalice,1\n"
    )
    found = load("social", content)
    assert found["social"]["author"].to_pylist() == ["2bd806c97f0e00af1a1fc3328fa763a9", "2bd806c97f0e00af"]
    assert found["social"]["count"].to_pylist() == [1.0, 12.0]
    assert found[QUARANTINE].num_rows == 3
    assert "alice" not in str(found[QUARANTINE].to_pylist())


@pytest.mark.parametrize("table", FILES)
def test_json_lines_parquet_and_a_database_give_what_csv_gives(load, tables, tmp_path, table):
    expected = load(table, FILES[table], **TERMS)[table].drop_columns(["source_row"])
    frame = pd.read_csv(tmp_path / f"{table}.csv", dtype=str, keep_default_na=False)
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    frame.to_parquet(tmp_path / "rows.parquet")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/desk.db")
    frame.to_sql("rows", engine, index=False)
    engine.dispose()
    for path, member in (
        (lines, ""),
        (tmp_path / "rows.parquet", ""),
        (f"sqlite:///{tmp_path}/desk.db", "rows"),
    ):
        found = tables(path, table, member, **TERMS)[table].drop_columns(["source_row"])
        assert found.schema.remove_metadata() == expected.schema.remove_metadata()
        pd.testing.assert_frame_equal(found.to_pandas(), expected.to_pandas())
    assert expected.schema.names == [name for name in SCHEMAS[table].names if name != "source_row"]


@pytest.mark.parametrize("table", FILES)
def test_a_missing_column_is_one_clear_error(load, table):
    with pytest.raises(DataError, match=r"of no format that is known|has no column"):
        load(table, FILES[table].replace(b"time", b"moment").replace(b"published", b"moment"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), table=st.sampled_from(sorted(FILES)))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed, table):
    survives(seed, f"{table}.csv", FILES[table], table, **TERMS)
