import bz2
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.sources import content_of, load_tables

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SESSIONS = sessions_between(pd.Timestamp("2018-01-02"), pd.Timestamp("2018-12-31"))
COLUMNS = {name: name for name in ("date", "open", "high", "low", "close", "volume")}


def bar_lines(sessions=SESSIONS):
    """Return the lines of a good file of bars, header first."""
    close = 100.0 + np.round(np.sin(np.arange(len(sessions))), 2)
    rows = [
        f"{day:%Y-%m-%d},{c - 0.5},{c + 1.0},{c - 1.0},{c},{1000 + i}"
        for i, (day, c) in enumerate(zip(sessions, close, strict=True))
    ]
    return ["date,open,high,low,close,volume", *rows]


def vol_lines(sessions=SESSIONS):
    return ["DATE,CLOSE", *(f"{day:%m/%d/%Y},{15 + i % 7}" for i, day in enumerate(sessions))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def load(folder):
    """Return a function that writes the two files from lines and loads them."""

    def run(bars=None, vol=None, bars_file="bars.csv", bars_settings=None, vol_settings=None, **settings):
        for name, lines, good in ((bars_file, bars, bar_lines), ("vol.csv", vol, vol_lines)):
            content = lines if isinstance(lines, bytes) else "\n".join(lines or good()).encode() + b"\n"
            (folder / name).write_bytes(content)
        data = {
            "source": "files",
            "bars": {"file": bars_file, "columns": COLUMNS} | (bars_settings or {}),
            "implied_vol": {"file": "vol.csv"} | (vol_settings or {}),
        } | settings
        return load_tables(FilesData.model_validate(data).located(folder))

    return run


def held(tables):
    return [tuple(row) for row in tables["quarantine"][["table", "row", "reason"]].to_numpy().tolist()]


def with_line(number, text, lines=None):
    """Return good lines with one replaced; the header is line 1."""
    lines = list(lines or bar_lines())
    lines[number - 1] = text
    return lines


def test_good_files_become_canonical_tables_bit_by_bit(load):
    tables = load()
    source = pd.read_csv(io.StringIO("\n".join(bar_lines())))
    for name in ("open", "high", "low", "close", "volume"):
        assert tables["bars"][name].tolist() == source[name].tolist()
    assert tables["bars"]["session"].tolist() == list(SESSIONS)
    assert tables["implied_vol"]["implied_vol"].iloc[:3].tolist() == [0.15, 0.16, 0.17]
    assert tables["quarantine"].empty
    assert tables["notes"]["note"].tolist() == [
        "bars.csv: 251 rows read, none in quarantine; 2018-01-02 to 2018-12-31",
        "vol.csv: 251 rows read, none in quarantine; 2018-01-02 to 2018-12-31",
    ]


def test_a_file_without_a_header_is_read_by_places_and_one_that_lacks_it_is_told(load):
    places = {"header": False, "columns": {name: str(i + 1) for i, name in enumerate(COLUMNS)}}
    tables = load(bars=bar_lines()[1:], bars_settings=places)
    pd.testing.assert_frame_equal(tables["bars"], load()["bars"])
    first = load(bars=["2018-07-04,1,1,1,1,1", *bar_lines()[1:]], bars_settings=places)
    assert held(first) == [("bars", 1, "no session of XNYS")], "the first line is row 1"
    with pytest.raises(
        DataError, match=r"bars\.csv: has no column open, its first line holds a date .*header = fal"
    ):
        load(bars=bar_lines()[1:])
    with pytest.raises(DataError, match=r"bars\.parquet: a Parquet file names its columns: leave out header"):
        load(bars=b"PAR1", bars_file="bars.parquet", bars_settings=places | {"file": "bars.parquet"})


def test_prices_are_scaled_and_volatility_may_be_decimal(load):
    scaled = load(bars_settings={"price_scale": 0.01})
    assert scaled["bars"]["close"].tolist() == (load()["bars"]["close"] * 0.01).tolist()
    decimal = ["DATE,CLOSE", *(f"{day:%Y-%m-%d},0.16" for day in SESSIONS)]
    assert set(load(vol=decimal, vol_settings={"unit": "decimal"})["implied_vol"]["implied_vol"]) == {0.16}


GOOD = bar_lines()
DATE, *_ = GOOD[49].split(",")
BAD_ROWS = {
    "crossed high": (f"{DATE},100,99,98,100,1", "crossed high and low: high lies below open"),
    "crossed low": (f"{DATE},100,102,101,101.5,1", "crossed high and low: low lies above open"),
    "price of zero": (f"{DATE},100,101,0,100,1", "price not above zero: low"),
    "negative price": (f"{DATE},100,101,-99,100,1", "price not above zero: low"),
    "infinite price": (f"{DATE},100,1e999,99,100,1", "number too large: high"),
    "negative volume": (f"{DATE},100,101,99,100,-1", "negative volume"),
    "empty cell": (f"{DATE},100,101,99,,1", "no value: close"),
    "NaN": (f"{DATE},100,101,99,NaN,1", "no value: close"),
    "text": (f"{DATE},100,101,99,n.b.,1", "not a number: close"),
    "thousands": (f'{DATE},100,101,99,"1,000",1', "not a number: close"),
    "too few fields": (f"{DATE},100,101", "wrong number of fields"),
    "too many fields": (f"{DATE},100,101,99,100,1,1", "wrong number of fields"),
    "jump": (f"{DATE},1000,1010,990,1000,1", "absurd jump: more than data.jump_limit 0.35"),
    "absurd high": (f"{DATE},100,1010,99,100,1", "absurd jump: more than data.jump_limit 0.35"),
    "no date": (",100,101,99,100,1", "unreadable date"),
    "impossible date": ("2018-02-30,100,101,99,100,1", "unreadable date"),
    "2-digit year": ("3/14/18,100,101,99,100,1", "2-digit year"),
    "holiday": ("2018-07-04,100,101,99,100,1", "no session of XNYS"),
    "weekend": ("2018-07-07,100,101,99,100,1", "no session of XNYS"),
    "earlier century": ("1918-03-14,100,101,99,100,1", "date outside 1927 to 2100"),
    "later year": ("2081-03-14,100,101,99,100,1", "date far from all others"),
    "earlier year": ("1998-03-12,100,101,99,100,1", "date far from all others"),
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_kept_in_quarantine_with_its_place_and_reason(load, fault):
    line, reason = BAD_ROWS[fault]
    tables = load(bars=with_line(50, line))
    assert held(tables) == [("bars", 50, reason)]
    assert tables["quarantine"]["text"].tolist() == [line.replace('"', "")]
    rest = [text for i, text in enumerate(GOOD) if i not in (0, 49)]
    assert tables["bars"]["close"].tolist() == [float(text.split(",")[4]) for text in rest]
    first, gap, _ = tables["notes"]["note"]
    assert f"251 rows read, 1 in quarantine (1 {reason.partition(':')[0]})" in first
    assert f"no bar for 1 of 251 sessions, the longest gap is 1 from {DATE} on" in gap


def test_a_repeated_session_keeps_its_first_row(load):
    lines = [*bar_lines(), f"{DATE},1,1,1,1,1"]
    tables = load(bars=lines)
    assert held(tables) == [("bars", 253, "duplicate session: a row before it has the same")]
    assert len(tables["bars"]) == 251


def test_unsorted_rows_are_sorted_and_that_is_said(load):
    header, *rows = bar_lines()
    tables = load(bars=[header, *rows[::-1]])
    pd.testing.assert_frame_equal(tables["bars"], load()["bars"])
    assert "bars.csv: rows were not in order of time and were sorted" in tables["notes"]["note"].tolist()


def test_too_many_bad_rows_stop_the_run_with_one_line(load):
    lines = [line.replace(",100", ",x", 1) if i % 10 == 5 else line for i, line in enumerate(bar_lines())]
    with pytest.raises(
        DataError, match=r"^bars\.csv: \d+ of 251 rows fail a check \(\d+ not a number\)"
    ) as e:
        load(bars=lines)
    assert "data.quarantine_limit 0.01 allows; row " in str(e.value)
    assert "\n" not in str(e.value)
    assert len(load(bars=lines, quarantine_limit=0.2)["quarantine"]) > 10


def zipped(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, lines in members.items():
            archive.writestr(name, "\n".join(lines) + "\n")
    return packed.getvalue()


def test_a_zip_of_one_file_is_read_as_that_file(load):
    pd.testing.assert_frame_equal(load(bars=zipped({"spy.csv": bar_lines()}))["bars"], load()["bars"])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_is_read_as_what_it_holds(load, pack):
    content = ("\n".join(bar_lines()) + "\n").encode()
    pd.testing.assert_frame_equal(load(bars=pack(content))["bars"], load()["bars"])


def test_a_zip_of_two_files_asks_for_one_of_them(load):
    with pytest.raises(DataError, match=r"holds 2 files \(a\.csv, b\.csv\)"):
        load(bars=zipped({"a.csv": bar_lines(), "b.csv": bar_lines()}))


STOPS = {
    "empty": (b"", r"bars\.csv: the file is empty"),
    "blank": (b" \n\n", r"bars\.csv: the file is empty"),
    "byte order mark": (b"\xef\xbb\xbf", r"bars\.csv: holds nothing but blanks"),
    "header only": (b"date,open,high,low,close,volume\n", r"bars\.csv: has a header and no rows"),
    "binary": (b"\x80\x81\x82,", r"bars\.csv: byte 0 is not UTF-8 text"),
    "zero bytes": (b"date,close\n2018-01-02,1\n\0\0\0", r"bars\.csv: line 3 holds a zero byte"),
    "half a gz": (gzip.compress(b"date,close\n" * 99)[:30], r"bars\.csv: is damaged or half written"),
    "half a zip": (b"PK\x03\x04", r"bars\.csv: is damaged or half written"),
    "open quote": (b'date,close\n2018-01-02,"1\n2018', r"bars\.csv: line 2: unexpected end of data: mend"),
    "quote in the header": (
        b'",close\n2018-01-02,",1\n2018-01-03,1\n',
        r"bars\.csv: line 1: the header runs over several lines: mend the quotes",
    ),
    "other columns": (
        b"date,open,high,low,closes,volume\n1,1,1,1,1,1\n",
        r"bars\.csv: has no column close \(did you mean closes\?\): name it in data\.bars\.columns\.close$",
    ),
    "two columns of a name": (
        b"date,open,high,low,close,close,volume\n1,1,1,1,1,1,1\n",
        r"bars\.csv: has 2 columns close: rename one",
    ),
}


@pytest.mark.parametrize("fault", STOPS)
def test_a_file_that_cannot_be_read_is_one_line(load, fault):
    content, message = STOPS[fault]
    with pytest.raises(DataError, match=message) as caught:
        load(bars=content)
    assert "\n" not in str(caught.value)


def test_a_half_written_last_line_is_in_quarantine(load):
    content = "\n".join(bar_lines()).encode()
    tables = load(bars=content[:-12])
    assert held(tables) == [("bars", 252, "wrong number of fields")]


def test_a_last_line_without_an_end_is_in_quarantine_for_its_last_number_may_be_cut(load):
    content = "\n".join(bar_lines()).encode()
    tables = load(bars=content[:-1])
    assert held(tables) == [("bars", 252, "last line without an end")]
    whole = load(bars=content)
    assert held(whole) == []
    assert any("the last line has no end, its last field" in note for note in whole["notes"]["note"])
    assert len(tables["bars"]) == len(whole["bars"]) - 1


def with_cells(rows, column, cell, lines):
    lines = list(lines)
    for row in rows:
        fields = lines[row].split(",")
        lines[row] = ",".join([*fields[:column], cell, *fields[column + 1 :]])
    return lines


def test_a_run_of_missing_values_has_its_own_reason(load):
    held_rows = held(load(vol=with_cells(range(50, 58), 1, "NaN", vol_lines()), quarantine_limit=0.05))
    reason = "run of missing values: implied_vol, 8 rows"
    assert held_rows == [("implied_vol", row + 1, reason) for row in range(50, 58)]
    few = held(load(vol=with_cells(range(50, 55), 1, "", vol_lines()), quarantine_limit=0.05))
    assert {reason for _, _, reason in few} == {"no value: implied_vol"}


def test_the_runs_are_in_order_of_time_and_not_of_the_file(load):
    header, *rows = with_cells(range(50, 58), 1, "", vol_lines())
    scattered = [header, *rows[::2], *rows[1::2]]
    assert len(held(load(vol=scattered, quarantine_limit=0.05))) == 8
    assert {reason for _, _, reason in held(load(vol=scattered, quarantine_limit=0.05))} == {
        "run of missing values: implied_vol, 8 rows"
    }


def test_a_hole_in_the_closes_stops_and_says_what_lies_there(load):
    with pytest.raises(DataError, match=r"no bar for 8 sessions of XNYS from 2018-03-14 on \(8 rows there"):
        load(bars=with_cells(range(50, 58), 4, "", bar_lines()), quarantine_limit=0.05)


def test_a_column_that_begins_late_says_that_it_may_be_left_out(load):
    with pytest.raises(DataError, match=r"99 run of missing values\).*name another column \(or none where"):
        load(bars=with_cells(range(1, 100), 5, "", bar_lines()))


def test_a_file_that_begins_before_its_values_is_not_faulty(load):
    """A merged table has a date for every day of its longest column."""
    tables = load(vol=with_cells([*range(1, 60), 250, 251], 1, "", vol_lines()))
    reasons = tables["quarantine"]["reason"].value_counts().to_dict()
    assert reasons == {"no value yet": 59, "no value any more": 2}
    bars = bar_lines()
    early = [bars[0], *(line.split(",")[0] + ",,,,," for line in bars[1:100]), *bars[100:]]
    tables = load(bars=early)
    assert tables["bars"]["session"].iloc[0] == SESSIONS[99]
    assert tables["intake"]["quarantined"].tolist() == [99, 0]


def test_a_slipped_decimal_point_of_the_volatility_is_an_absurd_jump(load):
    slipped = with_cells([60], 1, "180", vol_lines())
    assert held(load(vol=slipped)) == [("implied_vol", 61, "absurd jump: more than data.vol_jump_limit 2")]
    assert not held(load(vol=slipped, vol_jump_limit=3.0))
    with pytest.raises(DataError, match=r"implied vol goes from 0\.17 to 0\.0016 on .* change of units"):
        load(vol=with_cells(range(200, 252), 1, "0.16", vol_lines()))


def test_volatility_of_other_days_than_the_bars_is_one_line(load):
    other = vol_lines(sessions_between(pd.Timestamp("2010-01-04"), pd.Timestamp("2010-12-31")))
    with pytest.raises(DataError, match=r"vol\.csv: runs from 2010-01-04 to 2010-12-31 and has no value"):
        load(vol=other)


def test_a_missing_file_names_where_it_was_looked_for(load, folder):
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file; paths in a desk file are seen from"):
        load(bars_settings={"file": "nowhere.csv"})
    with pytest.raises(DataError, match=r"is not a file"):
        load(bars_settings={"file": "."})


def test_the_unit_of_the_volatility_is_not_guessed(load):
    with pytest.raises(DataError, match=r"median volatility is 18 a year, .*unit 'decimal': try 'points'"):
        load(vol_settings={"unit": "decimal"})


def test_a_missing_stretch_stops_the_run(load):
    lines = bar_lines()
    with pytest.raises(DataError, match=r"bars\.csv: has no bar for 6 sessions of XNYS from 2018-03-14 on"):
        load(bars=lines[:50] + lines[56:])
    with pytest.raises(DataError, match=r"no bar for 17 of 251 sessions of XNYS, more than"):
        load(bars=[line for i, line in enumerate(lines) if i % 15 != 8])


def test_a_column_that_is_not_named_is_nan(load):
    tables = load(bars_settings={"columns": {"date": "date", "close": "close"}})
    assert tables["bars"][["open", "high", "low", "volume"]].isna().all(axis=None)
    assert tables["bars"]["close"].notna().all()


def test_column_names_may_differ_in_case_and_delimiters_in_kind(load):
    lines = [line.upper().replace(",", ";") for line in bar_lines()]
    pd.testing.assert_frame_equal(load(bars=lines)["bars"], load()["bars"])


def test_parquet_gives_what_csv_gives(load, folder):
    frame = pd.read_csv(io.StringIO("\n".join(bar_lines())), parse_dates=["date"])
    content = frame.to_parquet(index=False)
    tables = load(bars=content, bars_file="bars.parquet")
    pd.testing.assert_frame_equal(tables["bars"], load()["bars"])
    with pytest.raises(DataError, match=r"bars\.parquet: cannot be read as Parquet, it may be half written"):
        load(bars=content[:-100], bars_file="bars.parquet")


def test_another_exchange_has_other_sessions_and_closes(load):
    london = sessions_between(pd.Timestamp("2018-01-02"), pd.Timestamp("2018-12-31"), "XLON")
    tables = load(bars=bar_lines(london), vol=vol_lines(london), calendar="XLON")
    assert tables["bars"]["event_time"].iloc[0] == pd.Timestamp("2018-01-02 16:30", tz="UTC")
    with pytest.raises(DataError, match=r"rows fail a check .* no session of XNYS"):
        load(bars=bar_lines(london), vol=vol_lines(london))


def test_a_changed_file_is_other_content(load, folder):
    load()
    data = FilesData.model_validate(
        {"source": "files", "bars": {"file": "bars.csv"}, "implied_vol": {"file": "vol.csv"}}
    ).located(folder)
    before = content_of(data)
    assert before == content_of(data)
    load(bars=with_line(50, f"{DATE},100,101,99,100,7"))
    after = content_of(data)
    assert after["bars"] != before["bars"]
    assert after["implied_vol"] == before["implied_vol"]
    with pytest.raises(DataError, match=r"bars\.csv: changed while the run was starting: run again"):
        load_tables(data, before)


@pytest.mark.parametrize("day", ["2008-10-13", "2020-03-16"])
def test_the_real_jumps_of_2008_and_2020_are_believed(day):
    close = SHARED / "daily" / "spx_close_2008_2024.csv"
    vol = SHARED / "volatility_indices" / "VIX_History.csv"
    if not close.is_file() or not vol.is_file():
        pytest.skip("the shared market data is not on this machine")
    data = FilesData.model_validate(
        {"source": "files", "bars": {"file": str(close)}, "implied_vol": {"file": str(vol)}}
    )
    tables = load_tables(data)
    bars = tables["bars"].set_index("session")["close"]
    move = np.log(bars).diff().loc[day]
    assert abs(move) > 0.1
    assert not tables["quarantine"]["reason"].str.contains("jump").any()
    assert set(tables["quarantine"]["reason"]) == {"no session of XNYS"}


def test_the_real_jumps_of_volatility_are_believed():
    folder = SHARED / "volatility_indices"
    if not folder.is_dir():
        pytest.skip("the shared market data is not on this machine")
    largest = {}
    for name in ("VIX", "VIX9D", "VIX3M"):
        index = pd.read_csv(folder / f"{name}_History.csv")["CLOSE"]
        largest[name] = np.log(index).diff().abs().max()
    assert max(largest.values()) == pytest.approx(1.15, abs=0.01)
    assert max(largest.values()) < FilesData.model_fields["vol_jump_limit"].default


def test_prices_in_several_precisions_are_not_crossed(load):
    frame = pd.read_csv(io.StringIO("\n".join(bar_lines())))
    frame["close"] = np.round(110.38 + np.arange(len(frame)) / 1000, 3)
    frame["open"] = frame["close"]
    frame["high"], frame["low"] = frame["close"], frame["close"] - 1
    written = frame.astype({"close": "float32"})
    assert (written["close"].astype("float64") > written["high"]).any()
    bars = load(bars=written.to_parquet(index=False), bars_file="bars.parquet")["bars"]
    np.testing.assert_array_equal(bars["close"], frame["close"])


def test_a_rounding_moves_the_high_and_more_is_a_crossing(load):
    day, *_ = bar_lines()[5].split(",")
    tables = load(bars=with_line(6, f"{day},100.000005,100,100,100,1"))
    assert tables["quarantine"].empty
    assert tables["bars"]["high"].iloc[4] == 100.000005
    assert any(
        "high or low of 1 rows missed another price by a rounding" in x for x in tables["notes"]["note"]
    )
    assert held(load(bars=with_line(6, f"{day},100.00005,100,100,100,1"))) == [
        ("bars", 6, "crossed high and low: high lies below open")
    ]


def test_history_before_1990_is_read(load):
    days = sessions_between(pd.Timestamp("1987-01-02"), pd.Timestamp("1988-12-30"))
    bars = ["date,open,high,low,close,volume", *(f"{day:%Y-%m-%d},100,101,99,100,1" for day in days)]
    quotes = ["DATE,CLOSE", *(f"{day:%Y-%m-%d},16" for day in days)]
    tables = load(bars=bars, vol=quotes)
    assert len(tables["bars"]) == len(days)
    assert tables["quarantine"].empty


def test_a_file_of_another_exchange_is_told_to_name_its_calendar(load):
    days = sessions_between(pd.Timestamp("2017-01-04"), pd.Timestamp("2018-12-28"), "XTKS")
    bars = ["date,open,high,low,close,volume", *(f"{day:%Y-%m-%d},100,101,99,100,1" for day in days)]
    with pytest.raises(DataError, match=r"\(\d+ no session of XNYS\).*name the exchange in data\.calendar"):
        load(bars=bars)
