import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.features.assemble import assemble
from pipeline.features.catalogue import catalogue
from pipeline.ingest.tables import REALIZED_NAMES, VOL_INDEX_NAMES

OF_OTHER_FILES = {*VOL_INDEX_NAMES, *REALIZED_NAMES}


@pytest.fixture(scope="module")
def features(sample_tables):
    return assemble(**sample_tables)["features"]


def test_one_row_a_session_at_its_decision_time(features, sample_bars):
    offered = [entry.name for entry in catalogue() if set(entry.inputs).isdisjoint(OF_OTHER_FILES)]
    assert list(features.columns) == ["session", "known_time", *offered]
    pd.testing.assert_series_equal(features["session"], sample_bars["session"])
    assert (features["known_time"] - sample_bars["event_time"] == pd.Timedelta(minutes=15)).all()
    assert (features.dtypes.iloc[2:] == np.float64).all()


def test_known_from_the_full_look_back_on(features):
    elsewhere = {"open", "implied_vol", *OF_OTHER_FILES}
    from_bars = [entry for entry in catalogue() if not elsewhere & set(entry.inputs)]
    for entry in from_bars:
        assert features[entry.name].first_valid_index() == entry.lookback - 1, entry.name
        assert features[entry.name].iloc[entry.lookback - 1 :].notna().all(), entry.name
    quoted = features["implied_vol"].notna()
    pd.testing.assert_series_equal(quoted, features["session"] >= "2014-01-03", check_names=False)


def test_implied_vol_is_that_of_the_session(features, sample_tables):
    joined = features.merge(sample_tables["implied_vol"], on="session", suffixes=("", "_source"))
    assert len(joined) == features["implied_vol"].notna().sum()
    np.testing.assert_array_equal(joined["implied_vol"], joined["implied_vol_source"])


def test_a_session_without_a_quote_is_missing_and_not_filled_from_the_day_before(sample_tables):
    quotes = sample_tables["implied_vol"]
    gap = quotes[quotes["session"] != "2016-03-01"]
    features = assemble(sample_tables["bars"], gap)["features"].set_index("session")
    assert np.isnan(features.loc["2016-03-01", "implied_vol"])
    assert (
        features.loc["2016-03-02", "implied_vol"]
        == quotes.set_index("session").loc["2016-03-02", "implied_vol"]
    )


def test_a_quote_that_comes_after_the_decision_is_not_seen(sample_tables):
    late = sample_tables["implied_vol"].copy()
    row = late.index[late["session"] == "2016-03-01"]
    late.loc[row, "known_time"] += pd.Timedelta(microseconds=1)
    features = assemble(sample_tables["bars"], late)["features"].set_index("session")
    assert np.isnan(features.loc["2016-03-01", "implied_vol"])


def test_a_bar_that_comes_after_the_decision_is_an_error(sample_tables):
    late = sample_tables["bars"].copy()
    late.loc[10, "known_time"] += pd.Timedelta(minutes=1)
    with pytest.raises(DataError, match=r"bars: the bar of 1999-01-19 is known at .*, after the decision"):
        assemble(late, sample_tables["implied_vol"])


def test_the_longest_look_back_of_rows_gives_todays_row_bit_by_bit(features, sample_tables):
    reach = max(entry.lookback for entry in catalogue())
    bars = sample_tables["bars"]
    for end in (len(bars), len(bars) - 17, len(bars) - 300):
        live = assemble(bars.iloc[end - reach : end], sample_tables["implied_vol"])["features"]
        pd.testing.assert_series_equal(
            live.iloc[-1], features.iloc[end - 1], check_exact=True, check_names=False
        )


def test_the_features_of_an_index_are_there_where_the_desk_gives_it(sample_tables):
    quotes = sample_tables["implied_vol"]
    indices = quotes[["session", "event_time", "known_time"]].assign(vix9d=0.2, skew=130.0)
    given = assemble(**sample_tables, vol_indices=indices)["features"]
    without = assemble(**sample_tables)["features"]
    more = [name for name in given if name not in without]
    assert more == ["vix9d", "term_slope_short", "log_term_slope_short", "skew", "skew_change_5d"]
    pd.testing.assert_frame_equal(given[list(without)], without)
    nothing_yet = assemble(**sample_tables, vol_indices=indices.iloc[:0])["features"]
    assert list(nothing_yet) == list(given)
    assert nothing_yet[more].isna().all(axis=None)
