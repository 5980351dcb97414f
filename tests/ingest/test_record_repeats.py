"""Own records that come twice: in overlapping files, under two names, or by the id of a fill."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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


@pytest.mark.parametrize("others", [0, 1])
def test_a_file_of_fills_that_holds_none_is_none_and_said(loaded, others):
    head = HEAD.format(more="")
    tables = loaded("fills", head, *[head + FIRST.format("") + SECOND.format("")] * others)
    assert tables["fills"]["size"].tolist() == [10.0, 5.0] * others
    assert tables["notes"]["note"].tolist() == [
        "fills: 0.csv holds none: it is taken that nothing was traded"
    ]
    assert tables["intake"]["rows"].tolist() == [0, 2][: 1 + others]
    with pytest.raises(DataError, match=r"0\.csv: holds no rows"):
        loaded("positions", "time,instrument,quantity\n")


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
        DataError, match=r"^0\.csv and 1\.csv: tell fills of one time and price with another size or fee each"
    ):
        loaded(
            "fills",
            first + THIRD.format(""),
            more + "".join(second) + THIRD.replace(",7,", ",8,").format(",1") + LAST.format(",2"),
        )


def test_of_fills_that_little_is_common_to_only_what_is_counts_once(loaded):
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
    assert len(loaded("fills", plain + "".join(own), more + "".join(other))["fills"]) == 23


def test_one_fill_exported_again_with_its_venue_counts_once(loaded):
    plain, more = HEAD.format(more=""), HEAD.format(more=",venue")
    fills = [each.format("") for each in (FIRST, SECOND, THIRD)]
    assert len(loaded("fills", plain + "".join(fills), more + SECOND.format(",X"))["fills"]) == 3
    assert (
        len(loaded("fills", plain + "".join(fills), more + THIRD.format(",X") + LAST.format(",X"))["fills"])
        == 4
    )


def test_a_fill_is_known_by_its_id_where_one_file_tells_its_venue_or_rounds_its_time(loaded):
    plain, more = HEAD.format(more=",fill_id"), HEAD.format(more=",fill_id,venue")
    fine = FIRST.replace("15:00:00", "15:00:00.123456")
    tables = loaded("fills", plain + fine.format(",a"), more + fine.replace("456Z", "Z").format(",a,X"))
    assert tables["quarantine"]["reason"].tolist() == [REPEATED]
    assert len(loaded("fills", more + fine.format(",a,X"), more + fine.format(",a,x"))["fills"]) == 1
    assert len(loaded("fills", more + fine.format(",a,X"), more + fine.format(",a,Y"))["fills"]) == 2
    with pytest.raises(DataError, match=r"SPX a has fee 1 in row 2 of 0\.csv and 1\.04 in row 2 of 1\.csv"):
        loaded("fills", plain + fine.format(",a"), more + fine.replace(",1{}", ",1.04{}").format(",a,X"))


def minutes(sizes, shift="", more="", seconds="00.123"):
    """Return fills three minutes apart, of some sizes; a `shift` is the offset of their clock."""
    times = (f"2020-01-02T{15 + n // 20}:{n % 20 * 3:02}:{seconds}{shift or 'Z'}" for n in range(len(sizes)))
    return "".join(f"{at},SPX,buy,{size},100,1{more}\n" for at, size in zip(times, sizes, strict=True))


SIZES = np.random.default_rng(3).integers(1, 50, 60).tolist()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (minutes([100 * size for size in SIZES]), "fills of one time and price with another size or fee"),
        (minutes(SIZES).replace("100,1\n", "100,1.04\n"), "fills of one time and price with another size"),
        (minutes(SIZES).replace(",100,1\n", ",100.4,1\n"), "the same records of fills one after the other"),
        (minutes(SIZES, "+01:01"), "the same records of fills one after the other"),
    ],
    ids=["lots", "fees", "prices", "another zone"],
)
def test_one_list_of_fills_told_twice_in_another_way_is_an_error(loaded, other, said):
    head = HEAD.format(more="")
    with pytest.raises(DataError, match=rf"^0\.csv and 1\.csv: tell {said}"):
        loaded("fills", head + minutes(SIZES), head + other)


@pytest.mark.parametrize(("name", "ours", "theirs"), [("venue", ",X", ",Y"), ("fill_id", ",{n}", ",b{n}")])
def test_fills_of_two_accounts_both_count_where_each_tells_of_itself(loaded, name, ours, theirs):
    head, plain = HEAD.format(more=f",{name}"), minutes(SIZES).splitlines()
    one, other = (
        "".join(f"{line}{more.format(n=n)}\n" for n, line in enumerate(plain)) for more in (ours, theirs)
    )
    assert len(loaded("fills", head + one, head + other)["fills"]) == 120


@pytest.mark.parametrize(("fine", "coarse"), [("00.123", "00"), ("00.123456", "00.123"), ("00", "00.123")])
def test_fills_that_one_file_tells_in_coarser_times_count_once(loaded, fine, coarse):
    head, few = HEAD.format(more=""), SIZES[:9]
    files = (head + minutes(few, seconds=each) for each in (fine, coarse))
    assert len(loaded("fills", *files)["fills"]) == 9
    later = (head + minutes(few, seconds=each) for each in ("00.123", "00.124"))
    assert len(loaded("fills", *later)["fills"]) == 18


def test_fills_in_single_precision_count_once(loaded, tmp_path):
    rows = {"time": ["2020-01-02T15:00:00Z"], "instrument": ["SPX"], "side": ["buy"]}
    single = {name: np.array([value], dtype=np.float32) for name, value in NUMBERS.items()}
    pq.write_table(pa.table(rows | single), tmp_path / "0.parquet")
    (tmp_path / "1.csv").write_text(HEAD.format(more="") + "2020-01-02T15:00:00Z,SPX,buy,0.3,43012.45,0.7\n")
    files = [{"file": str(tmp_path / "0.parquet"), "format": "fills"}, {"file": str(tmp_path / "1.csv")}]
    own = OwnData(instrument="SPX", fills=files).given
    assert len(load_records(own, records_content(own))["fills"]) == 1


NUMBERS = {"size": 0.3, "price": 43012.45, "fee": 0.7}


def test_headlines_in_another_time_zone_are_an_error(tmp_path):
    for name, zone in (("0", "Z"), ("1", "+05:00")):
        lines = (f"2020-01-{day:02}T15:00:00{zone},Rates {day},X\n" for day in range(1, 31))
        (tmp_path / f"{name}.csv").write_text("published,headline,source\n" + "".join(lines))
    files = [{"file": str(tmp_path / f"{name}.csv")} for name in "01"]
    given = AlternativeData(headlines=files).given
    with pytest.raises(
        DataError, match=r"0\.csv and 1\.csv: tell the same records of headlines one after the other"
    ):
        load_records(given, records_content(given))


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
    limits = pd.DataFrame(bounds | {"unit": "USD", "source_row": [2, 3], "file": "l.csv"})
    assert contradiction("limits", limits) == ""
    assert contradiction("limits", limits.assign(instrument="SPX")).startswith(
        "loss SPX 2020-01-02 00:00:00+00:00 has value 5 in row 2"
    )
    units = limits.assign(instrument="", value=1.0, unit=["USD", "million USD"])
    assert contradiction("limits", units).endswith(
        "has unit USD in row 2 of l.csv and million USD in row 3 of l.csv"
    )


def test_a_position_is_told_at_one_price(loaded):
    head, row = "time,instrument,quantity,price\n", "2020-01-02T15:00:00Z,SPX,5,{}\n"
    assert len(loaded("positions", head + row.format(""), head + row.format(100))["positions"]) == 1
    with pytest.raises(DataError, match=r"has price 100 in row 3 of 0\.csv and 120 in row 2 of 1\.csv"):
        loaded("positions", head + row.format("") + row.format(100), head + row.format(120))


def test_the_same_file_twice_is_an_error_that_names_it(loaded, tmp_path):
    text = HEAD.format(more="") + FIRST.format("")
    with pytest.raises(DataError, match=r"fills: 0\.csv and 1\.csv are the same, and its rows would count"):
        loaded("fills", text, text)
    once = {"file": str(tmp_path / "0.csv")}
    with pytest.raises(DataError, match=r"fills: 0\.csv is named twice"):
        records_content(OwnData(instrument="SPX", fills=[once, once]).given)
