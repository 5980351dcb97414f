"""A daily desk's challenger: the comparison is the backtest on the last window, and fair between both."""

import numpy as np
import pandas as pd
import pytest

from pipeline.monitor.daily_contest import Models, daily_pairs
from pipeline.policies.catalogue import FLAGSHIP, POLICIES
from pipeline.tracking.champions import load_champions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tracked):
    """The finished run's desk, its champion, and its data."""
    champions = load_champions(tracked.home.mlruns, tracked.desk.name, "small")
    market, features = (tracked.store.open(tracked.keys[name]) for name in ("market", "features"))
    models = Models(champions.signals, champions.fitted)
    return tracked.desk, models, market["bars"]["close"], features["features"]


def test_a_champion_beside_itself_is_its_backtest_on_the_last_window(tracked, found):
    desk, models, *data = found
    pairs = daily_pairs(desk, models, models, *data)
    table = tracked.store.open(tracked.keys["backtest"])["episodes"]
    own = table[(table["policy"] == FLAGSHIP) & (table["delay"] == desk.hedge.delay_sessions)]
    own = own[own["window"] == own["window"].max()].set_index("start")["pnl"]
    both = pairs.set_index("start")
    shared = own.index.intersection(both.index)
    assert len(shared) > 5
    np.testing.assert_allclose(both.loc[shared, "champion_pnl"], own[shared], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(pairs["champion_pnl"], pairs["challenger_pnl"])
    assert not pairs["alarms"].map(len).any()


def test_another_policy_pays_the_same_prices_and_makes_something_else(found):
    desk, models, *data = found
    free = models._replace(policy=POLICIES["none"]())
    pairs = daily_pairs(desk, models, free, *data)
    turned = daily_pairs(desk, free, models, *data)
    np.testing.assert_array_equal(pairs["challenger_pnl"], turned["champion_pnl"])
    np.testing.assert_array_equal(pairs["champion_pnl"], turned["challenger_pnl"])
    assert (pairs["champion_pnl"] != pairs["challenger_pnl"]).all()


def test_nothing_before_the_younger_ones_last_window_counts_and_nothing_of_tomorrow(found):
    desk, models, close, features = found
    late = models.signals.boundary + pd.DateOffset(months=3)

    class Younger(type(models.signals)):
        boundary = late

    signals = Younger(**{name: getattr(models.signals, name) for name in models.signals.__dataclass_fields__})
    pairs = daily_pairs(desk, models, models._replace(signals=signals), close, features)
    assert pairs["start"].min() >= late
    shorter = daily_pairs(desk, models, models, close.iloc[:-30], features.iloc[:-30])
    whole = daily_pairs(desk, models, models, close, features).iloc[: len(shorter)]
    np.testing.assert_allclose(shorter["champion_pnl"], whole["champion_pnl"], rtol=1e-12)
