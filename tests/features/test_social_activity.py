"""Social activity against its definition on the table of messages."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.social_activity import BIN, MESSAGES, SOCIAL_ACTIVITY, social_events
from pipeline.ingest.formats.social import anonymous
from pipeline.ingest.market_tables import batch

MINUTE = 60 * 10**9
START = 1_600_000_000 * 10**9 // BIN * BIN


def messages(seed, length, gap):
    rng = np.random.default_rng(seed)
    known = START + np.cumsum(rng.exponential(gap, length).astype(np.int64))
    author = np.where(rng.random(length) < 0.1, np.nan, rng.integers(0, 12, length))
    score = np.where(rng.random(length) < 0.2, np.nan, rng.normal(size=length) + 0.2 * np.nan_to_num(author))
    return EventRows(known, np.c_[author, rng.integers(1, 4, length), score])


def by_definition(rows, now):
    """All numbers from the messages that were known."""
    seen = rows.known_time <= now
    author, count, score = rows.columns[seen].T
    known = rows.known_time[seen]
    bins = pd.Series(count).groupby(known // BIN).sum()
    last = now // BIN - 1
    bins = bins.reindex(range(known[0] // BIN, last + 1), fill_value=0.0).to_numpy()
    before = bins[:-1][-1008:]
    burst = (bins[-1] - before.mean()) / before.std(ddof=1) if len(before) >= 144 else np.nan
    recent = pd.DataFrame({"author": author, "score": score, "known": known}).dropna(subset="score").tail(512)
    recent = recent[recent["known"] > now - 144 * BIN]
    names = recent["author"].where(recent["author"].notna(), -1.0 - np.arange(len(recent)))
    voices = recent["score"].groupby(names).mean()
    told = [recent["score"].mean(), recent["score"].std(), voices.std()]
    return [bins[-1], bins[-144:].sum(), burst, *told]


@pytest.mark.parametrize(("length", "gap"), [(1500, 15 * MINUTE), (3000, MINUTE / 2)])
def test_every_number_is_what_its_definition_says(length, gap):
    rows = messages(1, length, gap)
    grid = rows.known_time[[40, 400, 900, length - 1]] + 25 * MINUTE
    values = over(SOCIAL_ACTIVITY, {"social": rows}, grid)
    np.testing.assert_allclose(values, [by_definition(rows, now) for now in grid], rtol=1e-9)


def test_a_steady_flow_has_bursts_of_unit_variance_and_a_sudden_crowd_stands_out():
    rng = np.random.default_rng(4)
    counts = rng.poisson(20, 2500).astype(float)
    counts[-1] = 100.0
    rows = EventRows(
        START + np.arange(2500) * BIN, np.c_[np.full(2500, np.nan), counts, np.full(2500, np.nan)]
    )
    values = over(SOCIAL_ACTIVITY, {"social": rows}, rows.known_time + BIN)
    calm = values[1100:-1, 2]
    assert calm.mean() == pytest.approx(0.0, abs=4 / np.sqrt(len(calm)))
    assert calm.std() == pytest.approx(1.0, abs=0.1)
    assert values[-1, 2] == pytest.approx(80 / np.sqrt(20), rel=0.1)
    assert np.isnan(values[:, 3:]).all()


def test_a_bin_that_is_not_over_is_not_counted():
    rows = EventRows(START + np.array([0, 1, 2]) * MINUTE, np.tile([1.0, 1.0, 0.5], (3, 1)))
    values = over(SOCIAL_ACTIVITY, {"social": rows}, np.array([START + 9 * MINUTE, START + 10 * MINUTE]))
    assert np.isnan(values[0, 0])
    assert values[1, 0] == 3.0


def test_one_who_writes_much_is_one_voice():
    columns = np.array([[1.0, 1.0, 1.0]] * 9 + [[2.0, 1.0, -1.0]])
    rows = EventRows(START + np.arange(10) * MINUTE, columns)
    *_, mean, spread, voices = over(SOCIAL_ACTIVITY, {"social": rows}, rows.known_time[-1:])[0]
    assert mean == pytest.approx(0.8)
    assert spread == pytest.approx(np.std(columns[:, 2], ddof=1))
    assert voices == pytest.approx(np.std([1.0, -1.0], ddof=1))


def test_messages_older_than_a_day_and_beyond_the_ring_are_forgotten():
    rows = messages(5, MESSAGES + 50, MINUTE)
    later = over(SOCIAL_ACTIVITY, {"social": rows}, rows.known_time[-1:] + 146 * BIN)[0]
    assert np.isnan(later[3:]).all()
    assert later[0] == later[1] == 0.0


def table(known, authors, texts):
    known = np.array(known).astype("datetime64[ns]")
    rows = {"event_time": known, "known_time": known, "source_row": np.arange(len(texts)), "count": 1.0}
    return batch("social", rows | {"author": authors, "text": texts}).rows


def lengths(texts):
    return np.array([float(len(text)) for text in texts])


def test_events_of_the_table():
    rows = table([2, 1], [anonymous("alice"), ""], ["long text", ""])
    found = social_events([rows], lengths)
    assert found.known_time.tolist() == [1, 2]
    np.testing.assert_array_equal(found.columns[:, 2], [np.nan, 9.0])
    assert np.isnan(found.columns[0, 0])
    assert found.columns[1, 0] == int(anonymous("alice")[:12], 16)
    assert np.isnan(social_events([rows]).columns[:, 2]).all()


def test_scores_that_are_not_one_a_text():
    with pytest.raises(DataError, match="one number a text"):
        social_events([table([1, 2], ["", ""], ["a", "b"])], lambda texts: np.ones(1))
