"""Own records that come twice: in overlapping files, under two names, or by the id of a fill."""

import pandas as pd
import pytest

from pipeline.domain.alternative_settings import AlternativeData
from pipeline.domain.errors import DataError
from pipeline.domain.own_settings import OwnData
from pipeline.ingest.record_files import load_records, records_content
from pipeline.ingest.record_repeats import REPEATED, REPEATED_FILL, REPEATED_HEADLINE, contradiction

HEAD = "time,instrument,side,size,price,fee{more}\n"
THIRD, LAST = "2020-01-06T15:00:00Z,SPX,sell,7,100,1{}\n", "2020-01-07T15:00:00Z,SPX,sell,2,100,1{}\n"
FIRST, SECOND = "2020-01-02T15:00:00Z,SPX,buy,10,100,1{}\n", "2020-01-03T15:00:00Z,SPX,buy,5,100,1{}\n"


@pytest.fixture
def loaded(tmp_path):
    def run(kind, *texts, limit=0.1):
        files = []
        for place, text in enumerate(texts):
            path = tmp_path / f"{place}.csv"
            path.write_text(text)
            files.append({"file": str(path), "quarantine_limit": limit})
        own = OwnData(instrument="SPX", **{kind: files}).given
        return load_records(own, records_content(own))

    return run


def test_a_fill_of_an_overlapping_file_is_held_in_the_later_one(loaded):
    head = HEAD.format(more="")
    tables = loaded("fills", head + FIRST.format("") + SECOND.format(""), head + FIRST.format(""))
    assert tables["fills"]["size"].tolist() == [10.0, 5.0]
    held = tables["quarantine"].iloc[0]
    assert (held["file"], held["row"], held["reason"]) == ("1.csv", 2, REPEATED)
    assert "price 100.0" in held["text"]
    assert tables["intake"]["quarantined"].tolist() == [0, 1]


def test_two_equal_fills_of_one_file_may_be_real_and_stay_two(loaded):
    head, fill = HEAD.format(more=",order_id"), FIRST.format(",77")
    assert len(loaded("fills", head + fill + fill)["fills"]) == 2
    assert len(loaded("fills", head + fill + fill, head + fill + fill + fill)["fills"]) == 3


@pytest.mark.parametrize("name", ["fill_id", "trade_id", "id"])
def test_a_fill_is_there_once_by_its_id(loaded, name):
    text = HEAD.format(more=f",{name}") + FIRST.format(",a") + FIRST.format(",b") + FIRST.format(",b")
    tables = loaded("fills", text, limit=0.5)
    assert tables["fills"]["fill_id"].tolist() == ["a", "b"]
    assert tables["quarantine"]["reason"].tolist() == [REPEATED_FILL]
    with pytest.raises(DataError, match=r"1 of 3 rows of fills fail a check \(1 duplicate\), more than"):
        loaded("fills", text)


@pytest.mark.parametrize(
    ("instead", "said"), [(",10,101,", "price 100 .* and 101"), (",9,100,", "size 10 .* and 9")]
)
def test_a_fill_told_otherwise_under_its_id_is_an_error_that_names_both_rows(loaded, instead, said):
    head = HEAD.format(more=",fill_id")
    other = FIRST.format(",a").replace(",10,100,", instead)
    with pytest.raises(
        DataError, match=rf"^fills: SPX a has {said.replace('.*', 'in row 2 of 0.csv')} in row 3 of 1"
    ):
        loaded("fills", head + FIRST.format(",a"), head + SECOND.format(",b") + other)


@pytest.mark.parametrize("name", ["venue", "fill_id", "mid"])
def test_fills_exported_again_with_a_further_column_count_once(loaded, name):
    plain, more = HEAD.format(more=""), HEAD.format(more=f",{name}")
    first, second = (
        plain + 2 * FIRST.format("") + SECOND.format(""),
        [FIRST.format(",9"), SECOND.format(",9")],
    )
    if name == "fill_id":
        second = [FIRST.format(",7"), FIRST.format(",8"), SECOND.format(",9")]
    else:
        second = [second[0], *second]
    later = THIRD.format(",1")
    tables = loaded("fills", first, more + "".join(second) + later)
    assert tables["fills"]["size"].tolist() == [10.0, 10.0, 5.0, 7.0]
    assert tables["quarantine"]["reason"].tolist() == [REPEATED] * 3
    with pytest.raises(
        DataError, match=r"^0\.csv and 1\.csv: tell most fills of one stretch alike and some not"
    ):
        loaded(
            "fills",
            first + THIRD.format(""),
            more + "".join(second) + THIRD.replace(",7,", ",8,").format(",1") + LAST.format(",2"),
        )


def test_fills_of_two_venues_that_have_little_in_common_both_count(loaded):
    plain, more = HEAD.format(more=""), HEAD.format(more=",venue")
    own = [
        FIRST.format(""),
        *(SECOND.replace("15:00", f"15:{minute}").format("") for minute in range(10, 20)),
        THIRD.format(""),
    ]
    other = [
        FIRST.format(",X"),
        *(SECOND.replace("15:00", f"16:{minute}").format(",X") for minute in range(10, 20)),
        LAST.format(",X"),
    ]
    assert len(loaded("fills", plain + "".join(own), more + "".join(other))["fills"]) == 24


def test_a_headline_of_one_time_and_text_counts_once_in_its_own_file_too(tmp_path):
    first, second = "2020-01-02T15:00:00Z,Rates held,X\n", "2020-01-02T15:00:00Z,Rates cut,X\n"
    again = first + first + second + first.replace("15:00", "16:00")
    (tmp_path / "h.csv").write_text("published,headline,source\n" + again)
    given = AlternativeData(headlines={"file": str(tmp_path / "h.csv")}).given
    tables = load_records(given, records_content(given))
    assert tables["headlines"]["text"].tolist() == ["Rates held", "Rates cut", "Rates held"]
    held = tables["quarantine"][["row", "reason"]].to_numpy().tolist()
    assert held == [[3, REPEATED_HEADLINE]]


def test_positions_of_overlapping_files_are_held_too(loaded):
    head, row = "time,instrument,quantity\n", "2020-01-0{}T15:00:00Z,SPX,{}\n"
    tables = loaded("positions", head + row.format(2, 5), head + row.format(2, 5) + row.format(3, 7))
    assert tables["positions"]["quantity"].tolist() == [5.0, 7.0]
    assert tables["quarantine"]["reason"].tolist() == [REPEATED]


def test_two_positions_or_limits_from_one_time_on_are_one_error(loaded):
    head, row = "time,instrument,quantity\n", "2020-01-02T15:00:00Z,SPX,{}\n"
    assert len(loaded("positions", head + row.format(5) + row.format(5))["positions"]) == 2
    with pytest.raises(
        DataError, match=r"SPX 2020-01-02 .* has quantity 5 in row 2 of 0\.csv and 7 in row 3 of 1"
    ):
        loaded("positions", head + row.format(5), head + row.format(5) + row.format(7))
    at = pd.Timestamp("2020-01-02", tz="UTC")
    bounds = {"name": ["loss", "loss"], "instrument": ["", "SPX"], "event_time": at, "value": [5.0, 7.0]}
    limits = pd.DataFrame(bounds | {"source_row": [2, 3], "file": "l.csv"})
    assert contradiction("limits", limits) == ""
    assert contradiction("limits", limits.assign(instrument="SPX")).startswith(
        "loss SPX 2020-01-02 00:00:00+00:00 has value 5 in row 2"
    )


def test_the_same_file_twice_is_an_error_that_names_it(loaded, tmp_path):
    text = HEAD.format(more="") + FIRST.format("")
    with pytest.raises(DataError, match=r"fills: 0\.csv and 1\.csv are the same, and its rows would count"):
        loaded("fills", text, text)
    once = {"file": str(tmp_path / "0.csv")}
    with pytest.raises(DataError, match=r"fills: 0\.csv is named twice"):
        records_content(OwnData(instrument="SPX", fills=[once, once]).given)
