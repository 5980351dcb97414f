"""The basis of a perpetual over its spot market, whichever of the two the desk trades."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.day_events import DayEvents
from pipeline.features.event_stream import over
from pipeline.features.perpetual_basis import PERPETUAL_BASIS
from tests.market_day import day_tables

SECONDS = np.array([1, 2, 3, 4])


def quotes(bid, ask):
    times = pd.to_datetime(SECONDS, utc=True, unit="s")
    sizes = {"bid_size": 1.0, "ask_size": 1.0}
    return pd.DataFrame({"known_time": times, "bid_price": bid, "ask_price": ask} | sizes)


def basis(tables, instrument):
    events = DayEvents(day_tables(**tables), instrument)
    (rows,) = events.of(PERPETUAL_BASIS.sources)
    return over(PERPETUAL_BASIS, rows, np.array([0, *SECONDS, 9]) * 10**9)[:, 0]


SPOT = quotes([99.0, 99.0, np.nan, 109.0], [101.0, 101.0, 101.0, 111.0])
PERPETUAL = quotes([100.0, 102.0, 102.0, 102.0], [102.0, 102.0, 104.0, 101.0])
EXPECTED = [np.nan, 0.01, 0.02, np.nan, np.nan, np.nan]


@pytest.mark.parametrize("instrument", ["spot", "perpetual"])
def test_the_basis_is_that_of_the_perpetual_over_spot_by_hand(instrument):
    """A side without a quote and a crossed one leave it unknown."""
    own, other = (SPOT, PERPETUAL) if instrument == "spot" else (PERPETUAL, SPOT)
    found = basis({"quotes": own, "other_quotes": other}, instrument)
    np.testing.assert_allclose(found, EXPECTED, rtol=1e-12)


def test_trades_of_the_other_market_do_where_it_has_no_quotes():
    trades = pd.DataFrame({"known_time": PERPETUAL["known_time"], "price": [103.0, 104.0, 105.0, 106.0]})
    tables = {"quotes": SPOT, "other_trades": trades.assign(size=1.0, side=0)}
    np.testing.assert_allclose(basis(tables, "spot")[1:3], [0.03, 0.04], rtol=1e-12)


def test_without_the_other_market_there_is_none():
    assert "perpetual_quotes" not in DayEvents(day_tables(quotes=SPOT))
    both = DayEvents(day_tables(quotes=SPOT, other_quotes=PERPETUAL))
    assert "perpetual_quotes" in both
    assert "other_quotes" not in both
