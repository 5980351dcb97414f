from pathlib import Path

import pytest

from pipeline.domain.data_settings import SampleData
from pipeline.domain.desk import load_desk, parse_desk
from pipeline.domain.errors import SettingsError

FILES = """\
name = "mine"
policies.run = []
[data]
source = "files"
{data}
[data.bars]
file = "bars.csv"
{bars}
[data.implied_vol]
file = "../vol.csv"
{vol}
"""


def parsed(data="", bars="", vol=""):
    return parse_desk(FILES.format(data=data, bars=bars, vol=vol), "f.toml")


def test_a_desk_that_names_no_source_reads_the_sample():
    for text in ('name = "x"\npolicies.run = []', 'name = "x"\npolicies.run = []\n[data]\nsource = "sample"'):
        assert parse_desk(text, "f.toml").data == SampleData()
    assert parse_desk('name = "x"\npolicies.run = []\n[data]', "f.toml").data.label == "sample"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"data": "calender = 'XNYS'"}, r"unknown key data\.calender; did you mean calendar\?"),
        ({"bars": "fil = 'x'"}, r"unknown key data\.bars\.fil; did you mean file\?"),
        ({"bars": "columns.clos = 'x'"}, r"unknown key data\.bars\.columns\.clos; did you mean close\?"),
        ({"vol": "units = 'points'"}, r"unknown key data\.implied_vol\.units; did you mean unit\?"),
        ({"vol": "unit = 'percent'"}, r"data\.implied_vol\.unit: input should be 'points' or 'decimal'"),
        ({"vol": "tenor_days = 0"}, r"data\.implied_vol\.tenor_days: .* not 0"),
        ({"data": "calendar = 'XNYX'"}, r"data\.calendar: no such exchange calendar; did you mean XNYS\?"),
        ({"data": "calendar = '?'"}, r"no such exchange calendar; valid: XNYS"),
        ({"bars": "time_zone = 'America/NewYork'"}, r"time zone; did you mean America/New_York\?"),
        ({"data": "quarantine_limit = 1.5"}, r"data\.quarantine_limit: .* not 1\.5"),
        ({"bars": "price_scale = 0"}, r"data\.bars\.price_scale: input should be greater than 0"),
    ],
)
def test_a_mistake_is_one_clear_line_with_its_key(text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        parsed(**text)
    assert "\n" not in str(caught.value)
    assert "files.bars" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('source = "csv"', r"data: source must be sample or files"),
        ('source = "files"', r"key data\.bars is missing \(and 1 more\)"),
        ('source = "sample"\nbars.file = "x"', r"unknown key data\.bars; valid: source"),
        ("source = 3", r"data: source must be sample or files"),
    ],
)
def test_a_wrong_choice_of_source_is_one_clear_line(data, message):
    with pytest.raises(SettingsError, match=message):
        parse_desk(f'name = "x"\npolicies.run = []\n[data]\n{data}', "f.toml")


def test_data_that_is_no_table_is_one_clear_line():
    with pytest.raises(SettingsError, match=r"f\.toml: data: "):
        parse_desk('name = "x"\ndata = 3\npolicies.run = []', "f.toml")


def test_files_are_seen_from_the_folder_of_the_desk_file(tmp_path):
    path = tmp_path / "desks" / "mine.toml"
    path.parent.mkdir()
    path.write_text(FILES.format(data="", bars="", vol=""))
    data = load_desk(str(path)).data
    assert data.bars.file == path.parent / "bars.csv"
    assert data.implied_vol.file == tmp_path / "vol.csv"
    assert data.located(Path("/elsewhere")) == data, "what is absolute stays"
    assert data.label == "files bars.csv and vol.csv"


def test_one_or_several_date_formats():
    assert parsed().data.bars.date_formats == ()
    assert parsed(bars='date_format = "%Y"').data.bars.date_formats == ("%Y",)
    assert parsed(bars='date_format = ["%Y", "%d"]').data.bars.date_formats == ("%Y", "%d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vix9.file = 'x'", r"unknown key data\.vol_indices\.vix9; did you mean vix9d\?"),
        ("vix9d.fil = 'x'", r"unknown key data\.vol_indices\.vix9d\.fil; did you mean file\?"),
        ("vix3m = { unit = 'points' }", r"key data\.vol_indices\.vix3m\.file is missing"),
        (
            "vvix = { file = 'x', unit = 'pts' }",
            r"data\.vol_indices\.vvix\.unit: input should be 'points' or",
        ),
        (
            "skew = { file = 'x', unit = 'points' }",
            r"unknown key data\.vol_indices\.skew\.unit; valid: .*file,",
        ),
        ("vvix = { file = 'x', tenor_days = 9 }", r"unknown key data\.vol_indices\.vvix\.tenor_days"),
        (
            "vix9d = { file = 'x', tenor_days = 30 }",
            r"tenor_days must rise from vix9d over implied_vol to vix3m; they are vix9d 30, implied_vol 30",
        ),
        (
            "vix9d = { file = 'x', columns = { valeu = 'v' } }",
            r"unknown key data\.vol_indices\.vix9d\.columns\.valeu; did you mean value\?",
        ),
    ],
)
def test_a_mistake_about_a_further_index_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        parsed(vol=f"[data.vol_indices]\n{text}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns.rv = 'RV'", r"key data\.realized\.file is missing"),
        ("file = 'x'\ncolumns.rss = 'a'", r"unknown key data\.realized\.columns\.rss; did you mean"),
        ("file = 'x'\nscale = 0", r"data\.realized\.scale: input should be greater than 0"),
        (
            "file = 'x'\ncolumns.rs_minus = 'a'",
            r"data\.realized\.columns: rs_minus is named without rs_plus: name both or neither",
        ),
    ],
)
def test_a_mistake_about_realised_measures_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        parsed(vol=f"[data.realized]\n{text}")
    assert "\n" not in str(caught.value)


def test_realised_measures_are_optional_and_found_from_the_desk_file():
    data = parsed(vol="[data.realized]\nfile = 'rv.csv'").data
    assert data.tables == ("bars", "implied_vol", "realized")
    assert data.label == parsed().data.label, "the test rows are the same"
    assert data.located(Path("/d")).realized.file == Path("/d/rv.csv")


FACTORS = "[data.factors]\nfile = 'f.csv'\n"


def test_dividends_are_not_counted_twice():
    for zero in ("market.dividend_yield = 0", "market = { dividend_yield = 0.0 }"):
        data = parse_desk(
            f"{zero}\n{FILES.format(data='', bars='', vol=FACTORS)}columns.price_factor = 'p'", "f"
        ).data
        assert data.reinvests
        assert data.located(Path("/d")).factors.file == Path("/d/f.csv")
        assert data.label == parsed().data.label, "the test rows are the same"
    with pytest.raises(
        SettingsError, match=r"market\.dividend_yield is 0\.02, and data\.factors puts dividends"
    ):
        parsed(vol=f"{FACTORS}columns.price_factor = 'p'")
    assert not parsed(vol=f"{FACTORS}columns.split_factor = 's'").data.reinvests


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"key data\.factors\.columns is missing"),
        ("columns.date = 'd'", r"data\.factors\.columns: name price_factor, split_factor or both"),
        ("columns.factor = 'd'", r"unknown key data\.factors\.columns\.factor; did you mean"),
        (
            "columns.split_factor = 's'\n[book.positions]\nfile = 'p.csv'",
            r"book\.positions has strikes in quoted prices, and data\.factors adjusts the prices: leave out",
        ),
        (
            "columns.split_factor = 's'\n[data.own]\ninstrument = 'SPY'\nfills.file = 'f.csv'",
            r"data\.own has prices as quoted, and data\.factors adjusts those of the market: leave out",
        ),
    ],
)
def test_a_mistake_about_factors_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        parsed(vol=FACTORS + text)
    assert "\n" not in str(caught.value)


def test_further_indices_are_optional_and_know_their_tenors():
    alone = parsed().data
    assert alone.tables == SampleData().tables == ("bars", "implied_vol")
    assert alone.tenors == SampleData().tenors == {"implied_vol": 30}
    data = parsed(vol="[data.vol_indices]\nvix3m.file = 'a'\nvix9d.file = 'b'\nskew.file = 'c'").data
    assert data.tables == ("bars", "implied_vol", "vol_indices")
    assert list(data.tenors.items()) == [("vix9d", 9), ("implied_vol", 30), ("vix3m", 93)]
    assert list(data.vol_indices.given) == ["vix9d", "vix3m", "skew"]
    assert data.label == alone.label, "the test rows are the same"
    assert data.located(Path("/d")).vol_indices.skew.file == Path("/d/c")
