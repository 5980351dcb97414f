"""Topics of generated headlines, and their intensity against its definition."""

import math

import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import EventStream, over
from pipeline.features.headline_topics import NONE, TOPICS, headline_events, learn_topics
from pipeline.features.topic_intensity import TOPIC_INTENSITY
from pipeline.ingest.market_tables import batch

SUBJECTS = (
    "rates central bank inflation policy meeting minutes",
    "oil output barrels crude pipeline refinery",
    "merger takeover bid shareholders board acquisition",
    "earnings quarter profit guidance revenue analysts",
    "bitcoin blockchain token exchange wallet miners",
    "election parliament vote candidate coalition ballot",
    "storm hurricane flood insurers damage coast",
    "strike union workers wages factory walkout",
)
HOUR = 3600 * 10**9


def headlines(seed, length, subjects=SUBJECTS):
    """Four words of one subject and one of any, and which subject."""
    rng = np.random.default_rng(seed)
    pools = [subject.split() for subject in subjects]
    every = [word for pool in pools for word in pool]
    labels = rng.integers(0, len(pools), length)
    texts = [" ".join([*rng.choice(pools[label], 4, replace=False), rng.choice(every)]) for label in labels]
    return texts, labels


@pytest.fixture(scope="module")
def learned():
    return learn_topics(headlines(1, 600)[0], seed=4)


def mapping(topics, labels):
    """Subject of each topic by majority."""
    return np.array([np.bincount(labels[topics == topic]).argmax() for topic in range(TOPICS)])


def test_topics_are_the_subjects(learned):
    texts, labels = headlines(2, 400)
    topics = learned.topics(texts).astype(int)
    subject = mapping(topics, labels)
    assert sorted(subject) == list(range(TOPICS))
    assert np.mean(subject[topics] == labels) > 0.97
    for topic in range(TOPICS):
        assert set(learned.leading_words(topic)) <= set(SUBJECTS[subject[topic]].split())


def test_one_at_a_time_gives_what_all_at_once_give(learned):
    texts = [*headlines(3, 200)[0], "", "cricket", "the of and", "oil rates"]
    assert [learned.topics([text])[0] for text in texts] == learned.topics(texts).tolist()
    assert learned.topics(["", "cricket", "the of and"]).tolist() == [NONE] * 3
    assert len(learned.topics([])) == 0


def test_the_nearest_centre_is_that_of_the_distance(learned):
    texts = headlines(5, 100)[0]
    rows = learned.words.transform(texts).toarray()
    distance = np.linalg.norm(rows[:, None] - learned.centres, axis=2)
    np.testing.assert_array_equal(learned.topics(texts), distance.argmin(axis=1))


def test_the_same_seed_gives_the_same_bits(learned):
    again = learn_topics(headlines(1, 600)[0], seed=4)
    assert again.centres.tobytes() == learned.centres.tobytes()


def test_a_refit_keeps_the_numbers(learned):
    texts, _ = headlines(6, 600)
    refit = learn_topics(texts, seed=9, previous=learned)
    unaligned = learn_topics(texts, seed=9)
    fresh, fresh_labels = headlines(7, 300)
    np.testing.assert_array_equal(
        mapping(refit.topics(fresh).astype(int), fresh_labels),
        mapping(learned.topics(fresh).astype(int), fresh_labels),
    )
    assert (refit.similarity > 0.9).all()
    assert np.isnan(unaligned.similarity).all()


def test_a_subject_that_is_new_takes_the_number_of_the_one_that_ended(learned):
    subjects = (*SUBJECTS[:-1], "vaccine virus hospital trial epidemic lockdown")
    refit = learn_topics(headlines(8, 600, subjects)[0], seed=2, previous=learned)
    changed = int(refit.similarity.argmin())
    assert refit.similarity[changed] < 0.3 < np.sort(refit.similarity)[1]
    assert "strike" in learned.leading_words(changed, 6)
    assert "virus" in refit.leading_words(changed, 6)


def test_too_few_headlines_make_no_topics(learned):
    with pytest.raises(FitError, match="2 topics cannot take the numbers of 8"):
        learn_topics(headlines(1, 50)[0], seed=1, count=2, previous=learned)
    with pytest.raises(FitError, match="1 different headlines cannot make 8"):
        learn_topics(["oil output"] * 20, seed=1)
    with pytest.raises(FitError, match="without words"):
        learn_topics(["the", ""], seed=1)


def table(texts, known):
    known = known.astype("datetime64[ns]")
    rows = {"event_time": known, "known_time": known, "source_row": np.arange(len(texts)), "text": texts}
    return batch("headlines", rows | {"source": "wire"}).rows


def test_intensity_from_a_table_in_any_order(learned):
    texts, _ = headlines(9, 300)
    texts[5] = "cricket"
    rng = np.random.default_rng(1)
    known = 1_600_000_000 * 10**9 + np.cumsum(rng.exponential(HOUR / 4, 300).astype(np.int64))
    mixed = rng.permutation(300)
    rows = headline_events([table([texts[place] for place in mixed], known[mixed])], learned)
    grid = known[[3, 50, 299]] + HOUR
    values = over(TOPIC_INTENSITY, {"headline_topics": rows}, grid)
    topics = learned.topics(texts)
    for now, found in zip(grid, values, strict=True):
        seen = known <= now
        w = 0.5 ** ((now - known[seen]) / (6 * HOUR)) * math.log(2) / 6
        counts = np.array([w[topics[seen] == topic].sum() for topic in range(TOPICS)])
        shares = counts[counts > 0] / counts.sum()
        expected = [*counts, w.sum(), 1 + np.sum(shares * np.log(shares)) / math.log(TOPICS)]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_one_headline_at_a_time_gives_the_batch(learned):
    texts, _ = headlines(10, 60)
    known = np.arange(60) * HOUR
    whole = over(TOPIC_INTENSITY, {"headline_topics": headline_events([table(texts, known)], learned)}, known)
    stream = EventStream(TOPIC_INTENSITY)
    for time, text, expected in zip(known, texts, whole, strict=True):
        stream.update(time, learned.topics([text]))
        assert stream.value(time).tobytes() == expected.tobytes()


def test_only_one_topic_is_all_concentration():
    rows = EventRows(np.arange(5) * HOUR, np.full((5, 1), 2.0))
    value = over(TOPIC_INTENSITY, {"headline_topics": rows}, rows.known_time[-1:])[0]
    assert value[TOPICS + 1] == 1.0
    assert value[2] == value[TOPICS]
