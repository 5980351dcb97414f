import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.book_settings import BookSettings
from pipeline.domain.errors import DataError, HedgeError
from pipeline.ingest.positions import check_none_left_out, content_of, left_out, load_positions

HEADER = "kind,strike,expiry,quantity,opened,price"
GOOD = [
    HEADER,
    "call,2400,2017-06-16,-100,2017-06-01,31.5",
    "Put,2350.5,06/16/2017,-50,,",
    "straddle,2420,2017-07-21,25,2017-06-26,",
]
BAD = {
    "future,2400,2017-06-16,-1,2017-06-01,": "kind is none of call, put, straddle",
    ",2400,2017-06-16,-1,2017-06-01,": "kind is none of call, put, straddle",
    "call,0,2017-06-16,-1,2017-06-01,": "strike not above zero",
    "call,-5,2017-06-16,-1,2017-06-01,": "strike not above zero",
    "call,,2017-06-16,-1,2017-06-01,": "no value: strike",
    'call,"2,400",2017-06-16,-1,2017-06-01,': "not a number: strike",
    "call,1e999,2017-06-16,-1,2017-06-01,": "number too large: strike",
    "call,2400,2017-06-16,0,2017-06-01,": "quantity of zero",
    "call,2400,2017-06-16,ten,2017-06-01,": "not a number: quantity",
    "call,2400,2017-06-16,-1,2017-06-01,-3": "price below zero",
    "call,2400,2017-06-16,-1,2017-06-01,n.b.": "not a number: price",
    "call,2400,,-1,2017-06-01,": "no value: expiry",
    "call,2400,2017-02-30,-1,2017-02-01,": "unreadable date: expiry",
    "call,2400,6/16/17,-1,2017-06-01,": "2-digit year: expiry",
    "call,2400,2017-06-16,-1,yesterday,": "unreadable date: opened",
    "call,2400,2017-06-17,-1,2017-06-01,": "no session of XNYS: expiry",
    "call,2400,2017-06-16,-1,2017-05-29,": "no session of XNYS: opened",
    "call,2400,2017-06-16,-1,2017-06-19,": "expiry not after opened",
    "call,2400,2017-06-16,-1,2017-06-16,": "expiry not after opened",
    "call,2400,2017-06-16,-1": "wrong number of fields",
}


@pytest.fixture
def load(tmp_path):
    """Return a function that writes lines as a file of positions and loads them."""

    def run(lines, name="held.csv", **settings):
        content = lines if isinstance(lines, bytes) else "\n".join([*lines, ""]).encode()
        (tmp_path / name).write_bytes(content)
        desk = BookSettings.model_validate({"positions": {"file": name} | settings}).located(tmp_path)
        return load_positions(desk.positions, content_of(desk.positions))

    return run


def test_a_table_of_a_database_says_what_a_file_says(load, tmp_path):
    rows = [line.split(",") for line in [*GOOD[1:], "call,0,2017-06-16,-1,2017-06-01,"]]
    with closing(sqlite3.connect(tmp_path / "desk.db")) as database, database:
        database.execute("create table held (kind, strike, expiry, quantity, opened, price)")
        database.executemany(
            "insert into held values (?, ?, ?, ?, ?, ?)", [[each or None for each in row] for row in rows]
        )
    named = {"database": "sqlite:///desk.db", "table": "held", "quarantine_limit": 0.5}
    settings = BookSettings.model_validate({"positions": named}).located(tmp_path).positions
    found = load_positions(settings, content_of(settings))
    expected = load([HEADER, *(",".join(row) for row in rows)], quarantine_limit=0.5)
    same = ["kind", "strike", "expiry", "quantity", "opened", "price"]
    pd.testing.assert_frame_equal(found["positions"][same], expected["positions"][same])
    assert found["quarantine"]["reason"].tolist() == expected["quarantine"]["reason"].tolist()
    assert found["positions"]["row"].tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="table held: changed"):
        load_positions(settings, "0" * 64)
    with pytest.raises(DataError, match="has no table sold"):
        content_of(settings.model_copy(update={"table": "sold"}))


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ({}, "give either file, or database and table"),
        ({"file": "a.csv", "database": "sqlite:///a.db", "table": "held"}, "give either file"),
        ({"database": "sqlite:///a.db"}, "belong together"),
        ({"database": "postgresql://me:secret@host/desk", "table": "held"}, "holds a password"),
    ],
)
def test_a_book_has_one_source_and_no_password(positions, message):
    with pytest.raises(ValueError, match=message):
        BookSettings.model_validate({"positions": positions})


def test_a_good_file_becomes_a_table_of_options(load):
    tables = load(GOOD)
    options = tables["positions"]
    assert options["kind"].tolist() == ["call", "put", "straddle"]
    assert options["row"].tolist() == [2, 3, 4]
    assert options["strike"].tolist() == [2400.0, 2350.5, 2420.0]
    assert options["quantity"].tolist() == [-100.0, -50.0, 25.0]
    assert options["expiry"].tolist() == [pd.Timestamp(day) for day in ("2017-06-16",) * 2 + ("2017-07-21",)]
    assert options["opened"].isna().tolist() == [False, True, False]
    assert options["price"].isna().tolist() == [False, True, True]
    assert tables["quarantine"].empty
    assert tables["notes"]["note"].tolist() == [
        "held.csv: 3 options read, none in quarantine; expiring 2017-06-16 to 2017-07-21"
    ]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_is_kept_in_quarantine_with_its_place_and_reason(load, line):
    tables = load([*GOOD, line], quarantine_limit=0.5)
    assert tables["quarantine"][["table", "file", "row"]].to_numpy().tolist() == [
        ["positions", "held.csv", 5]
    ]
    assert tables["quarantine"]["reason"].tolist() == [BAD[line]]
    assert tables["quarantine"]["text"].tolist() == [line.replace('"', "")]
    pd.testing.assert_frame_equal(tables["positions"], load(GOOD)["positions"])
    assert f"4 options read, 1 in quarantine (1 {BAD[line].partition(':')[0]})" in tables["notes"]["note"][0]


def test_rows_that_say_the_same_are_lots_and_all_are_held(load):
    tables = load([*GOOD, "CALL,2400.0,2017-06-16,-100,2017-06-01,31.50"])
    assert tables["positions"]["row"].tolist() == [2, 3, 4, 5]
    assert tables["positions"]["quantity"].sum() == -225.0
    assert tables["quarantine"].empty
    assert tables["notes"]["note"][1] == (
        "held.csv: rows 2, 5 say what another one says: all are held, as lots of their own"
    )


def test_a_decision_refuses_a_book_that_lacks_a_row_of_the_file(load):
    bad = 'call,"2,400",2017-06-16,-100,2017-06-01,'
    held = load([*GOOD, *GOOD[1:], *GOOD[1:], bad])["quarantine"]
    assert left_out(held)[0] == (
        "held.csv: row 11 'call,2,400,2017-06-16,-100,2017-06-01,' fails a check (not a number: strike): "
        "write numbers as 1234.5, without a decimal comma or signs between thousands or take it out"
    )
    with pytest.raises(DataError, match=r"^held\.csv: row 11 .*leaves an option out would be wrong$") as one:
        check_none_left_out(held)
    assert "so do" not in str(one.value)
    with pytest.raises(DataError, match="; so do 1 more rows of the file; "):
        check_none_left_out(pd.concat([held, held]))
    assert check_none_left_out(held.head(0)) is None


def test_too_many_bad_rows_stop_the_run_with_one_line(load):
    with pytest.raises(DataError, match=r"^held\.csv: 1 of 4 rows fail a check \(1 quantity of zero\)") as e:
        load([*GOOD, "call,2400,2017-06-16,0,2017-06-01,"])
    assert "than book.positions.quarantine_limit 0.1 allows; row 5 is" in str(e.value)
    assert "\n" not in str(e.value)


def test_what_is_not_given_may_have_no_column_and_every_column_another_name(load):
    lines = ["Right;K;Matures;Lots", "C;2400;16.06.2017;-1", "P;2300;21.07.2017;1"]
    names = {"kind": "right", "strike": "k", "expiry": "matures", "quantity": "lots"}
    options = load(lines, columns=names, date_format="%d.%m.%Y")["positions"]
    assert options["kind"].tolist() == ["call", "put"]
    assert options["expiry"].tolist() == [pd.Timestamp("2017-06-16"), pd.Timestamp("2017-07-21")]
    assert options[["opened", "price"]].isna().all(axis=None)
    with pytest.raises(
        DataError, match=r"no column dealt \(.*\): name it in book\.positions\.columns\.opened"
    ):
        load(lines, columns={**names, "opened": "dealt"}, date_format="%d.%m.%Y")


def test_a_missing_column_and_a_missing_file_say_what_to_set(load, tmp_path):
    with pytest.raises(
        DataError, match=r"no column strike \(did you mean stike\?\): name it in book\.positions\.columns"
    ):
        load([line.replace("strike", "stike") for line in GOOD])
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        content_of(BookSettings(positions="nowhere.csv").located(tmp_path).positions)


def test_parquet_gives_what_csv_gives(load):
    frame = pd.DataFrame(
        {
            "kind": ["call", "put", "straddle"],
            "strike": [2400.0, 2350.5, 2420.0],
            "expiry": pd.to_datetime(["2017-06-16", "2017-06-16", "2017-07-21"]),
            "quantity": [-100, -50, 25],
            "opened": pd.to_datetime(["2017-06-01", None, "2017-06-26"]),
            "price": [31.5, None, None],
        }
    )
    options = load(frame.to_parquet(index=False), "held.parquet")["positions"]
    expected = load(GOOD)["positions"]
    pd.testing.assert_frame_equal(
        options.drop(columns=["file", "row"]), expected.drop(columns=["file", "row"])
    )


CELLS = st.one_of(
    st.sampled_from(["", "NaN", "0", "-1", "1e999", "call", "2400", "2017-07-04", "7/3/17", "3/4/2017", '"']),
    st.text(max_size=6),
    st.floats().map(repr),
    st.dates(min_value=pd.Timestamp("1995-01-01").date(), max_value=pd.Timestamp("2040-01-01").date()).map(
        str
    ),
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), CELLS), max_size=4),
    cut=st.integers(0, 30),
)
def test_whatever_is_wrong_every_row_is_an_option_or_in_quarantine_or_the_run_stops(load, damage, cut):
    lines = list(GOOD)
    for row, column, cell in damage:
        fields = lines[row].split(",")
        lines[row] = ",".join([*fields[:column], cell, *fields[column + 1 :]])
    content = "\n".join(lines).encode("utf-8", errors="surrogatepass")
    fault, tables = "", None
    try:
        tables = load(content[: len(content) - cut], quarantine_limit=0.9)
    except HedgeError as error:
        fault = str(error)
    if tables is None:
        assert fault
        assert "\n" not in fault
        return
    total = int(tables["notes"]["note"].iloc[0].split(" options read")[0].rsplit(" ", 1)[-1])
    assert len(tables["positions"]) + len(tables["quarantine"]) == total
    assert (tables["positions"]["strike"] > 0).all()
    assert (tables["positions"]["expiry"] > tables["positions"]["opened"].fillna(pd.Timestamp("1990"))).all()


def test_the_path_alone_names_the_file():
    short = BookSettings.model_validate({"positions": "held.csv"})
    assert short == BookSettings.model_validate({"positions": {"file": "held.csv"}})
    assert short.located(Path("/desks")).positions.file == Path("/desks/held.csv")
