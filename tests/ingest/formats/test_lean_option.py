import csv
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.raw_stream import RawStream

MEMBER = "aapl_quote_american_call_1000000_20160115.csv"
BARS = (
    b"20150102 00:00,181000,186000,162000,175500,224,183500,203500,167000,177500,103\n"
    b"20150105 00:00,,,,,,177500,177500,154000,160500,601\n"
    b"20150106 00:00,159000,169500,150500,161000,135,160500,171000,152500,163000,243\n"
)
# ruff: noqa: E501
BAD = {
    b"20150107 00:00,161000,174000,161000,171000,12,163000,175000,163000,170000,63": "crossed quote",
    b"20150107 00:00,161000,174000,161000,171000,12,163000,175000,163000,171000,63": "locked quote",
    b"20150107 00:00,161000,160000,161000,171000,12,163000,175000,163000,172500,63": "high is not the highest: bid",
    b"20150107 00:00,161000,174000,165000,171000,12,163000,175000,163000,172500,63": "low is not the lowest: bid",
    b"20150107 00:00,161000,174000,,171000,12,163000,175000,163000,172500,63": "half a bar: bid",
    b"20150107 00:00,161000,174000,161000,171000,-12,163000,175000,163000,172500,63": "negative bid_size",
    b"20150110 00:00,161000,174000,161000,171000,12,163000,175000,163000,172500,63": "quoted on a day without a session: a stale copy",
    b"20150106 00:00,161000,174000,161000,171000,12,163000,175000,163000,172500,63": "duplicate: its day has been",
    b"20150102 00:00,161000,174000,161000,171000,12,163000,175000,163000,172500,63": "day out of order",
    b"20150107 10:00,161000,174000,161000,171000,12,163000,175000,163000,172500,63": "a time of day in a file of days",
    b"20160119 00:00,161000,174000,161000,171000,12,163000,175000,163000,172500,63": "expired before it was quoted",
}  # fmt: skip


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(f"{member}.csv", content)
    return path


@pytest.fixture
def archive(tmp_path):
    return lambda content: zipped(tmp_path / "aapl_2015_quote_american.zip", **{MEMBER[:-4]: content})


def test_the_contract_is_in_the_name_and_the_quote_is_the_last_of_the_day(archive, tables):
    path = archive(BARS)
    assert format_of(RawStream(str(path))) is formats()["lean_option"]
    table = tables(path)["option_quotes"].to_pandas()
    first = table.iloc[0]
    assert (first["underlying"], first["right"], first["strike"]) == ("AAPL", 1, 100.0)
    assert (first["exercise"], first["settlement"], str(first["expiry"])) == ("american", "pm", "2016-01-15")
    assert (first["bid"], first["ask"], first["bid_size"], first["ask_size"]) == (17.55, 17.75, 224.0, 103.0)
    assert np.isnan(table["bid"][1])
    assert first["event_time"] == pd.Timestamp("2015-01-02 21:00", tz="UTC")


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_is_held_with_its_line_and_reason(archive, tables, line):
    found = tables(archive(BARS + line + b"\n"))
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[line]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [4]
    assert found["option_quotes"].num_rows == 3


def scaled(line, factor):
    fields = line.split(b",")
    prices = [b"%d" % round(int(text) * factor) for text in fields[1:5] + fields[6:10]]
    return b",".join([fields[0], *prices[:4], fields[5], *prices[4:], fields[10]])


DAYS = [
    b"2015010%d 00:00,161000,174000,161000,%d,12,163000,175000,163000,%d,63" % (day, close, close + 2000)
    for day, close in ((5, 165000), (6, 171000), (7, 172000), (8, 168000))
]


@pytest.mark.parametrize("factor", [100, 0.01, 1e-3])
@pytest.mark.parametrize("row", [1, 2])
def test_a_day_in_another_unit_than_those_beside_it_is_held(archive, tables, factor, row):
    lines = list(DAYS)
    assert QUARANTINE not in tables(archive(b"\n".join([*lines, b""])))
    lines[row] = scaled(lines[row], factor)
    found = tables(archive(b"\n".join([*lines, b""])))
    assert found[QUARANTINE]["reason"].to_pylist() == ["price in another unit than those around it"]
    assert found[QUARANTINE]["source_row"].to_pylist() == [row + 1]


def test_a_change_that_lasts_is_no_other_unit(archive, tables):
    lines = [*DAYS[:2], *(scaled(line, 0.01) for line in DAYS[2:])]
    assert QUARANTINE not in tables(archive(b"\n".join([*lines, b""])))


def test_a_put_above_its_strike_is_held(tmp_path, tables):
    lines = [scaled(DAYS[0], 10), *DAYS[1:]]
    member = "aapl_quote_american_put_1000000_20160115"
    path = zipped(tmp_path / "aapl_quote_american.zip", **{member: b"\n".join([*lines, b""])})
    held = tables(path, "lean_option")[QUARANTINE].to_pydict()
    assert (held["source_row"], held["reason"]) == ([1], ["bid above what the option can be worth"])


def test_every_contract_of_an_archive_is_read_or_the_one_that_is_named(tmp_path, tables):
    put = "aapl_quote_american_put_950000_20160115"
    path = zipped(tmp_path / "aapl_quote_american.zip", **{MEMBER[:-4]: BARS, put: BARS})
    both = tables(path, "lean_option")["option_quotes"].to_pandas()
    assert both["strike"].value_counts().to_dict() == {100.0: 3, 95.0: 3}
    assert tables(path, member=f"{put}.csv")["option_quotes"]["right"].to_pylist() == [-1] * 3


def test_a_name_without_a_contract_is_one_clear_error(tmp_path, tables):
    path = zipped(tmp_path / "aapl_quote_american.zip", bars=BARS)
    with pytest.raises(DataError, match=r"bars\.csv names no contract"):
        tables(path, "lean_option")
    odd = zipped(tmp_path / "aapl_quote_american.zip", aapl_quote_american_call_1000000_20169915=BARS)
    with pytest.raises(DataError, match="20169915 is no date"):
        tables(odd, "lean_option")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed):
    survives(seed, MEMBER, BARS * 3, "lean_option", header=0)


def test_real_bars_are_what_a_plain_loop_reads(shared, tables):
    path = shared / "options" / "aapl_2015" / "aapl_2015_quote_american.zip"
    found = tables(path)
    with zipfile.ZipFile(path) as opened:
        rows = list(csv.reader(io.TextIOWrapper(opened.open(MEMBER))))
    table = found["option_quotes"].to_pandas()
    assert QUARANTINE not in found
    assert len(table) == len(rows) == 250
    assert table["bid"].tolist() == [int(row[4]) / 10_000 for row in rows]
    assert table["ask"].tolist() == [int(row[9]) / 10_000 for row in rows]
    days = [f"{day:%Y%m%d} 00:00" for day in table["event_time"].dt.tz_convert("America/New_York")]
    assert days == [row[0] for row in rows]
