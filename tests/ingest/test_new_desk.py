import re
import tomllib

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.desk_check import checked_desk
from pipeline.domain.errors import DataError, HedgeError, SettingsError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.file_options import FileOptions
from pipeline.ingest.new_desk import new_desk
from pipeline.ingest.sources import load_tables

SESSIONS = sessions_between(pd.Timestamp("2010-01-04"), pd.Timestamp("2018-12-31"))


def bars(sessions=SESSIONS, **names):
    close = 100 + np.sin(np.arange(len(sessions)))
    frame = pd.DataFrame(
        {"Date": sessions, "Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 5}
    )
    return frame.rename(columns=names)


def vol(sessions=SESSIONS, level=16.0):
    return pd.DataFrame({"DATE": sessions, "CLOSE": level})


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the files and the desk file that comes of them."""

    def write(bars_frame, vol_frame, name="mine.toml", options=None):
        bars_frame.to_csv(tmp_path / "prices.csv", index=False)
        vol_frame.to_csv(tmp_path / "vol.csv", index=False)
        path = tmp_path / name
        made = new_desk(path, tmp_path / "prices.csv", tmp_path / "vol.csv", options=options)
        path.write_text(made.text, encoding="utf-8")
        return path, made

    return write


def test_the_desk_that_is_written_reads_the_data(make):
    path, made = make(bars(), vol())
    desk = checked_desk(str(path))
    assert desk.name == "mine"
    assert len(load_tables(desk.data)["bars"]) == len(SESSIONS)
    assert (
        made.notes[0]
        == f"prices.csv: {len(SESSIONS)} rows read, none in quarantine; 2010-01-04 to 2018-12-31"
    )
    windows = desk.windows
    assert windows.learn_start.isoformat() == "2010-01-04"
    assert windows.signals_start.isoformat() == "2013-08-09"
    assert windows.test_start.isoformat() == "2015-05-27"
    assert windows.test_end.isoformat() == "2018-12-31"


def test_paths_are_written_as_seen_from_the_desk_file(make):
    path, _ = make(bars(), vol())
    assert tomllib.loads(path.read_text())["data"]["bars"]["file"] == "prices.csv"


def test_signals_wait_for_the_volatility(make):
    path, _ = make(bars(), vol(SESSIONS[1200:]))
    assert pd.Timestamp(checked_desk(str(path)).windows.signals_start) == SESSIONS[1200]


def test_the_unit_of_the_volatility_is_seen(make):
    for level, unit in ((16.0, "points"), (0.16, "decimal")):
        path, _ = make(bars(), vol(level=level))
        assert checked_desk(str(path)).data.implied_vol.unit == unit


def test_the_plain_close_is_taken_before_the_adjusted_one(make):
    path, _ = make(bars().assign(**{"Adj Close": 50.0}), vol())
    assert checked_desk(str(path)).data.bars.columns.close == "Close"


def test_a_path_that_is_no_name_makes_a_valid_desk(make):
    path, _ = make(bars(), vol(), 'my "désk".toml')
    assert checked_desk(str(path)).name == "my--d-sk-"


def test_a_file_of_closes_says_what_it_lacks(make):
    _, made = make(bars()[["Date", "Close"]], vol())
    assert "[data.bars.columns]   # not found: open, high, low, volume" in made.text
    assert 'features = ["return_1d"]' in made.text


def test_further_indices_are_read_with_their_columns_and_do_not_move_the_windows(make, tmp_path):
    path, plain = make(bars(), vol())
    vol(SESSIONS[1500:]).to_csv(tmp_path / "VIX9D.csv", index=False)
    vol(level=0.9).rename(columns={"CLOSE": "VVIX"}).to_csv(tmp_path / "VVIX.csv", index=False)
    vol(level=130.0).rename(columns={"CLOSE": "SKEW"}).to_csv(tmp_path / "SKEW.csv", index=False)
    indices = {name: tmp_path / f"{name.upper()}.csv" for name in ("vix9d", "vvix", "skew")}
    made = new_desk(path, tmp_path / "prices.csv", tmp_path / "vol.csv", indices)
    path.write_text(made.text, encoding="utf-8")
    desk = checked_desk(str(path))
    given = desk.data.vol_indices.given
    assert {name: each.columns.value for name, each in given.items()} == {
        "vix9d": "CLOSE",
        "vvix": "VVIX",
        "skew": "SKEW",
    }
    assert (given["vix9d"].unit, given["vvix"].unit) == ("points", "decimal")
    assert made.text.partition("[windows]")[2] == plain.text.partition("[windows]")[2]
    assert any(note.startswith("VIX9D.csv: no value for 1500 of ") for note in made.notes)


def test_realised_measures_are_read_with_the_columns_that_the_file_has(make, tmp_path):
    path, _ = make(bars(), vol())
    measures = pd.DataFrame({"Date": SESSIONS, "RV": 1e-4, "RQ": 1e-8, "RS_plus": 6e-5, "RS_minus": 4e-5})
    files = tmp_path / "prices.csv", tmp_path / "vol.csv"
    for kept, named in (
        (list(measures), {"rv": "RV", "rq": "RQ", "rs_plus": "RS_plus", "rs_minus": "RS_minus"}),
        (["Date", "RV", "RS_plus"], {"rv": "RV"}),
    ):
        measures[kept].to_csv(tmp_path / "rv.csv", index=False)
        made = new_desk(path, *files, realized=tmp_path / "rv.csv")
        path.write_text(made.text, encoding="utf-8")
        found = checked_desk(str(path)).data.realized
        assert found.columns.model_dump(exclude_none=True) == {"date": "Date", **named}
    measures.drop(columns="RV").to_csv(tmp_path / "rv.csv", index=False)
    with pytest.raises(DataError, match=r"rv\.csv: no column looks like the rv .*--column realized\.rv="):
        new_desk(path, *files, realized=tmp_path / "rv.csv")


def test_an_index_without_a_column_names_its_key(make, tmp_path):
    path, _ = make(bars(), vol())
    vol().rename(columns={"CLOSE": "x"}).to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(DataError, match=r"odd\.csv: no column looks like the value .*--column vix3m\.value="):
        new_desk(path, tmp_path / "prices.csv", tmp_path / "vol.csv", {"vix3m": tmp_path / "odd.csv"})


def lean(frame):
    """Return bars as a Lean archive has them: no header, midnights, ten-thousandths."""
    prices = {name: (1e4 * frame[name]).round().astype(int) for name in ("Open", "High", "Low", "Close")}
    return frame.assign(Date=SESSIONS.strftime("%Y%m%d 00:00"), **prices)


def write_lean(folder, factors="20131231,0.9,1,{close:.2f}\n20501231,1,1,0\n"):
    frame = bars()
    lean(frame).to_csv(folder / "spy.csv", header=False, index=False)
    vol().to_csv(folder / "vol.csv", index=False)
    (folder / "factors").mkdir()
    close = frame.set_index("Date")["Close"]["2013-12-31"]
    (folder / "factors" / "spy.csv").write_text(factors.format(close=close))


def test_a_lean_archive_is_read_as_it_is_with_its_factors(tmp_path):
    write_lean(tmp_path)
    path = tmp_path / "spy.toml"
    made = new_desk(
        path, tmp_path / "spy.csv", tmp_path / "vol.csv", factors=tmp_path / "factors" / "spy.csv"
    )
    path.write_text(made.text, encoding="utf-8")
    desk = checked_desk(str(path))
    assert desk.data.bars.columns.model_dump() == dict(
        zip(("date", "open", "high", "low", "close", "volume"), "123456", strict=True)
    )
    assert (desk.data.bars.header, desk.data.bars.price_scale) == (False, 1e-4)
    assert "# as in Lean's archives: dates as 20181231 00:00 and whole prices such as " in made.text
    assert desk.market.dividend_yield == 0.0
    assert "# data.factors reinvests them in the prices: a yield would count them twice" in made.text
    close, days = load_tables(desk.data)["bars"]["close"], bars()
    quoted = days["Close"].round(4)
    expected = quoted.where(days["Date"] <= "2013-12-31", quoted / 0.9)
    np.testing.assert_allclose(close, expected, rtol=1e-12)


def test_a_file_of_dates_and_closes_needs_no_header_and_its_unit_is_not_guessed(tmp_path):
    frame = bars()[["Date", "Close"]].assign(Close=lambda table: (1e4 * table["Close"]).astype(int))
    frame.to_csv(tmp_path / "prices.csv", header=False, index=False)
    vol().to_csv(tmp_path / "vol.csv", header=False, index=False)
    path = tmp_path / "mine.toml"
    path.write_text(new_desk(path, tmp_path / "prices.csv", tmp_path / "vol.csv").text, encoding="utf-8")
    data = checked_desk(str(path)).data
    assert data.bars.columns.model_dump(exclude_none=True) == {"date": "1", "close": "2"}
    assert (data.bars.price_scale, data.implied_vol.columns.implied_vol) == (1.0, "2")
    assert not data.implied_vol.header


def test_without_a_header_other_columns_cannot_be_told(tmp_path):
    write_lean(tmp_path)
    bars().assign(more=1).to_csv(tmp_path / "odd.csv", header=False, index=False)
    files = tmp_path / "mine.toml", tmp_path / "odd.csv", tmp_path / "vol.csv"
    with pytest.raises(
        DataError, match=r"odd\.csv: its first line holds a date and is no header, and it has 7"
    ):
        new_desk(*files)
    with pytest.raises(
        DataError, match=r"spy\.csv: its first .* it has 6 columns: .*price_factor, split_fac"
    ):
        new_desk(*files[:1], tmp_path / "spy.csv", files[2], factors=tmp_path / "spy.csv")


@pytest.mark.parametrize(
    ("prices", "quotes", "message"),
    [
        (bars(Close="px"), vol(), r"prices\.csv: no column looks like the close \(the columns are Date, "),
        (bars(Date="when"), vol(), r"prices\.csv: no column looks like the date"),
        (bars(), vol().rename(columns={"CLOSE": "x"}), r"vol\.csv: no column looks like the implied vol"),
        (bars(SESSIONS[-900:]), vol(), "a desk needs at least 5 years of bars"),
        (bars(), vol(SESSIONS[-200:]), "two years are needed, to train policies and to test them"),
        (bars(), vol(SESSIONS[:300]), "a desk needs at least 5 years of bars"),
    ],
)
def test_data_that_makes_no_desk_is_one_line(make, prices, quotes, message):
    with pytest.raises(DataError, match=message) as caught:
        make(prices, quotes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("calendar", ["XLON", "XTKS"])
def test_the_exchange_is_seen_by_its_sessions(make, calendar):
    days = sessions_between(pd.Timestamp("2003-01-06"), pd.Timestamp("2018-12-28"), calendar)
    written = {"Date": days.strftime("%d/%m/%Y")}
    path, made = make(bars(days).assign(**written), vol(days).assign(DATE=written["Date"]))
    data = checked_desk(str(path)).data
    assert data.calendar == calendar
    assert (
        f'calendar = "{calendar}"        # fits the dates of the bars best: 0.0 % of days differ, '
        in made.text
    )
    assert made.notes[0].startswith(f"calendar {calendar}: fits the dates of the bars best")
    assert load_tables(data)["bars"]["session"].tolist() == days.tolist()


def test_a_calendar_that_is_given_is_taken(make):
    days = sessions_between(pd.Timestamp("2010-01-04"), pd.Timestamp("2018-12-28"), "XAMS")
    path, made = make(bars(days), vol(days), options=FileOptions(calendar="XAMS"))
    assert checked_desk(str(path)).data.calendar == "XAMS"
    assert "# the exchange's sessions, as given" in made.text
    with pytest.raises(SettingsError, match=r"^--calendar: no such exchange calendar; did you mean XLON\?$"):
        make(bars(days), vol(days), options=FileOptions(calendar="XLOM"))


def test_a_few_odd_days_do_not_change_the_exchange(make):
    days = SESSIONS.union(pd.DatetimeIndex(["2012-07-04", "2013-12-25"]))
    path, made = make(bars(days), vol(days))
    assert checked_desk(str(path)).data.calendar == "XNYS"
    assert "2 in quarantine (2 no session of XNYS)" in made.notes[0]


def test_what_the_command_line_says_stands_in_the_desk_file(make):
    prices = bars(Close="Schluss", Date="Tag").assign(Tag=SESSIONS.strftime("%d.%m.%y"))
    options = FileOptions(
        columns={"bars": {"date": "Tag", "close": "schluss", "volume": ""}, "vol": {"implied_vol": "CLOSE"}},
        date_formats={"bars": ("%d.%m.%y", "%Y-%m-%d")},
        time_zones={"vol": "Asia/Tokyo"},
        limits={"quarantine_limit": 0.02, "jump_limit": 0.5, "vol_jump_limit": 3.0},
    )
    path, _ = make(prices, vol(), options=options)
    data = checked_desk(str(path)).data
    assert data.bars.columns.model_dump() == {
        "date": "Tag",
        "open": "Open",
        "high": "High",
        "low": "Low",
        "close": "schluss",
        "volume": None,
    }
    assert data.bars.date_formats == ("%d.%m.%y", "%Y-%m-%d")
    assert (data.implied_vol.date_format, data.implied_vol.time_zone) == ("auto", "Asia/Tokyo")
    assert (data.quarantine_limit, data.jump_limit, data.vol_jump_limit) == (0.02, 0.5, 3.0)
    assert len(load_tables(data)["bars"]) == len(SESSIONS)


def test_a_file_without_a_header_is_read_by_the_places_that_are_given(make, tmp_path):
    bars().assign(more=1).to_csv(tmp_path / "odd.csv", header=False, index=False)
    path, _ = make(bars(), vol())
    options = FileOptions(columns={"bars": {"date": "1", "close": "5"}})
    path.write_text(new_desk(path, tmp_path / "odd.csv", tmp_path / "vol.csv", options=options).text)
    assert checked_desk(str(path)).data.bars.columns.model_dump(exclude_none=True) == {
        "date": "1",
        "close": "5",
    }


DAY = np.arange(len(SESSIONS))
NAMED = {
    "2-digit years": (bars().assign(Date=SESSIONS.strftime("%m/%d/%y")), {}, "give --date-format with %y"),
    "day or month": (
        bars().assign(
            Date=np.where(SESSIONS.day <= 12, SESSIONS.strftime("%d/%m/%Y"), SESSIONS.strftime("%Y%m%d"))
        ),
        {},
        "give --date-format",
    ),
    "other zones": (
        bars().assign(Date=SESSIONS.strftime("%Y-%m-%d 16:00") + np.where(DAY % 2, "", "-05:00")),
        {},
        "give --time-zone",
    ),
    "many faults": (
        bars().assign(High=np.where(DAY % 9, 200.0, 1.0)),
        {},
        "more than --quarantine-limit 0.01",
    ),
    "weekends": (
        bars().assign(
            Date=SESSIONS + pd.to_timedelta(np.where(SESSIONS.day_of_week == 4, DAY % 2, 0), unit="D")
        ),
        {},
        "name the exchange in --calendar",
    ),
    "a split": (bars()[["Date"]].assign(Close=np.where(DAY < 900, 9.0, 101.0)), {}, "or raise --jump-limit"),
    "no close": (bars(Close="px"), {}, "name it in --column close=COLUMN"),
    "another close": (bars(), {"columns": {"bars": {"close": "px"}}}, "name it in --column close=COLUMN"),
    "no such name": (
        bars(),
        {"columns": {"bars": {"clos": "Close"}}},
        r"no column clos of it; did you mean close\?",
    ),
    "no such volatility": (
        bars(),
        {"columns": {"vol": {"implied_vol": "x"}}},
        "--column vol.implied_vol=COLUMN",
    ),
    "no such zone": (
        bars(),
        {"time_zones": {"bars": "Asia/Tokio"}},
        "--time-zone: no such time zone; did you",
    ),
    "no such file": (bars(), {"columns": {"skew": {"value": "x"}}}, "give --skew too"),
}


@pytest.mark.parametrize("fault", NAMED)
def test_every_remedy_is_an_option_of_the_command(make, fault):
    prices, said, message = NAMED[fault]
    with pytest.raises(HedgeError, match=message) as caught:
        make(prices, vol(), options=FileOptions(**said))
    assert not re.search(
        r"\bdata\.|(?<![-\w])(date_format|time_zone)|\.columns|desk file|\n", str(caught.value)
    )


def test_the_scale_of_realised_measures_is_an_option(make, tmp_path):
    path, _ = make(bars(), vol())
    pd.DataFrame({"Date": SESSIONS, "RV": 1.0}).to_csv(tmp_path / "rv.csv", index=False)
    files = path, tmp_path / "prices.csv", tmp_path / "vol.csv"
    with pytest.raises(DataError, match="read with --realized-scale 1: "):
        new_desk(*files, realized=tmp_path / "rv.csv")
    made = new_desk(*files, realized=tmp_path / "rv.csv", options=FileOptions(realized_scale=1e-4))
    assert "scale = 0.0001 " in made.text
