import bz2
import gzip
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.raw_stream import RawStream

LINES = 40
SAMPLES = {
    "ticks/lean_equity/bac/20131007_quote.zip": ("lean_ticks", 0),
    "ticks/lean_equity/bac/20131007_trade.zip": ("lean_ticks", 0),
    "ticks/tardis/quotes.csv": ("tardis_ticks", 1),
    "ticks/tardis/trades.csv": ("tardis_ticks", 1),
    "options/spx_chains_2019/SPX_20190425.csv.gz": ("cboe_chain", 1),
    "options/spx_contracts_2017/options.csv": ("greeks_chain", 1),
    "options/spy_chains_2021/options.csv": ("greeks_chain", 1),
    "options/aapl_2015/aapl_2015_quote_american.zip": ("lean_option", 0),
    "book/bitstamp_btcusd/2015-05-01.log.bz2": ("bitstamp_log", 0),
    "funding/BTC-USDT_kucoin_2021-01-01_2024-01-01_funding_history.csv": ("funding_history", 1),
}
STREAMS = {
    "book/binance/spot_btcusdt_20240808.gz": "binance_stream",
    "book/binance/usdm_btcusdt_20240808.gz": "binance_stream",
    "book/binance/usdm_btcusdt_20230405.dat.gz": "binance_stream",
    "book/databento/esh4-glbx-mdp3-20231225.mbo.dbn.zst": "databento_dbn",
}
PACKED = (
    "ticks/lean_equity/spy/20131007_trade.zip",
    "options/spx_chains_2019/SPX_20190528.csv.gz",
    "options/aapl_2015/aapl_2015_quote_american.zip",
    "onchain/coinmetrics_btc.csv.gz",
    "sentiment/news_sentiment_2025-10.xlsx",
)


def beginning(path):
    """Return the name and the first lines of a real file, unpacked; nothing of it is kept."""
    content, name = path.read_bytes(), path.name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            name = archive.namelist()[0]
            content = archive.read(name)
    elif path.suffix == ".gz":
        name, content = path.stem, gzip.decompress(content)
    elif path.suffix == ".bz2":
        with bz2.open(path) as packed:
            name, content = path.stem, packed.read(1 << 20)
    return name, b"".join(content.splitlines(keepends=True)[:LINES])


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_real_lines_with_flipped_bytes_are_rows_or_held_or_an_error(shared, survives, sample, seed):
    name, content = beginning(shared / sample)
    named, header = SAMPLES[sample]
    survives(seed, name, content, named, header=header)


@pytest.mark.slow
@pytest.mark.parametrize("sample", STREAMS)
@pytest.mark.parametrize("seed", range(12))
def test_real_streams_with_flipped_bytes_are_rows_or_held_or_an_error(shared, tables, tmp_path, sample, seed):
    dice, named = random.Random(seed), STREAMS[sample]
    content = bytearray(beginning(shared / sample)[1])
    if named == "databento_dbn":
        content = bytearray(RawStream(str(shared / sample)).head(8000))
    for _ in range(dice.randrange(1, 5)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    path = tmp_path / "small.log"
    path.write_bytes(content)
    found, fault = {}, ""
    try:
        found = tables(path, named)
    except DataError as error:
        fault = str(error)
    if fault:
        assert "small.log" in fault
        assert "\n" not in fault
        return
    said = {row for table in found.values() for row in table["source_row"].to_pylist()}
    if named == "binance_stream":
        lines = bytes(content).split(b"\n")
        assert said == {number for number, line in enumerate(lines, 1) if line.strip(b" \r")}


@pytest.mark.slow
@pytest.mark.parametrize("sample", PACKED)
@pytest.mark.parametrize("seed", range(6))
def test_real_packed_files_with_flipped_bytes_or_half_of_them_end_in_an_error_or_whole(
    shared, tables, tmp_path, sample, seed
):
    dice = random.Random(seed)
    content = bytearray((shared / sample).read_bytes())
    whole = len(content)
    if seed % 2:
        del content[dice.randrange(whole // 4, whole) :]
    else:
        content[dice.randrange(whole)] ^= 1 << dice.randrange(8)
    path = tmp_path / sample.rpartition("/")[2]
    path.write_bytes(content)
    fault = ""
    try:
        tables(path, published_lag_days=7)
    except DataError as error:
        fault = str(error)
    assert "\n" not in fault
    assert fault or not seed % 2
