"""Files of a second venue are refused where they state another instrument, or a venue of no spot."""

import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.ingest.second_venue import check_second_venue

HEAD = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"


@pytest.mark.parametrize(
    ("exchange", "symbol", "named", "why"),
    [
        ("bitstamp", "btc-usdt", "", None),
        ("bitstamp", "xbtusdt", "", None),
        ("bitstamp", "btcusd", "", "is of btcusd, but the desk hedges BTCUSDT"),
        ("bitstamp", "btcusd", "btcusd", None),
        ("bitstamp", "btcusdt", "btcusd", "is of btcusdt, but the desk hedges btcusd"),
        ("binance-futures", "BTCUSDT", "", "the perpetual is another instrument than the spot"),
    ],
)
@pytest.mark.parametrize("terms", [{}, {"instrument": "BTCUSDT"}])
def test_a_second_venue_is_of_the_desks_instrument(tmp_path, exchange, symbol, named, why, terms):
    (tmp_path / "second_1.csv").write_text(f"{HEAD}{exchange},{symbol},1,2,1,101,99,1\n")
    instrument = "mine" if terms else "BTCUSDT"
    data = MarketFiles(
        instrument=instrument, files=["a*"], folder=str(tmp_path), other_files=["second_*.csv"], terms=terms
    )
    if why is None:
        check_second_venue(data, named)
    else:
        with pytest.raises(DataError, match=why):
            check_second_venue(data, named)
