import pandas as pd
import pytest

from pipeline.domain.desk import load_desk, parse_desk
from pipeline.domain.errors import DataError, SettingsError
from pipeline.ingest.hedge_position import (
    FLAT,
    HedgePosition,
    check_current,
    given_position,
    read_hedge_position,
)

HEADER = "instrument,position,as_of"


@pytest.fixture
def read(tmp_path):
    def run(*rows, header=HEADER, instrument="future"):
        (tmp_path / "held.csv").write_text("\n".join([header, *rows]) + "\n")
        return read_hedge_position(tmp_path / "held.csv", instrument, "XNYS")

    return run


@pytest.mark.parametrize(
    ("as_of", "session"),
    [
        ("2018-12-31", "2018-12-31"),
        ("12/31/2018", "2018-12-31"),
        ("2018-12-31T16:05-05:00", "2018-12-31"),
        ("2019-01-01 01:30Z", "2018-12-31"),
        ("2018-12-31 09:00", "2018-12-31"),
    ],
)
def test_the_row_of_the_hedge_is_read_with_its_time(read, as_of, session):
    held = read("ESH9,7,2018-12-31", f"future,-0.42,{as_of}")
    assert held == HedgePosition(-0.42, "held.csv, row 3", as_of, pd.Timestamp(session))
    assert read("ESH9,7,2018-12-31", f"future,-0.42,{as_of}", instrument="ESH9").units == 7.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["futures,1,2018-12-31"], "has no row of future; did you mean futures"),
        (["future,1,2018-12-31", "future,2,2018-12-31"], "rows 2 and 3 are both of future: leave the one"),
        (["future,,2018-12-31"], "row 2 is 'future,,2018-12-31': no value: position: mend it"),
        (["future,1.5x,2018-12-31"], "not a number: position: mend it"),
        (["future,1e999,2018-12-31"], "number too large: position: mend it"),
        (["future,1,yesterday"], "unreadable date: as_of: mend it"),
        (["future,1,1/2/18"], "2-digit year: as_of: mend it"),
        (["future,1"], "has no row of future"),
        ([], "has a header and no rows"),
    ],
)
def test_a_file_that_does_not_say_what_is_held_is_one_line(read, rows, message):
    with pytest.raises(DataError, match=message) as caught:
        read(*rows)
    assert str(caught.value).startswith("held.csv: ")
    assert "\n" not in str(caught.value)


def test_a_missing_column_or_file_is_one_line(read, tmp_path):
    with pytest.raises(DataError, match=r"held\.csv: has no column as_of \(did you mean asof"):
        read("future,1,2018-12-31", header="instrument,position,asof")
    with pytest.raises(DataError, match="no such file"):
        read_hedge_position(tmp_path / "none.csv", "future", "XNYS")


def test_what_was_held_before_the_session_or_will_be_is_refused():
    session, today = pd.Timestamp("2018-12-28"), pd.Timestamp("2018-12-31")

    def held(day):
        return HedgePosition(1.0, "held.csv, row 2", day, pd.Timestamp(day))

    for day in ("2018-12-28", "2018-12-31"):
        assert check_current(held(day), session, today) is None
    for free in (FLAT, given_position(1.0)):
        assert check_current(free, session, today) is None
    with pytest.raises(DataError, match="as of 2018-12-27, before the session of 2018-12-28 that"):
        check_current(held("2018-12-27"), session, today)
    with pytest.raises(DataError, match="as of 2019-01-02, later than today, 2018-12-31: mend as_of"):
        check_current(held("2019-01-02"), session, today)
    with pytest.raises(DataError, match="--position is nan"):
        given_position(float("nan"))


def test_the_desk_names_the_file_as_seen_from_its_own_folder(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\npolicies.run = []\n[decision]\nposition_file = "held.csv"\n')
    assert load_desk(str(path)).decision.position_file == tmp_path / "held.csv"
    with pytest.raises(SettingsError, match="decision: instrument is a name in the file of positions: give"):
        parse_desk('name = "x"\npolicies.run = []\n[decision]\ninstrument = "ES"', "f.toml")


def test_a_half_written_file_is_refused_though_its_row_reads_well(tmp_path):
    file = tmp_path / "held.csv"
    whole = "instrument,as_of,position\nspot,2014-12-30,-0.42\n"
    file.write_text(whole)
    assert read_hedge_position(file, "spot", "XNYS").units == -0.42
    for cut in (whole[:-1], whole[:-2]):
        file.write_text(cut)
        with pytest.raises(
            DataError, match=r"^held\.csv: row 2 is 'spot,2014-12-30,-0\.42?': last line wi"
        ) as at:
            read_hedge_position(file, "spot", "XNYS")
        assert "\n" not in str(at.value)


def test_a_column_of_another_name_is_to_be_renamed(read):
    with pytest.raises(DataError, match=r"no column position \(.*\): rename the one that holds it$"):
        read("future,1,2018-12-31", header="instrument,units,as_of")
