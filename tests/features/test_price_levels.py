"""Trades and quotes of one day lie at one level, or the day is refused with both medians."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.day_events import QUOTES as OF_QUOTES
from pipeline.features.day_events import TRADES as OF_TRADES
from pipeline.features.day_events import DayEvents
from pipeline.features.decision_day import decision_day
from pipeline.features.price_levels import PriceLevels
from tests.market_day import day_tables

RNG = np.random.default_rng(4)
TIMES = pd.date_range("2024-03-05 10:00", periods=300, freq="s", tz="UTC")
MID = 100.0 + np.cumsum(RNG.normal(0.0, 0.01, 300))
QUOTES = pd.DataFrame(
    {"event_time": TIMES, "known_time": TIMES, "bid_price": MID - 0.01, "ask_price": MID + 0.01}
).assign(bid_size=5.0, ask_size=5.0, venue="v")
TRADES = pd.DataFrame({"event_time": TIMES, "known_time": TIMES, "price": MID}).assign(
    size=1.0, side=1, trade_id=0, venue="v", condition=""
)


def check_levels(**tables):
    levels = PriceLevels()
    for part in DayEvents(day_tables(**tables)).parts([OF_QUOTES, OF_TRADES]):
        levels.take(part)
    levels.check("day")


def grid_of(**tables):
    grid = GridSettings(every_seconds=30, open="10:00", close="10:05", sample_seconds=5.0)
    return decision_day("2024-03-05", day_tables(**tables), grid, IntradayHedge(), 1, {})


@pytest.mark.parametrize("factor", [0.1, 0.45, 2.2, 100.0])
def test_trades_at_another_level_are_refused_with_both_medians(factor):
    trades = TRADES.assign(price=MID * factor)
    median = np.median([QUOTES["bid_price"], QUOTES["ask_price"]])
    told = f"trades is {np.median(MID) * factor:g} and that of quotes {median:g}"
    with pytest.raises(DataError, match=f"2024-03-05: the median price of {told}"):
        grid_of(quotes=QUOTES, trades=trades)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.9])
def test_a_wild_day_is_not_refused(factor):
    check_levels(quotes=QUOTES, trades=TRADES.assign(price=MID * factor))


def test_a_few_stray_prices_do_not_matter():
    price = np.where(np.arange(300) % 5 == 0, MID * 50.0, MID)
    check_levels(quotes=QUOTES, trades=TRADES.assign(price=price))


def test_one_sided_quotes_are_compared_too():
    sided = QUOTES.assign(
        bid_price=QUOTES["bid_price"].where(np.arange(300) % 2 == 0),
        ask_price=QUOTES["ask_price"].where(np.arange(300) % 2 == 1),
    )
    check_levels(quotes=sided, trades=TRADES)
    with pytest.raises(DataError, match="median price of trades"):
        check_levels(quotes=sided, trades=TRADES.assign(price=MID / 4))


def test_so_is_the_other_market():
    other = QUOTES.assign(bid_price=QUOTES["bid_price"] / 10, ask_price=QUOTES["ask_price"] / 10)
    with pytest.raises(DataError, match="median price of perpetual quotes is 10"):
        grid_of(quotes=QUOTES, other_quotes=other)


def test_tables_without_a_price_say_nothing():
    empty = QUOTES.assign(bid_price=np.nan, ask_price=np.nan)
    check_levels(quotes=empty, trades=TRADES)
