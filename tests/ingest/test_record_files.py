import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from pipeline.domain.alternative_settings import AlternativeData
from pipeline.domain.data_settings import SampleData
from pipeline.domain.desk import parse_desk
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.own_settings import OwnData
from pipeline.ingest.record_files import load_records, records_content
from pipeline.ingest.sources import content_of, load_tables
from tests import records


def loaded(**kinds):
    given = AlternativeData(**kinds).given
    return load_records(given, records_content(given))


def test_rows_are_data_or_in_quarantine_and_counted(tmp_path):
    path = records.sentiment_workbook(
        tmp_path / "sentiment.xlsx", "2016-01-01", "2016-03-31", broken=("2016-02-01",)
    )
    data = SampleData(alternative={"news_sentiment": {"file": str(path), "terms": {"published_lag_days": 2}}})
    tables = load_tables(data, content_of(data))
    assert set(tables) == {"bars", "implied_vol", "alternative", "quarantine", "notes", "intake"}
    row = tables["intake"].iloc[0]
    assert (row["table"], row["rows"], row["quarantined"]) == ("news_sentiment", 91, 1)
    assert len(tables["alternative"]) == 90
    held = tables["quarantine"].iloc[0]
    assert (held["table"], held["row"]) == ("news_sentiment", 33)
    assert held["reason"] == "not a number: News Sentiment"
    assert "does not record when it was published" in tables["notes"]["note"].iloc[0]


def test_two_vintages_come_in_one_table_and_the_revision_is_told(tmp_path):
    paths = [
        records.sentiment_workbook(tmp_path / f"{n}.xlsx", "2016-01-01", "2016-03-31", n) for n in (1, 2)
    ]
    days = ("2016-04-30", "2016-06-30")
    files = [
        {"file": str(path), "format": "news_sentiment", "terms": {"day": day}}
        for path, day in zip(paths, days, strict=True)
    ]
    tables = loaded(news_sentiment=files)
    known = tables["alternative"].groupby("known_time").size()
    assert known.tolist() == [91, 91]
    assert known.index[0] == pd.Timestamp("2016-05-01", tz="UTC")
    assert "of the 91 days that two vintages share the later one revises" in tables["notes"]["note"].iloc[0]


@pytest.mark.parametrize(("fees", "said"), [("-1,-1,2,0", True), ("-1,2,0,0", False), ("0,0,0,0", False)])
def test_fees_that_are_mostly_rebates_are_told(tmp_path, fees, said):
    path = tmp_path / "fills.csv"
    rows = [f"2024-01-0{day}T12:00Z,X,buy,1,100,{fee}" for day, fee in enumerate(fees.split(","), 1)]
    path.write_text("\n".join(["time,instrument,side,size,price,fee", *rows, ""]))
    given = OwnData(instrument="X", fills={"file": str(path)}).given
    notes = load_records(given, records_content(given))["notes"]["note"].tolist()
    assert (
        notes
        == ["fills: 2 of 3 fees are below zero and taken as rebates: where they were paid, turn their sign"]
        * said
    )


def test_the_revision_of_a_series_that_does_not_move_is_told_without_a_share(tmp_path):
    """Its daily move is 0, and that of a single common day is not known."""
    files = []
    for number, rows in enumerate((["2016-01-01,5", "2016-01-02,5"], ["2016-01-01,5", "2016-01-02,6"])):
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join(["date,BlkCnt", *rows, ""]))
        files.append(
            {
                "file": str(path),
                "terms": {"day": f"2016-02-0{number + 1}"},
                "series": "BlkCnt",
                "format": "coinmetrics",
            }
        )
    (note,) = loaded(network_fees=files)["notes"]["note"]
    assert note.endswith("that two vintages share the later one revises 50%, by 0.5 on average and 1 at most")


@pytest.mark.parametrize("terms", [{"published_lag_days": 3}, {"day": "2016-04-30"}])
def test_a_day_that_two_files_of_one_vintage_tell_otherwise_is_an_error(tmp_path, terms):
    paths = [
        records.sentiment_workbook(tmp_path / f"{n}.xlsx", "2016-01-01", "2016-03-31", n) for n in (1, 2)
    ]
    files = [{"file": str(path), "format": "news_sentiment", "terms": terms} for path in paths]
    with pytest.raises(
        DataError, match=r"news_sentiment 2016.* in row 3 of 1\.xlsx and .* in row 3 of 2\.xlsx: give"
    ):
        loaded(news_sentiment=files)


def test_a_series_is_kept_under_the_name_of_its_kind(tmp_path):
    path = records.fees_file(tmp_path / "fees.csv")
    assert set(loaded(network_fees={"file": str(path)})["alternative"]["series"]) == {"network_fees"}
    other = loaded(network_fees={"file": str(path), "series": "BlkCnt", "format": "coinmetrics"})[
        "alternative"
    ]
    assert (other["value"] == 144.0).all()


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("network_fees", {"series": "Fees"}, r"fees\.csv: no series Fees .*there are AdrActCnt, BlkCnt, Fee"),
        ("social", {}, r"fees\.csv: holds alternative, not social"),
        ("network_fees", {"format": "coinmetric"}, r"coinmetric: no such format; did you mean coinmetrics\?"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, kind, settings, message):
    path = records.fees_file(tmp_path / "fees.csv", days=40)
    with pytest.raises(DataError, match=message) as caught:
        loaded(**{kind: {"file": str(path), **settings}})
    assert "\n" not in str(caught.value)


def test_too_many_rows_in_quarantine_stop_the_run(tmp_path):
    path = records.fees_file(tmp_path / "fees.csv", days=10)
    path.write_text(path.read_text().replace("100,144", "-5,144"))
    with pytest.raises(DataError, match=r"no sound row|no series"):
        loaded(network_fees={"file": str(path)})
    text = records.fees_file(path, days=10).read_text()
    path.write_text(
        text.replace("2016-01-03,5000", "2016-01-03,-5").replace("2016-01-04,5000", "2016-01-04,-5")
    )
    with pytest.raises(DataError, match=r"2 of 10 rows of network_fees fail a check \(2 negative TxCnt\)"):
        loaded(network_fees={"file": str(path)})
    assert len(loaded(network_fees={"file": str(path), "quarantine_limit": 0.2})["alternative"]) == 8


@pytest.mark.parametrize(
    ("place", "text", "reason"), [(0, "not a time", "not a time: time"), (4, "n/a", "not a number: price")]
)
def test_a_cell_that_a_database_kept_unread_is_held_as_in_a_file(tmp_path, place, text, reason):
    names = ("time timestamp", "instrument text", "side text", "size numeric", "price numeric", "fee numeric")
    rows = [["2020-03-04 10:00:00.000000", "ES", "buy", 1, 20.5, 0.1] for _ in range(20)]
    rows[3][place] = text
    with closing(sqlite3.connect(tmp_path / "desk.db")) as database, database:
        database.execute(f"create table dealt ({', '.join(names)})")
        database.execute("create table fills (time timestamp)")
        database.executemany("insert into dealt values (?, ?, ?, ?, ?, ?)", rows)
    header = ",".join(name.split()[0] for name in names)
    (tmp_path / "a.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    url, settings = f"sqlite:///{tmp_path}/desk.db", {"format": "fills", "terms": {"time_zone": "UTC"}}
    found = []
    for file in ({"file": url, "table": "dealt"}, {"file": str(tmp_path / "a.csv")}):
        own = OwnData(instrument="ES", fills=file | settings).given
        found.append(load_records(own, records_content(own)))
    assert [list(tables["quarantine"]["reason"]) for tables in found] == [[reason], [reason]]
    one, other = (tables["fills"].drop(columns="source_row") for tables in found)
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(DataError, match="table fills: has no rows: name the table that holds them"):
        records_content(OwnData(instrument="ES", fills={"file": url, "table": "fills"} | settings).given)


def test_a_file_of_which_all_is_held_says_why(tmp_path):
    (tmp_path / "p.csv").write_text("time,instrument,quantity\n2020-03-04T00:00Z,EZ,5\n2020-03-04,ES,x\n")
    own = OwnData(instrument="ES", positions={"file": str(tmp_path / "p.csv")}).given
    said = (
        r"sound row of positions: 1 a time without an offset: .*, 1 unknown instrument EZ; did you mean ES\?$"
    )
    with pytest.raises(DataError, match=said):
        load_records(own, records_content(own))


def test_a_file_that_changed_meanwhile_is_refused(tmp_path):
    path = records.fees_file(tmp_path / "fees.csv")
    given = AlternativeData(network_fees={"file": str(path)}).given
    content = records_content(given)
    records.fees_file(path, seed=9)
    with pytest.raises(DataError, match="a file has changed while it was read: run again"):
        load_records(given, content)


def test_a_desk_names_files_from_its_own_folder_and_urls_as_they_are(tmp_path):
    text = """
name = "x"
policies.run = []
[data.alternative.headlines]
file = "news/headlines.csv"
[[data.alternative.social]]
file = "s3://bucket/2020.csv"
[[data.alternative.social]]
file = "2021.csv"
"""
    data = parse_desk(text, "f.toml").located(tmp_path).data
    assert data.alternative.headlines[0].file == str(tmp_path / "news/headlines.csv")
    assert [each.file for each in data.alternative.social] == [
        "s3://bucket/2020.csv",
        str(tmp_path / "2021.csv"),
    ]
    assert data.tables == ("bars", "implied_vol", "headlines", "social")
    with pytest.raises(SettingsError, match=r"unknown key data\.alternative\.socials; did you mean social\?"):
        parse_desk('name = "x"\npolicies.run = []\n[data.alternative.socials]\nfile = "a"', "f.toml")
