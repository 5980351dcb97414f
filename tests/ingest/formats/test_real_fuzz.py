import gzip
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError

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
    "funding/BTC-USDT_kucoin_2021-01-01_2024-01-01_funding_history.csv": ("funding_history", 1),
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
