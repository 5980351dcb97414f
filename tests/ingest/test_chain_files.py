import gzip

import pandas as pd
import pytest

from pipeline.domain.chain_desk import ChainFiles
from pipeline.domain.errors import DataError, SettingsError
from pipeline.ingest.calendar import sessions_between
from pipeline.ingest.chain_files import DAYS, HELD, content_of, load_chains
from pipeline.ingest.day_repeats import REPEATED
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.pieces import InMemory
from pipeline.ingest.stale_chains import STALE

HEAD = (
    "underlying,underlying_last,exchange,optionroot,type,expiration,quotedate,strike,last,net,bid,ask,volume,"
    "openinterest,impliedvol,delta,gamma"
)
ROW = "SPX,2919.04,CBOE,SPX190517C0{strike}000,call,05/17/2019,{day},{strike},0,0,{bid},50.6,1,1,0.1,0.5,0"


def chain(day, *quotes):
    rows = [ROW.format(day=day, strike=strike, bid=bid) for strike, bid in quotes]
    return gzip.compress("\n".join([HEAD, *rows, ""]).encode())


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "chains"
    folder.mkdir()
    (folder / "SPX_20190425.csv.gz").write_bytes(chain("04/25/2019", (2900, 50.0), (2910, 45.0)))
    (folder / "SPX_20190426.csv.gz").write_bytes(chain("04/26/2019", (2900, 49.0)))
    (folder / "SPX_20190419.csv.gz").write_bytes(chain("04/19/2019", (2900, 50.0)))  # Good Friday
    (folder / "other.txt").write_text("no chain")
    days = sessions_between(pd.Timestamp("2019-03-01"), pd.Timestamp("2019-04-30"))
    dates = days.strftime("%Y-%m-%d")
    pd.DataFrame({"date": dates, "close": 2900.0}).to_csv(tmp_path / "bars.csv", index=False)
    pd.DataFrame({"date": dates, "vix": 13.0}).to_csv(tmp_path / "vix.csv", index=False)
    history = {
        "source": "files",
        "bars": {"file": "../bars.csv"},
        "implied_vol": {"file": "../vix.csv", "columns": {"implied_vol": "vix"}},
    }
    return ChainFiles.model_validate({"folder": folder, "history": history})


def test_chains_and_history_are_read_and_every_row_is_a_quote_or_held(files):
    pieces = InMemory()
    tables = load_chains(files, content_of(files), pieces)
    quotes = [
        pieces.open(key)[f"option_quotes/{day:%Y-%m-%d}"]
        for key, day in tables[DAYS][["key", "day"]].to_numpy()
    ]
    assert pd.concat(quotes)["bid"].tolist() == [50.0, 45.0, 49.0]
    assert tables[DAYS][["file", "quotes"]].to_numpy().tolist() == [
        ["SPX_20190425.csv.gz", 2],
        ["SPX_20190426.csv.gz", 1],
    ]
    assert tables[HELD].to_numpy().tolist() == [
        ["SPX_20190419.csv.gz", "quoted on a day without a session: a stale copy", 1]
    ]
    assert len(tables["bars"]) == len(tables["implied_vol"]) == 42
    assert "3 quotes on 2 days from 2019-04-25 to 2019-04-26" in tables["notes"]["note"].iloc[0]


def test_quotes_of_another_underlying_are_held_and_counted(files):
    chains = files.place / "SPX_20190425.csv.gz"
    chains.write_bytes(gzip.compress(gzip.decompress(chains.read_bytes()).replace(b"SPX,", b"$SPX,", 1)))
    tables = load_chains(files, content_of(files))
    assert tables[DAYS]["quotes"].tolist() == [1, 1]
    assert tables[HELD]["reason"].tolist()[-1] == "another underlying than SPX"
    assert tables[HELD]["count"].sum() == 2
    with pytest.raises(DataError, match=r"no quote of NDX in 3 files: 3 another underlying than NDX"):
        load_chains(files.model_copy(update={"underlying": "NDX"}), content_of(files))


def test_what_is_missing_is_named(files, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such folder"):
        content_of(files.model_copy(update={"folder": tmp_path / "nowhere"}))
    with pytest.raises(DataError, match=r"no file NDX_\*"):
        content_of(files.model_copy(update={"files": ("NDX_*",)}))
    monkeypatch.delenv("HEDGE_DATA", raising=False)
    with pytest.raises(SettingsError, match="give --data FOLDER"):
        content_of(files.model_copy(update={"folder": None}))


def test_chains_of_another_underlying_hold_nothing(files):
    other = files.model_copy(update={"underlying": "NDX"})
    with pytest.raises(DataError, match="no quote of NDX in 3 files"):
        load_chains(other, content_of(other))


def test_a_contract_that_two_files_quote_on_a_day_stands_once_and_is_held_once(files):
    again = chain("04/25/2019", (2910, 45.0), (2920, 40.0))
    (files.place / "SPX_20190425_b.csv.gz").write_bytes(again)
    pieces = InMemory()
    tables = load_chains(files, content_of(files), pieces)
    index = tables[DAYS].assign(table="option_quotes", day=tables[DAYS]["day"].dt.strftime("%Y-%m-%d"))
    day = DayTables(index, "2019-04-25", pieces)["option_quotes"]
    assert day["strike"].tolist() == [2900.0, 2910.0, 2920.0]
    assert tables[DAYS]["quotes"].tolist() == [2, 1, 1]
    assert ["SPX_20190425_b.csv.gz", REPEATED, 1] in tables[HELD].to_numpy().tolist()


@pytest.mark.parametrize("bids", [(50.0, 45.5), (49.0, 44.0)], ids=["one quote", "issued again"])
def test_a_quote_that_two_chains_tell_otherwise_is_one_error_that_names_files_and_rows(files, bids):
    again = chain("04/25/2019", *zip((2900, 2910), bids, strict=True))
    (files.place / "SPX_20190425_b.csv.gz").write_bytes(again)
    number, row = (1, 3) if bids[0] == 50.0 else (2, 2)
    said = (
        rf"SPX_20190425\.csv\.gz and SPX_20190425_b\.csv\.gz: tell {number} quotes of 2019-04-25 with "
        rf"another bid or ask or underlying_price each, the first in their rows {row} and {row}: let the"
    )
    with pytest.raises(DataError, match=said):
        load_chains(files, content_of(files))


def test_a_day_with_the_quotes_of_the_day_before_is_a_stale_copy(files):
    strikes = range(2900, 3000, 5)
    for day, bid in ((25, 45.0), (26, 45.0), (29, 45.0), (30, 44.0)):
        quotes = [(strike, bid + (day == 26 and strike == 2900)) for strike in strikes]
        (files.place / f"SPX_201904{day}.csv.gz").write_bytes(chain(f"04/{day}/2019", *quotes))
    tables = load_chains(files, content_of(files))
    assert tables[DAYS]["day"].dt.day.tolist() == [25, 30]
    assert tables[DAYS].columns.tolist() == ["day", "file", "quotes", "key", "again"]
    assert [[f"SPX_201904{day}.csv.gz", STALE, 20] for day in (26, 29)] == tables[HELD].to_numpy().tolist()[
        -2:
    ]


def test_the_same_chain_under_two_names_is_one_clear_error(files):
    (files.place / "SPX_copy.csv.gz").write_bytes((files.place / "SPX_20190426.csv.gz").read_bytes())
    with pytest.raises(DataError, match=r"SPX_20190426\.csv\.gz and SPX_copy\.csv\.gz are the same file"):
        content_of(files)
