"""A book over sessions that lack a volatility, a forecast or a signal."""

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.book import build_book
from pipeline.backtest.book_view import hedge_book
from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.holdings import held_positions, rolling_programme
from pipeline.backtest.ledger import book
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.policies import exposure
from tests.books import DEAR, FREE, changed, positions, unlearned


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [("2016-02-25", "2016-03-03", "2016-03-03"), ("2016-02-24", "2016-02-24", "2016-02-24")],
    ids=["none for six sessions", "none when dealt"],
)
def test_no_implied_volatility_while_an_option_is_held_is_an_error(desk, sessions, first, last, named):
    sessions.loc[sessions["session"].between(first, last), "implied_vol"] = np.nan
    with pytest.raises(DataError, match=f"holds options on {named}, which has no implied volatility"):
        build_book(desk, sessions, held_positions(positions(), sessions))


def test_an_option_that_is_held_is_marked_at_the_last_implied_volatility(desk, sessions):
    known = build_book(desk, sessions, held_positions(positions(), sessions)).state.implied_vol[0, 0]
    sessions.loc[sessions["session"] == "2016-03-01", "implied_vol"] = np.nan
    found = build_book(desk, sessions, held_positions(positions(), sessions)).state.implied_vol[0, 0]
    assert found.tolist() == [*known[:4], known[3], *known[5:]]


KNOWN = (
    "implied_vol",
    "regime_prob",
    "forecast_var",
    "lower_",
    "upper_",
    "regime_var",
    "illiquidity_forecast",
    "spike",
    "gap",
)


@pytest.mark.parametrize("own", [{}, DEAR])
def test_a_session_without_signals_interrupts_the_programme_and_not_the_book(desk, sessions, own):
    """Its options are over when the session comes, the hedge is closed in it, and others start after it."""
    own, gap = changed(desk, **own), pd.Timestamp("2016-06-15")
    signals = [name for name in sessions if name.startswith(KNOWN)]
    sessions.loc[sessions["session"] == gap, signals] = np.nan
    episodes = build_episodes(own, sessions)
    starts = episodes.start[episodes.start >= 540]
    hedgers = unlearned(own, ("delta_forecast", "whalley_wilmott", "zakamouline"))
    days, _ = hedge_book(own, sessions, rolling_programme(own, sessions, starts), hedgers)
    of_gap = days[days["session"] == gap].set_index("policy")
    assert (of_gap[["options", "option_value"]] == 0.0).all().all()
    assert of_gap["position"]["delta_forecast"] == pytest.approx(0.0, abs=1e-12), "impact slows bands only"
    assert days["pnl"].notna().all()
    assert set(days.loc[days["session"] > gap, "options"]) == set(range(1, 22))


def test_no_forecast_while_an_option_is_held_is_an_error(desk, sessions):
    sessions.loc[sessions["session"] == "2016-03-01", "forecast_variance_1"] = np.nan
    with pytest.raises(
        DataError, match="options on 2016-03-01, which has no forecast of volatility: give the"
    ):
        build_book(desk, sessions, held_positions(positions(), sessions))


def test_a_programme_around_a_gap_is_the_sum_of_its_episodes(desk, sessions):
    own = changed(desk, **FREE)
    sessions.loc[sessions["session"] == "2016-06-15", [*sessions.filter(like="variance_"), "implied_vol"]] = (
        np.nan
    )
    episodes = build_episodes(own, sessions)
    rows = np.flatnonzero(episodes.start >= 540)
    state, market = episodes.state.episodes(rows), episodes.market.episodes(rows)
    alone = book(market, Band.around(exposure.target(state, state.implied_vol))).pnl
    programme = rolling_programme(own, sessions, episodes.start[rows])
    table, _ = hedge_book(own, sessions, programme, unlearned(own, ("delta_implied",)))
    assert table["pnl"].sum() == pytest.approx(alone.sum(), abs=1e-9)
