"""The positions that a desk holds: what can be hedged, and when and at what price each is taken over."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.book import build_book
from pipeline.backtest.book_view import hedge_book
from pipeline.backtest.holdings import check_holdable, held_positions, slots
from pipeline.domain.errors import DataError
from tests.books import positions, unlearned


def test_an_agreed_price_is_booked_when_the_option_is_dealt(desk, sessions):
    deals = {price: held_positions(positions(price=price), sessions) for price in (np.nan, 70.0)}
    days = {
        price: hedge_book(desk, sessions, each, unlearned(desk, ("none",)))[0]
        for price, each in deals.items()
    }
    at_mark, agreed = days.values()
    scale = 100.0 / float(sessions["close"][sessions["session"] == "2016-02-24"].iloc[0])
    assert agreed["dealt"].iloc[0] == pytest.approx(70.0 * scale + at_mark["option_value"].iloc[0])
    assert (at_mark["dealt"] == 0.0).all()
    interest = agreed["carry"].sum() - at_mark["carry"].sum()
    assert agreed["pnl"].sum() - at_mark["pnl"].sum() == pytest.approx(agreed["dealt"].iloc[0] + interest)


def test_a_position_without_opening_date_is_taken_over_on_the_first_tested_session(desk, sessions):
    holdings = held_positions(positions(opened=pd.NaT), sessions)
    assert sessions["session"].iloc[int(holdings.start[0])] == pd.Timestamp("2016-01-01")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"expiry": pd.Timestamp("2017-03-17")},
            r"held\.csv: expiry in row 2 is 2017-03-17, after the last.*windows\.test_end",
        ),
        ({"expiry": pd.Timestamp("2016-03-19")}, r"expiry in row 2 is 2016-03-19, which is no session"),
        (
            {"opened": pd.Timestamp("2015-12-01")},
            r"opened in row 2 is 2015-12-01, before the first.*windows\.test_start",
        ),
        (
            {"opened": pd.NaT},
            r"holds an option for 55 sessions, the forecasts reach 21: add 55 to forecasts\.horizons",
        ),
    ],
)
def test_a_position_that_cannot_be_hedged_says_what_to_change(desk, sessions, columns, message):
    with pytest.raises(DataError, match=message):
        build_book(desk, sessions, held_positions(positions(**columns), sessions))
    with pytest.raises(DataError, match=message):
        check_holdable(desk, sessions[["session", "close"]], positions(**columns))


def test_positions_that_can_be_hedged_are_let_through_before_anything_is_learned(desk, sessions):
    assert check_holdable(desk, sessions[["session", "close"]], positions()) is None


def test_slots_are_never_shared_and_as_few_as_will_do():
    rng = np.random.default_rng(3)
    start = rng.integers(0, 80, 60)
    expiry = start + rng.integers(1, 20, 60)
    place = slots(start, expiry)
    alive = (start[:, None] <= np.arange(100)) & (np.arange(100) < expiry[:, None])
    for slot in np.unique(place):
        assert (alive[place == slot].sum(axis=0) <= 1).all()
    assert place.max() + 1 == alive.sum(axis=0).max()
