"""Whatever is wrong with a file: every row is data or in quarantine, or one line says why the run stops."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.data_settings import FilesData
from pipeline.domain.errors import DataError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.sources import content_of, load_tables

SESSIONS = sessions_between(pd.Timestamp("2018-01-02"), pd.Timestamp("2018-03-28"))
COLUMNS = ("date", "open", "high", "low", "close", "volume")
FILES = {"bars": "bars.csv", "implied_vol": "vol.csv", "vol_indices.vix9d": "vix9d.csv"}
NUMBERS = {"bars": 5, "implied_vol": 1, "vol_indices.vix9d": 1}


def good(table):
    close = 100.0 + np.round(np.sin(np.arange(len(SESSIONS))), 2)
    if table == "bars":
        rows = [f"{c - 0.5},{c + 1.0},{c - 1.0},{c},{1000 + i}" for i, c in enumerate(close)]
        return [
            ",".join(COLUMNS),
            *(f"{day:%Y-%m-%d},{row}" for day, row in zip(SESSIONS, rows, strict=True)),
        ]
    return ["date,close", *(f"{day:%m/%d/%Y},{15 + i % 7}" for i, day in enumerate(SESSIONS))]


JUNK = st.one_of(
    st.sampled_from(
        ["", "NaN", "nan", "inf", "-inf", "0", "-1", "1e999", "1e9", "1e-9", "abc", "100", "1,5"]
    ),
    st.sampled_from(
        ["2018-07-04", "7/3/18", "3/4/2018", "2099-01-05", "2018-02-05 16:00Z", "2018-02-05T16:00"]
    ),
    st.sampled_from(
        ["2018-01-08T16:00-05:00", "2018-01-09T21:00Z", "2018-01-10 23:00+09:00", '"', "\x0b", "½"]
    ),
    st.text(max_size=6),
    st.floats().map(repr),
    st.dates().map(str),
)
ROW = st.integers(0, len(SESSIONS))


@st.composite
def faults(draw, table):
    """Return a good file after some of: junk, runs, repeats, zones, renaming, shuffling, cutting."""
    lines, width = good(table), NUMBERS[table]
    for row, column, cell in draw(st.lists(st.tuples(ROW, st.integers(0, width), JUNK), max_size=4)):
        lines[row] = replaced(lines[row], column, cell)
    for start, length, column in draw(st.lists(st.tuples(ROW, ROW, st.integers(0, width)), max_size=1)):
        cell = draw(st.sampled_from(["", "NaN", "1e300", "-5", "x"]))
        lines[start : start + length] = [replaced(x, column, cell) for x in lines[start : start + length]]
    zone = draw(st.sampled_from(["", "", "", "T16:00-05:00", "T21:00Z", " 00:00", "T16:00"]))
    some = draw(st.integers(1, 3))
    lines[some::some] = [x.replace(",", f"{zone},", 1) for x in lines[some::some]]
    lines += [lines[row] for row in draw(st.lists(ROW, max_size=2))]
    if draw(st.booleans()):
        lines = [lines[0], *draw(st.permutations(lines[1:]))]
    if draw(st.integers(0, 9)) == 0:
        lines[0] = replaced(
            lines[0], draw(st.integers(0, width)), draw(st.sampled_from(["x", "DATE", "close"]))
        )
    content = "\n".join(lines).encode("utf-8", errors="surrogatepass") + b"\n"
    return content[: len(content) - draw(st.one_of(st.just(0), st.integers(0, 40)))]


def replaced(line, column, cell):
    fields = line.split(",")
    return ",".join([*fields[:column], cell, *fields[column + 1 :]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("faults")


def data_in(folder, limit):
    columns = {name: name for name in COLUMNS}
    data = {
        "bars": {"file": "bars.csv", "columns": columns},
        "implied_vol": {"file": "vol.csv"},
        "vol_indices": {"vix9d": {"file": "vix9d.csv"}},
    }
    return FilesData.model_validate({"source": "files", "quarantine_limit": limit, **data}).located(folder)


def rows_of(content):
    """The rows of a CSV file as Python's own reader sees them, without blank lines and header."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    return [row for row in rows if any(field.strip() for field in row) or len(row) > 1][1:]


def numbers_of(row):
    try:
        return tuple(float(field) for field in row[1:])
    except ValueError:
        return ()


# Seen once, in a run of the whole suite, never alone; the cause is not known. No strategy here uses `random`.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    spoiled=st.sets(st.sampled_from(list(FILES)), min_size=1, max_size=2),
    limit=st.sampled_from([0.01, 0.3, 1.0]),
    data=st.data(),
)
def test_every_row_is_data_or_in_quarantine_or_the_run_stops_with_one_line(folder, spoiled, limit, data):
    contents = {}
    for table, file in FILES.items():
        clean = "\n".join(good(table)).encode() + b"\n"
        contents[table] = data.draw(faults(table)) if table in spoiled else clean
        (folder / file).write_bytes(contents[table])
    settings_ = data_in(folder, limit)
    tables, fault = None, None
    try:
        tables = load_tables(settings_, content_of(settings_))
    except DataError as error:
        fault = str(error)
    if tables is None:
        assert "\n" not in fault
        assert any(fault.startswith((f"{file}: ", f"{folder / file}: ")) for file in FILES.values())
        return
    check_nothing_is_lost(tables, contents)


def check_nothing_is_lost(tables, contents):
    intake = tables["intake"].set_index("table")
    kept = {
        "bars": tables["bars"][list(COLUMNS[1:])],
        "implied_vol": 100.0 * tables["implied_vol"][["implied_vol"]],
        "vol_indices.vix9d": 100.0 * tables["vol_indices"][["vix9d"]].dropna(),
    }
    for table, content in contents.items():
        rows = rows_of(content)
        own = tables["quarantine"][tables["quarantine"]["table"] == table]
        assert intake.loc[table, "rows"] == len(rows) == len(kept[table]) + len(own)
        assert intake.loc[table, "quarantined"] == len(own)
        assert (own["reason"] != "").all()
        assert own["row"].is_unique
        assert set(own["text"]) <= {",".join(row) for row in rows}
        values = np.array([each for row in rows if len(each := numbers_of(row)) == NUMBERS[table]])
        for row in kept[table].to_numpy():
            assert np.isclose(values, row, rtol=1e-12).all(axis=1).any()
            assert (np.isfinite(row) & (row >= 0.0)).all()


def test_the_good_files_are_all_data(folder):
    contents = {table: "\n".join(good(table)).encode() + b"\n" for table in FILES}
    for table, file in FILES.items():
        (folder / file).write_bytes(contents[table])
    tables = load_tables(data_in(folder, 0.0))
    assert tables["quarantine"].empty
    check_nothing_is_lost(tables, contents)
