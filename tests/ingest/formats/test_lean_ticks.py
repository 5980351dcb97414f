import csv
import io
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats, read
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.national_best import national_best
from pipeline.ingest.raw_stream import RawStream

QUOTES = b"34200000,139900,500,0,0,Q,1,0\n34200000,0,0,140000,300,K,1,0\n34200005,139800,100,0,0,N,1,0\n"
TRADES = b"34200001,139900,200,D,1,0\n34200003,140000,100,Q,20,0\n"


def zipped(path, content, member="20131007_bac_Quote_Tick.csv"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return path


def test_quotes_tell_one_side_and_the_other_is_not_known(tables, tmp_path):
    found = tables(zipped(tmp_path / "20131007_quote.zip", QUOTES))["quotes"]
    assert found["bid_price"].to_pylist()[0] == 13.99
    assert np.isnan(found["ask_price"].to_pylist()[0])
    assert found["ask_price"].to_pylist()[1] == 14.0
    assert found["venue"].to_pylist() == ["Q", "K", "N"]
    assert str(found["event_time"][0].as_py()) == "2013-10-07 13:30:00+00:00"
    assert found["source_row"].to_pylist() == [1, 2, 3]


def test_trades_have_no_side_and_the_winter_is_an_hour_later(tables, tmp_path):
    path = zipped(tmp_path / "20131210_trade.zip", TRADES, "20131210_bac_Trade_Tick.csv")
    found = tables(path, known_lag_seconds=0.5)["trades"]
    assert found["side"].to_pylist() == [0, 0]
    assert found["condition"].to_pylist() == ["1", "20"]
    assert found["event_time"][0].value == pd.Timestamp("2013-12-10 14:30:00.001", tz="UTC").value
    assert (found["known_time"][0].value - found["event_time"][0].value) == 500_000_000


BAD = {
    b"34200006,139900,500,0,0,Q,1,1\n": "marked suspicious by the vendor",
    b"34200006,13.99,500,0,0,Q,1,0\n": "not a whole number: bid",
    b"34200006,-139900,500,0,0,Q,1,0\n": "negative bid_price",
    b"34200006,139900,-5,0,0,Q,1,0\n": "negative bid_size",
    b"34200006,0,0,0,0,Q,1,0\n": "neither bid nor ask",
    b"34200006,0,7,140000,3,Q,1,0\n": "bid of no price with a size",
    b"34200006,13990000,500,0,0,Q,1,0\n": "bid in another unit than those around it",
    b"94200006,139900,500,0,0,Q,1,0\n": "time outside the day",
    b"30000000,139900,500,0,0,Q,1,0\n": "clock goes back",
    b",139900,500,0,0,Q,1,0\n": "no value: ms",
    b"34200006,139900,500,0,0,Q,1\n": "wrong number of fields",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_is_held_with_its_line_and_reason(tables, tmp_path, line):
    found = tables(zipped(tmp_path / "20131007_quote.zip", QUOTES + line))
    assert found["quotes"].num_rows == 3
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[line]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [4]


def test_files_are_known_by_name_and_first_row(tmp_path):
    path = zipped(tmp_path / "20131007_quote.zip", QUOTES)
    assert format_of(RawStream(str(path))) is formats()["lean_ticks"]
    other = zipped(tmp_path / "20131007_trade.zip", QUOTES)
    with pytest.raises(DataError, match="no format"):
        format_of(RawStream(str(other)))


def test_a_day_must_be_given(tables, tmp_path):
    with pytest.raises(DataError, match="quotes or trades"):
        tables(zipped(tmp_path / "some.zip", QUOTES, "a.csv"), "lean_ticks")
    with pytest.raises(DataError, match="20139999 is no date"):
        tables(zipped(tmp_path / "20139999_quote.zip", QUOTES), "lean_ticks")


@pytest.mark.parametrize("inside", ["20131008_bac_Quote_Tick.csv", "20131007_bac_Trade_Tick.csv"])
def test_an_archive_that_holds_another_day_or_kind_than_its_name_is_refused(tables, tmp_path, inside):
    path = zipped(tmp_path / "20131007_quote.zip", QUOTES, inside)
    with pytest.raises(DataError, match=rf"20131007_quote\.zip: holds {inside}: name both alike"):
        tables(path, "lean_ticks")


def test_half_a_zip_and_junk_in_one_are_clear_errors(tables, tmp_path):
    path = zipped(tmp_path / "20131007_quote.zip", QUOTES * 1000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged or half written"):
        tables(path, "lean_ticks")
    assert QUARANTINE in tables(zipped(path, bytes(range(256)) * 50), "lean_ticks")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed):
    survives(seed, "20131007_quote.csv", QUOTES * 4, "lean_ticks", header=0)
    survives(seed, "20131007_trade.csv", TRADES * 4, "lean_ticks", header=0)


@pytest.mark.slow
@pytest.mark.parametrize("day", ["20131007", "20131011"])
def test_real_rows_are_what_a_plain_loop_reads_and_trades_lie_inside_the_national_best(shared, tables, day):
    folder = shared / "ticks" / "lean_equity" / "bac"
    found = tables(folder / f"{day}_quote.zip")
    assert QUARANTINE not in found
    with zipfile.ZipFile(folder / f"{day}_quote.zip") as archive:
        text = io.TextIOWrapper(archive.open(archive.namelist()[0]))
        rows = [(int(row[0]), int(row[1]), int(row[3]), row[5]) for row in csv.reader(text)]
    ms, bid, ask, venue = zip(*rows, strict=True)
    midnight = pd.Timestamp(day, tz="America/New_York").value
    quotes = found["quotes"].to_pandas()
    np.testing.assert_array_equal(
        quotes["event_time"].astype("int64"), midnight + np.array(ms, dtype=np.int64) * 1_000_000
    )
    np.testing.assert_array_equal(quotes["bid_price"].fillna(0.0), np.array(bid) / 10_000)
    np.testing.assert_array_equal(quotes["ask_price"].fillna(0.0), np.array(ask) / 10_000)
    assert quotes["venue"].tolist() == list(venue)

    batches = list(national_best(read(RawStream(str(folder / f"{day}_quote.zip")), Terms()), "q"))
    best = pa.Table.from_batches([each.rows for each in batches if each.table == "quotes"]).to_pandas()
    trades = tables(folder / f"{day}_trade.zip")["trades"].to_pandas()
    local = trades["event_time"].dt.tz_convert("America/New_York")
    regular = trades[(local.dt.time >= pd.Timestamp("09:30").time()) & (local.dt.hour < 16)]
    before = pd.merge_asof(regular, best, on="event_time", allow_exact_matches=False)
    quoted = before["bid_price"].notna() & before["ask_price"].notna()
    inside = before["price"].between(before["bid_price"], before["ask_price"])
    assert quoted.mean() > 0.95
    assert inside[quoted].mean() > 0.995
