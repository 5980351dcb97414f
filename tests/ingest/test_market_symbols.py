"""Files of different instruments never become one market, whatever format states the symbol."""

import shutil
import zipfile

import orjson
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.domain.stream_terms import Terms
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.market_symbols import check_symbols
from tests.market_ticks import write_market

START = 1_583_157_600_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"


def quotes(symbol, price):
    rows = [f"binance,{symbol},{START + n},{START + n},1,{price + 1},{price},1\n" for n in range(5)]
    return HEAD + "".join(rows)


def stream(symbol, price):
    said = {"u": 1, "s": symbol, "b": str(price), "B": "1", "a": str(price + 1), "A": "1"}
    return f"{START} {orjson.dumps({'stream': 'x@bookTicker', 'data': said}).decode()}\n"


def funding(pair):
    times = pd.date_range("2020-03-01", "2020-03-03 23:59", freq="8h")
    return "\n".join(["Symbol,Date,Funding Rate", *(f"{pair},{time},0.0001" for time in times), ""])


@pytest.fixture
def days(tmp_path):
    def run(written, /, instrument="BTCUSDT", **settings):
        for name, text in written.items():
            (tmp_path / name).write_text(text)
        data = MarketFiles(instrument=instrument, folder=tmp_path, **{"files": sorted(written), **settings})
        return load_days(data, "UTC", content_of(data))["days"]

    return run


@pytest.mark.parametrize("written", [quotes, stream])
def test_two_symbols_in_one_market_are_one_error_with_both_files(days, written):
    files = {"a_day.txt": written("BTCUSDT", 100), "b_day.txt": written("ETHUSDT", 50)}
    with pytest.raises(
        DataError, match=r"a_day\.txt is of BTCUSDT and b_day\.txt of ETHUSDT: let data\.files"
    ):
        days(files)


@pytest.mark.parametrize("written", [quotes, stream])
def test_another_symbol_than_the_desk_s_is_refused_unless_the_terms_say_it_is_the_venue_s(days, written):
    files = {"day.txt": written("ETHUSDT", 50)}
    with pytest.raises(
        DataError, match=r'day\.txt: is of ETHUSDT, .* is BTCUSDT.*terms\.instrument = "ETHUSDT"'
    ):
        days(files)
    assert days(files, terms={"instrument": "ETHUSDT"})["rows"].sum() > 0
    assert days(files, instrument="eth/usdt")["rows"].sum() > 0


def test_spot_and_futures_of_one_name_are_two_venues(days):
    said = orjson.loads(stream("BTCUSDT", 100).partition(" ")[2])
    said["data"] |= {"e": "bookTicker", "E": START // 1000, "T": START // 1000}
    files = {"a.log": stream("BTCUSDT", 100), "b.log": f"{START} {orjson.dumps(said).decode()}\n"}
    with pytest.raises(
        DataError, match=r"a\.log is of binance and b\.log of binance-futures: let data\.files"
    ):
        days(files)
    assert days(files, files=["a.log"], other_files=["b.log"])["rows"].sum() == 2


def test_lean_zips_state_it_by_the_file_inside(tmp_path):
    write_market(tmp_path, 1)
    day = tmp_path / "20200302_trade.zip"
    other = tmp_path / "20200303_trade.zip"
    with zipfile.ZipFile(day) as archive, zipfile.ZipFile(other, "w") as copy:
        copy.writestr("20200303_abc_Trade_Tick.csv", archive.read(archive.namelist()[0]))
    data = MarketFiles(instrument="XYZ", folder=tmp_path, files=["*.zip"])
    with pytest.raises(DataError, match=r"is of XYZ and 20200303_trade\.zip of ABC"):
        load_days(data, "UTC", content_of(data))


def test_a_pattern_stays_within_one_folder(tmp_path):
    for name in ("bac", "spy"):
        (tmp_path / name).mkdir()
        write_market(tmp_path / name, 1)
    data = MarketFiles(instrument="XYZ", folder=tmp_path, files=["*_quote.zip", "*_trade.zip"])
    with pytest.raises(DataError, match=r"no file \*_quote\.zip as data\.files names it: give .* bac or spy"):
        content_of(data)
    named = data.model_copy(update={"files": ("bac/*_quote.zip",)})
    assert list(content_of(named)) == ["bac/20200302_quote.zip"]
    shutil.copy(tmp_path / "bac" / "20200302_quote.zip", tmp_path)
    assert list(content_of(data.model_copy(update={"files": ("*_quote.zip",)}))) == ["20200302_quote.zip"]


def test_funding_of_two_pairs_or_of_another_coin_is_refused(days):
    name = "{}_binance_2020-03-01_2020-03-04_funding.csv"
    both = {name.format(pair): funding(pair) for pair in ("BTC-USDT", "ETH-USDT")}
    market = {"quotes.csv": quotes("BTCUSDT", 100)}
    with pytest.raises(DataError, match=r"BTC-USDT_\S+ is of BTC-USDT and ETH-USDT_\S+ of ETH-USDT"):
        days(market | both)
    eth, btc = ({each: text} for each, text in reversed(both.items()))
    with pytest.raises(DataError, match=r"is the funding of ETH-USDT, but the desk's market is BTCUSDT"):
        days(market | eth)
    assert set(days(market | btc)["table"]) == {"quotes", "funding"}


def test_the_other_market_may_be_called_otherwise_but_is_one(days):
    files = {"a.csv": quotes("BTCUSDT", 100), "b.csv": quotes("BTCUSD", 100), "c.csv": quotes("ETHUSD", 50)}
    own = {"files": ["a.csv"], "other_files": ["b.csv"]}
    assert set(days(files, **own)["table"]) == {"quotes", "other_quotes"}
    with pytest.raises(DataError, match=r"b\.csv is of BTCUSD and c\.csv of ETHUSD: let data\.other_files"):
        days(files, **own | {"other_files": ["b.csv", "c.csv"]})


def test_files_that_state_no_symbol_are_taken():
    data = MarketFiles(instrument="Coin", folder="x", files=["*"], terms=Terms())
    check_symbols(data, {"market": {"a.log": "", "b.csv": "COIN"}})
    check_symbols(data, {})


def test_bitmex_s_name_of_the_coin_is_the_coin():
    data = MarketFiles(instrument="BTCUSD", folder="x", files=["*"])
    check_symbols(data, {"market": {"a": "XBTUSD"}, "funding": {"f": "BTC-USDT"}})
