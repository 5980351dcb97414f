"""What a hedger that learns is told of the real market: nothing that came with the test or after."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError, FitError
from pipeline.learning.seen_market import MARGIN, seen_regimes, seen_volatility
from pipeline.simulate.switching import MarkovSwitching

START = date(2017, 1, 3)
DAY = pd.Timestamp(START)


def desk():
    windows = {"learn_start": "2010-01-04", "signals_start": "2014-01-01", "test_start": START}
    return Desk(name="mine", windows=windows, policies={"run": ()}, market={"atm_ratio": 0.9})


@pytest.fixture
def sessions():
    days = pd.bdate_range("2016-12-01", "2017-02-01")
    vol = np.random.default_rng(1).uniform(0.1, 0.3, len(days))
    return pd.DataFrame({"session": days, "implied_vol": vol})


def test_nothing_after_the_first_test_session_is_seen(sessions):
    seen = seen_volatility(desk(), {"signals": sessions}, START)
    before = sessions["implied_vol"][sessions["session"] < DAY] * 0.9
    assert seen.volatility == pytest.approx((before.min() / MARGIN, before.max() * MARGIN), abs=1e-4)
    wild = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] < DAY, 5.0))
    assert seen_volatility(desk(), {"signals": wild}, START) == seen
    calm = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] >= DAY, 0.05))
    assert seen_volatility(desk(), {"signals": calm}, START) != seen


def test_sessions_without_an_index_tell_nothing(sessions):
    holed = sessions.assign(implied_vol=sessions["implied_vol"].where(sessions["session"] >= DAY))
    with pytest.raises(DataError, match=r"no implied volatility before the window from 2017-01-03"):
        seen_volatility(desk(), {"signals": holed}, START)


RATIO, MOVES = (0.6, 1.5), ((0.98, 0.02), (0.04, 0.96))


@pytest.fixture(scope="module")
def history():
    """Fifteen years of prices that move at a hidden ratio of what is marked, and one more from START on."""
    market = MarkovSwitching(volatility=RATIO, moves=MOVES)
    days = pd.bdate_range(end=DAY, periods=3800).append(pd.bdate_range(DAY, periods=252)[1:])
    vol = np.exp(np.random.default_rng(2).normal(np.log(0.2), 0.3, len(days)))
    paths = market.simulate(paths=1, steps=len(days) - 1, dt=1 / 252, seed=5)
    told = np.diff(np.log(paths.spot[0])) * vol[:-1] * 0.9
    close = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(told)]))
    return pd.DataFrame({"session": days, "implied_vol": vol, "close": close})


def test_the_regimes_of_returns_beside_what_was_marked_are_found(history):
    known = seen_regimes(desk(), {"signals": history}, START)
    assert known.ratio == pytest.approx(RATIO, rel=0.05)
    np.testing.assert_allclose(known.moves, MOVES, atol=0.015)
    assert known.volatility == seen_volatility(desk(), {"signals": history}, START).volatility


def test_no_return_of_the_test_is_seen(history):
    later = history["session"] >= DAY
    wild = history.assign(close=history["close"].where(~later, history["close"] * 3.0))
    assert seen_regimes(desk(), {"signals": wild}, START) == seen_regimes(desk(), {"signals": history}, START)
    before = history.assign(
        close=history["close"] * np.where(later, 1.0, np.arange(len(later)) % 2 * 0.02 + 1.0)
    )
    assert seen_regimes(desk(), {"signals": before}, START) != seen_regimes(
        desk(), {"signals": history}, START
    )


def test_too_few_returns_tell_no_regimes(history):
    with pytest.raises(FitError, match=r"before the window from 2017-01-03.* tell no regimes .*--policy"):
        seen_regimes(desk(), {"signals": history[history["session"] >= DAY - pd.Timedelta(days=40)]}, START)
