"""Alternative data on a grid of times: the contract of causality over every kind, and vintages."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.alternative_settings import AlternativeData, table_of
from pipeline.domain.errors import FitError
from pipeline.domain.own_settings import OwnData
from pipeline.features.alternative import KINDS, READERS, alternative_names, alternative_values
from pipeline.features.assemble import assemble, assemble_with_records
from pipeline.ingest.record_files import load_records, records_content
from tests import records

BEFORE = pd.Timestamp("2016-03-01", tz="UTC").value
TIMES = pd.date_range("2015-12-30 21:15", periods=150, tz="UTC").as_unit("ns").asi8


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    lag = {"published_lag_days": 2}
    sentiment = records.sentiment_workbook(folder / "sentiment.xlsx", "2015-10-01", "2016-12-31")
    given = AlternativeData(
        news_sentiment={"file": str(sentiment), "terms": lag},
        network_fees={"file": str(records.fees_file(folder / "fees.csv")), "terms": lag},
        headlines={"file": str(records.headlines_file(folder / "headlines.csv"))},
        social={"file": str(records.social_file(folder / "social.csv"))},
    )
    assert set(given.given) == set(KINDS)
    return load_records(given.given, records_content(given.given))


def values(tables, kind, times=TIMES):
    return pd.DataFrame(alternative_values(tables, [kind], times, BEFORE, seed=1))


def changed(tables, kind, change):
    return {**tables, table_of(kind): change(tables[table_of(kind)])}


def scrambled(rows, now):
    """Whatever is known after a time says something else."""
    later = (rows["known_time"] > now).to_numpy()
    rows = rows.copy()
    for name, other in (
        ("value", 3.5),
        ("count", 77.0),
        ("text", "wholly other words"),
        ("author", "ff" * 8),
    ):
        if name in rows:
            rows.loc[later, name] = other
    return rows


def test_every_kind_is_read_somehow():
    assert set(READERS) == set(KINDS) == set(AlternativeData.model_fields)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", [70, 110, 148])
def test_neither_cutting_nor_scrambling_the_future_changes_what_was_known(tables, kind, row):
    whole, now = values(tables, kind), pd.Timestamp(TIMES[row], tz="UTC")
    assert now.value > BEFORE
    assert list(whole) == list(alternative_names([kind]))
    assert whole.iloc[: row + 1].notna().any().all()
    cut = changed(tables, kind, lambda rows: rows[rows["known_time"] <= now])
    other = changed(tables, kind, lambda rows: scrambled(rows, now))
    pd.testing.assert_frame_equal(
        values(cut, kind, TIMES[: row + 1]), whole.iloc[: row + 1], check_exact=True
    )
    after = values(other, kind)
    pd.testing.assert_frame_equal(after.iloc[: row + 1], whole.iloc[: row + 1], check_exact=True)


@pytest.mark.parametrize("kind", ["news_sentiment", "headlines"])
def test_what_is_learned_is_learned_before_the_signals_start(tables, kind):
    """A row known before that time moves numbers even before it was known; see causality above for later."""
    known = pd.Timestamp("2016-02-25", tz="UTC")
    other = changed(tables, kind, lambda rows: scrambled(rows, known))
    assert not values(other, kind).iloc[:40].equals(values(tables, kind).iloc[:40])
    few = changed(tables, kind, lambda rows: rows[rows["known_time"] > pd.Timestamp(BEFORE, tz="UTC")])
    with pytest.raises(FitError, match=rf"data\.alternative\.{kind} before windows\.signals_start: "):
        values(few, kind)


def test_a_later_vintage_is_not_seen_before_it_was_published(tables):
    rows = tables["alternative"]
    own = rows[rows["series"] == "news_sentiment"]
    published = pd.Timestamp("2016-05-01", tz="UTC")
    revised = own[own["event_time"] < published].assign(
        value=9.0, known_time=published, vintage=published.date()
    )
    both = {"alternative": pd.concat([own, revised], ignore_index=True)}
    before, after = values({"alternative": own}, "news_sentiment"), values(both, "news_sentiment")
    seen = published.value <= TIMES
    pd.testing.assert_frame_equal(after[~seen], before[~seen], check_exact=True)
    assert (after.loc[seen, "news_sentiment_level"].iloc[:1] == 9.0).all()


def test_the_daily_matrix_has_them_as_known_at_the_decision(sample_tables, tables):
    cut = {name: table[table["session"] < "2016-12-31"] for name, table in sample_tables.items()}
    plain = assemble(**cut)["features"]
    whole = assemble_with_records(
        **cut,
        alternative=tables["alternative"],
        kinds=["news_sentiment"],
        learn_before=pd.Timestamp("2016-03-01").date(),
        seed=1,
        own=OwnData(),
    )["features"]
    names = alternative_names(["news_sentiment"])
    assert list(whole) == [*plain, *names]
    pd.testing.assert_frame_equal(whole[list(plain)], plain)
    rows = tables["alternative"]
    own = rows[rows["series"] == "news_sentiment"].set_index("known_time")["value"]
    last = whole.iloc[-1]
    assert last["news_sentiment_level"] == own[: last["known_time"]].iloc[-1]
    assert np.isnan(whole.loc[whole["session"] < "2015-10-01", "news_sentiment_level"]).all()
