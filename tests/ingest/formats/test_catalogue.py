import re

import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.raw_stream import RawStream


def test_a_file_of_no_known_format_names_those_that_are(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\x00\x01\x02" * 100)
    with pytest.raises(DataError, match=r"a\.bin: is of no format that is known"):
        format_of(RawStream(str(path)))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        ("symbol,timestamp\n".encode("utf-16"), "is UTF-16 text, save it as UTF-8"),
        (
            b"Time,Instrument,Side,Amount,Price,Commission\n",
            "fills is nearest, but the header lacks 'size', 'fee'",
        ),
        (
            b"exchange,symbol,time,local_timestamp,id,side,price,amount\n",
            "tardis_ticks is nearest, but the header lacks 'timestamp'",
        ),
        (
            b"exchange;symbol;timestamp;local_timestamp;id;side;price;amount\n",
            "those of tardis_ticks, but ';' stands between them, not ','",
        ),
        (
            b"SYMBOL,DATE,FUNDING RATE\n",
            "it has to be spelt 'Symbol', 'Date', 'Funding Rate'",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, fault):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(fault)):
        format_of(RawStream(str(path)))


def test_a_format_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match="nosuch: no such format"):
        format_of(RawStream(str(tmp_path / "a")), "nosuch")


def test_a_table_of_a_database_asks_for_its_format():
    with pytest.raises(DataError, match=r"desk\.db\[fills\]: of which format is this table\? Name one of"):
        format_of(RawStream("sqlite:///desk.db", "fills"))


def test_every_format_has_both_functions():
    for each in formats().values():
        assert callable(each.recognises)
        assert callable(each.read)


def test_what_a_format_does_not_say_is_nothing(tmp_path):
    """A log of Bitstamp states no symbol, one of LOBSTER does; neither takes anything for granted."""
    log, lobster = formats()["bitstamp_log"], formats()["lobster"]
    file = RawStream(str(tmp_path / "AAPL_2012-06-21_34200000_57600000_message_10.csv"))
    assert (log.symbol(file, Terms()), log.venue(file, Terms()), log.beside(file, Terms())) == ("", "", ())
    assert (log.states_symbol, log.HEADERS) == (False, ())
    assert (lobster.symbol(file, Terms()), lobster.states_symbol) == ("AAPL", True)
    assert lobster.assumed(file, Terms()) == ""


REAL = {
    "book/binance/spot_btcusdt_20240808.gz": "binance_stream",
    "book/bitstamp_btcusd/2015-05-01.log.bz2": "bitstamp_log",
    "book/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst": "databento_dbn",
    "funding/ETH-USDT_binance_2020-01-01_2024-01-01_funding_history.csv": "funding_history",
    "onchain/coinmetrics_btc.csv.gz": "coinmetrics",
    "options/aapl_2015/aapl_2015_quote_american.zip": "lean_option",
    "options/spx_chains_2019/SPX_20190425.csv.gz": "cboe_chain",
    "options/spx_contracts_2017/options.csv": "greeks_chain",
    "options/spy_chains_2021/options.csv": "greeks_chain",
    "sentiment/news_sentiment_2025-10.xlsx": "news_sentiment",
    "ticks/lean_equity/bac/20131007_quote.zip": "lean_ticks",
    "ticks/lean_equity/spy/20131007_trade.zip": "lean_ticks",
    "ticks/tardis/quotes.csv": "tardis_ticks",
    "ticks/tardis/trades.csv": "tardis_ticks",
}


@pytest.mark.parametrize("path", REAL)
def test_a_real_file_is_recognised_by_one_format(shared, path):
    assert format_of(RawStream(str(shared / path))) is formats()[REAL[path]]


def test_an_archive_of_many_files_that_no_format_knows_asks_which(shared):
    path = shared / "options" / "aapl_2015" / "goog_2015_trade_american.zip"
    with pytest.raises(DataError, match="holds 523 files"):
        format_of(RawStream(str(path)))
