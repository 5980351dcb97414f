"""Sentiment and fees as they were known, against the definitions on the table of that time."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError, FitError
from pipeline.features.daily_series import NETWORK_FEES, NEWS_SENTIMENT, autoregression
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.series_events import DAY, series_events
from pipeline.ingest.formats import coinmetrics, news_sentiment
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import batch
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.vintage import vintage_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
FIRST = np.datetime64("2019-01-01")


def vintage(values, published=None, lag=None, series="news_sentiment"):
    days = FIRST + np.arange(len(values))
    when = vintage_of(days, published, lag, "made.csv")
    columns = {
        "event_time": when.event_time,
        "known_time": when.known_time,
        "source_row": np.arange(len(values)),
        "series": series,
        "value": np.asarray(values, dtype=float),
        "vintage": when.vintage,
        "pseudo_vintage": when.pseudo,
    }
    return batch("alternative", columns).rows


def walk(seed, length=200):
    noise = np.random.default_rng(seed).standard_normal(length)
    found = np.zeros(length)
    for place in range(1, length):
        found[place] = 0.8 * found[place - 1] + 0.1 * noise[place]
    return found


def at(*days):
    return np.array([pd.Timestamp(day, tz="UTC").value for day in days])


def by_definition(tables, now, fit, log=False, series="news_sentiment"):
    """Level, momentum and surprise from the rows known at a time, the later vintage of a day holding."""
    rows = pd.concat([table.to_pandas() for table in tables])
    rows = rows[rows["series"] == series]
    rows = rows[rows["known_time"] <= pd.Timestamp(now, tz="UTC")]
    rows = rows.sort_values(["known_time", "vintage"], kind="stable").drop_duplicates(
        "event_time", keep="last"
    )
    x = rows.sort_values("event_time").set_index("event_time")["value"].iloc[-300:]
    x = np.log(x) if log else x
    w = 0.5 ** (np.arange(1, len(x))[::-1] / 30)
    constant, slope, deviation = fit
    surprise = (x.iloc[-1] - constant - slope * x.iloc[-2]) / deviation
    return [x.iloc[-1], x.iloc[-1] - np.sum(w * x.iloc[:-1]) / w.sum(), surprise]


@pytest.fixture(scope="module")
def fitted():
    return NEWS_SENTIMENT.fitted(
        [{"news_sentiment": series_events([vintage(walk(1), lag=1)], "news_sentiment")}]
    )


OLD, NEW = walk(2, 100), walk(2, 130) + 0.05 * walk(3, 130)


def test_each_decision_sees_the_vintage_of_its_time(fitted):
    tables = [vintage(NEW, published=date(2019, 6, 1)), vintage(OLD, published=date(2019, 4, 20))]
    rows = series_events(tables, "news_sentiment")
    grid = at("2019-04-01", "2019-04-21", "2019-05-20", "2019-06-01 23:59", "2019-06-02")
    values = over(fitted, {"news_sentiment": rows}, grid)
    assert np.isnan(values[0]).all()
    expected = [by_definition(tables, now, fitted.constants()[1:]) for now in grid[1:]]
    np.testing.assert_allclose(values[1:, :3], expected, rtol=1e-10)
    assert values[1, 3] == 10.0
    assert values[3, 0] == OLD[-1]
    assert values[4, 0] == NEW[-1]


def test_a_later_vintage_leaves_what_was_read_before_it_as_it_was(fitted):
    old, new = vintage(OLD, lag=3), vintage(NEW, published=date(2019, 3, 15))
    grid = at(*pd.date_range("2018-12-30", "2019-05-30", freq="12h"))
    before, after = (
        over(fitted, {"news_sentiment": series_events(tables, "news_sentiment")}, grid)
        for tables in ([old], [old, new])
    )
    unknown = grid < at("2019-03-16")[0]
    assert before[unknown].tobytes() == after[unknown].tobytes()
    assert not np.array_equal(before[~unknown], after[~unknown])


def test_a_pseudo_vintage_is_known_its_lag_later(fitted):
    rows = series_events([vintage(OLD, lag=7)], "news_sentiment")
    values = over(fitted, {"news_sentiment": rows}, at("2019-03-09 23:59", "2019-03-10"))
    np.testing.assert_array_equal(values[:, 0], OLD[59:61])
    assert values[1, 3] == 7.0


def test_the_fit_is_that_of_least_squares_on_days_as_known_last():
    x = walk(5)
    first = vintage(x + 1.0, published=date(2019, 8, 1))
    last = vintage(x, published=date(2019, 9, 1))
    rows = series_events([first, last], "news_sentiment")
    found = NEWS_SENTIMENT.fitted([{"news_sentiment": rows}]).constants()[1:]
    design = np.c_[np.ones(len(x) - 1), x[:-1]]
    slopes, left = np.linalg.lstsq(design, x[1:])[:2]
    np.testing.assert_allclose(found, [*slopes, np.sqrt(left[0] / (len(x) - 3))], rtol=1e-9)
    assert found[1] == pytest.approx(0.8, abs=0.15)


def test_innovations_of_the_model_are_standard_normal():
    x = walk(6, 1500)
    rows = series_events([vintage(x, lag=0)], "news_sentiment")
    feature = NEWS_SENTIMENT.fitted([{"news_sentiment": rows}])
    surprise = over(feature, {"news_sentiment": rows}, rows.known_time)[1:, 2]
    assert np.std(surprise) == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(surprise[1:], surprise[:-1])[0, 1]) < 4 / np.sqrt(1500)


def test_too_little_to_learn_from():
    with pytest.raises(FitError, match="train on 30 or more"):
        autoregression(np.arange(20.0), walk(1, 20))
    with pytest.raises(FitError, match="never moves"):
        autoregression(np.arange(50.0), np.ones(50))


def test_a_series_that_is_not_there():
    with pytest.raises(DataError, match="no series FeeTotUSD: there are news_sentiment"):
        series_events([vintage(OLD, lag=1)], "FeeTotUSD")


def test_fees_in_logs_leave_out_days_without_any():
    fees = np.exp(5 + walk(7))
    rows = EventRows(np.arange(200) * DAY, np.c_[np.arange(200.0), fees])
    values = over(NETWORK_FEES, {"network_fees": rows}, rows.known_time[-1:])[0]
    w, x = 0.5 ** ((np.arange(199)[::-1] + 1) / 30), np.log(fees)
    assert values[0] == pytest.approx(fees[-1])
    assert values[1] == pytest.approx(x[-1] - np.sum(w * x[:-1]) / w.sum(), rel=1e-9)
    days = np.arange(200)
    gappy = EventRows(rows.known_time, np.c_[days, np.where(days % 3 == 1, 0.0, 7.0)])
    values = over(NETWORK_FEES, {"network_fees": gappy}, rows.known_time[-2:])
    np.testing.assert_allclose(values, [[7, 0], [np.nan, np.nan]], atol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "sentiment").exists(), reason="the shared data are not at hand")
def test_two_real_vintages_of_news_sentiment():
    pytest.importorskip("python_calamine", reason="extra xlsx")
    tables = []
    for month, day in (("03", date(2025, 3, 31)), ("10", date(2025, 10, 31))):
        file = RawStream(str(SHARED / "sentiment" / f"news_sentiment_2025-{month}.xlsx"))
        found = news_sentiment.read(file, Terms(day=day))
        tables.append(next(each.rows for each in found if each.table == "alternative"))
    rows = series_events(tables, "news_sentiment")
    feature = NEWS_SENTIMENT.fitted([{"news_sentiment": series_events(tables[:1], "news_sentiment")}])
    grid = at("2025-03-31", "2025-04-01", "2025-10-31", "2025-11-01")
    values = over(feature, {"news_sentiment": rows}, grid)
    alone = over(feature, {"news_sentiment": series_events(tables[:1], "news_sentiment")}, grid)
    assert np.isnan(values[0]).all()
    assert values[:3].tobytes() == alone[:3].tobytes()
    expected = [by_definition(tables, now, feature.constants()[1:]) for now in grid[1:]]
    np.testing.assert_allclose(values[1:, :3], expected, rtol=1e-9)


@pytest.mark.slow
def test_real_network_fees():
    found = list(SHARED.glob("*/coinmetrics_btc.csv.gz")) if SHARED.exists() else []
    if not found:
        pytest.skip("the shared data are not at hand")
    batches = [each.rows for each in coinmetrics.read(RawStream(str(found[0])), Terms())]
    tables = [rows for rows in batches if "series" in rows.schema.names]
    fees = series_events(tables, "FeeTotUSD")
    grid = at("2017-12-31", "2021-06-01")
    values = over(NETWORK_FEES, {"network_fees": fees}, grid)
    expected = [by_definition(tables, now, (0, 0, 1), True, "FeeTotUSD")[:2] for now in grid]
    expected = np.array(expected)
    np.testing.assert_allclose(values, np.c_[np.exp(expected[:, 0]), expected[:, 1]], rtol=1e-9)
