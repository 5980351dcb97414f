import random
import re
import zipfile
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.catalogue import format_of, formats
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.raw_stream import RawStream
from pipeline.ingest.vintage import revisions
from tests.workbook import sheet, workbook

ROWS = [("date", "News Sentiment"), *((date(2020, 3, day), day / 100 - 0.1) for day in range(1, 8))]


@pytest.fixture
def sentiment(tables, tmp_path):
    def run(content, **terms):
        path = tmp_path / "news_sentiment_2020-03.xlsx"
        path.write_bytes(content)
        return tables(path, **terms)

    return run


def test_a_snapshot_without_history_is_a_pseudo_vintage_with_its_lag(sentiment, tmp_path):
    table = sentiment(workbook(sheet(ROWS)), published_lag_days=7)["alternative"].to_pandas()
    assert table["value"].tolist() == [row[1] for row in ROWS[1:]]
    assert table["source_row"].tolist() == list(range(2, 9))
    assert table["pseudo_vintage"].all()
    assert ((table["known_time"] - table["event_time"]).dt.days == 7).all()
    assert table["event_time"].dt.day.tolist() == list(range(2, 9))
    path = RawStream(str(tmp_path / "news_sentiment_2020-03.xlsx"))
    assert format_of(path) is formats()["news_sentiment"]


def test_a_vintage_is_known_from_its_day_of_publication_on(sentiment):
    table = sentiment(workbook(sheet(ROWS)), day=date(2020, 3, 9))["alternative"].to_pandas()
    assert not table["pseudo_vintage"].any()
    assert set(table["known_time"].dt.strftime("%Y-%m-%d")) == {"2020-03-10"}
    early = sentiment(workbook(sheet(ROWS)), day=date(2020, 3, 5))
    assert early["alternative"].num_rows == 5
    assert set(early[QUARANTINE]["reason"].to_pylist()) == {"known before it happened"}


BAD = {
    ("2020-03-08", 0.1): "not a date: date",
    (date(2020, 3, 8), "n/a"): "not a number: News Sentiment",
    (date(2020, 3, 8), 38.0): "News Sentiment over 5: another unit?",
    (date(2020, 3, 7), 0.1): "duplicate: its day has been",
    (date(2020, 3, 2), 0.1): "day out of order",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_held_with_its_row_and_reason(sentiment, row):
    found = sentiment(workbook(sheet([*ROWS, row])), published_lag_days=7)
    assert found["alternative"].num_rows == 7
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[row]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [9]


def test_what_is_no_such_workbook_is_one_clear_error(sentiment):
    with pytest.raises(DataError, match="when was it published"):
        sentiment(workbook(sheet(ROWS)))
    with pytest.raises(DataError, match="does not begin with the columns"):
        sentiment(workbook(sheet([("day", "value")])), published_lag_days=7)
    with pytest.raises(DataError, match="damaged"):
        sentiment(workbook(sheet(ROWS))[:-40], published_lag_days=7, named="news_sentiment")
    far = sheet(ROWS).replace('r="B8"', 'r="XFD1048576"')
    with pytest.raises(DataError, match="too many for figures"):
        sentiment(workbook(far), published_lag_days=7)
    bomb = sheet(ROWS).replace("<sheetData>", "<sheetData>" + " " * 80_000_000)
    with pytest.raises(DataError, match="unpacks to"):
        sentiment(workbook(bomb), published_lag_days=7)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), inside=st.booleans())
def test_whatever_is_wrong_it_ends_in_an_error_or_in_rows(sentiment, seed, inside):
    dice = random.Random(seed)
    whole = bytearray(sheet(ROWS).encode() if inside else workbook(sheet(ROWS)))
    for _ in range(dice.randrange(1, 5)):
        whole[dice.randrange(len(whole))] = dice.randrange(256)
    content = workbook(bytes(whole)) if inside else bytes(whole)
    fault, found = "", {}
    try:
        found = sentiment(content, published_lag_days=7, named="news_sentiment")
    except DataError as error:
        fault = str(error)
    assert bool(fault) != bool(found)
    assert "\n" not in fault


@pytest.mark.slow
def test_real_vintages_are_what_a_plain_look_reads_and_the_later_revises_the_earlier(shared, tables):
    vintages = []
    for name in ("news_sentiment_2025-03.xlsx", "news_sentiment_2025-10.xlsx"):
        path = shared / "sentiment" / name
        found = tables(path, published_lag_days=7)
        assert QUARANTINE not in found
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(part).decode() for part in archive.namelist() if "worksheets/sheet" in part]
        numbers = re.findall(r'<c r="B\d+"[^>]*><v>(-?[\d.]+(?:[eE]-?\d+)?)</v></c>', max(parts, key=len))
        values = [float(number) for number in numbers][-found["alternative"].num_rows :]
        np.testing.assert_array_equal(found["alternative"]["value"].to_numpy(), values)
        vintages.append(found["alternative"])
    sizes = revisions(vintages).loc["news_sentiment"]
    assert sizes["days"] == vintages[0].num_rows
    assert sizes["changed"] == 1.0
    assert 0.9 < sizes["relative"] < 1.05
