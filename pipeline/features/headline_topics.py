"""Topics of headlines: clusters of their words, learned from training headlines and given to later ones.

A headline is the unit vector of its words' TF-IDF weights, and belongs to the nearest of K centres. Each
headline is looked at by itself, so that one at a time gives the topics that all at once give. The clusters
have been tested on generated headlines only: no dated corpus of real ones was at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.domain.errors import DataError, FitError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventRows

TOPICS: Final = 8
"""How many there are: `topic_intensity` has a number for each."""
NONE: Final = -1.0
"""Topic of a headline that has no word in common with those learned from."""
MOST_WORDS: Final = 5000
STARTS: Final = 10
"""Random starts of the clustering; the best of them is taken."""


@dataclass(frozen=True)
class HeadlineTopics:
    """Topics learned from headlines.

    Attributes
    ----------
    words : TF-IDF weights of the words, fitted.
    centres : [K, words] mean vector of each topic.
    similarity : [K] cosine between each topic and the one of the fit before that it has its number from; NaN
        in a first fit.
    """

    words: TfidfVectorizer
    centres: FloatArray
    similarity: FloatArray

    def topics(self, texts: Sequence[str]) -> FloatArray:
        """Return the topic of each headline, 0 to K − 1, or `NONE`, [texts].

        The nearest centre of a unit vector x is argmax_k x·c_k − |c_k|²/2.
        """
        if not len(texts):
            return np.empty(0)
        rows = self.words.transform(texts)
        near = rows @ self.centres.T - 0.5 * np.einsum("kw,kw->k", self.centres, self.centres)
        return np.where(np.diff(rows.indptr) > 0, near.argmax(axis=1), NONE)

    def leading_words(self, topic: int, count: int = 5) -> tuple[str, ...]:
        """Return the words that weigh most in a topic, to tell what it is about."""
        names = self.words.get_feature_names_out()
        return tuple(str(name) for name in names[np.argsort(-self.centres[topic], kind="stable")[:count]])

    def after(self, previous: "HeadlineTopics") -> Self:
        """Return the topics with the numbers of an earlier fit, each that of the most similar one.

        The sum of the cosines between old and new centres is made largest, over the words that both know.

        Raises
        ------
        FitError
            There are not as many of them.

        References
        ----------
        Kuhn (1955).
        """
        if len(previous.centres) != len(self.centres):
            raise FitError(
                f"topics: {len(self.centres)} topics cannot take the numbers of {len(previous.centres)}: "
                "fit as many"
            )
        place = previous.words.vocabulary_
        known = [(new, place[word]) for word, new in self.words.vocabulary_.items() if word in place]
        new, old = np.array(sorted(known), dtype=np.int64).reshape(-1, 2).T
        cosine = _unit(previous.centres)[:, old] @ _unit(self.centres)[:, new].T
        order = linear_sum_assignment(-cosine)[1]
        return replace(self, centres=self.centres[order], similarity=cosine[np.arange(len(order)), order])


def learn_topics(
    texts: Sequence[str], seed: int, count: int = TOPICS, previous: HeadlineTopics | None = None
) -> HeadlineTopics:
    """Return the topics of training headlines.

    Words are lower case, two letters or more, English stop words left out, the `MOST_WORDS` most frequent
    kept; the weight of a word is its count times 1 + ln((1 + n)/(1 + n_word)), each headline brought to unit
    length. The centres are K-Means'. A first fit counts topics from the largest.

    Parameters
    ----------
    texts : headlines known before the time from which topics are asked for.
    seed : of the random starts.
    previous : the fit before, whose numbers the topics take.

    Raises
    ------
    FitError
        There are fewer different headlines than topics.

    References
    ----------
    Salton, Buckley (1988) for the weights; Arthur, Vassilvitskii (2007) for the starts.

    Examples
    --------
    >>> training = ["Fed lifts rates", "Rates lifted by Fed", "Oil output cut", "Cut of oil output"]
    >>> found = learn_topics(training, seed=1, count=2)
    >>> found.topics(["Fed holds rates", "Oil is dear", "Cricket"]).tolist() in ([0, 1, -1], [1, 0, -1])
    True
    """
    words = TfidfVectorizer(stop_words="english", max_features=MOST_WORDS)
    try:
        rows = words.fit_transform(texts)
    except ValueError as error:
        raise FitError(f"topics: {len(texts)} headlines without words to learn from: {error}") from error
    different = len({(row.indices.tobytes(), row.data.tobytes()) for row in rows if row.nnz})
    if different < count:
        raise FitError(f"topics: {different} different headlines cannot make {count} topics: train on more")
    with threadpool_limits(1):
        fit = KMeans(count, n_init=STARTS, random_state=seed).fit(rows)
    by_size = np.argsort(-np.bincount(fit.labels_, minlength=count), kind="stable")
    found = HeadlineTopics(words, fit.cluster_centers_[by_size], np.full(count, np.nan))
    return found if previous is None else found.after(previous)


def headline_events(batches: Sequence[pa.RecordBatch], learned: HeadlineTopics) -> EventRows:
    """Return the events (`topic`) of `headlines`, in the order in which they were known.

    Raises
    ------
    DataError
        There are no headlines.
    """
    if not batches:
        raise DataError("headlines: no rows")
    known = np.concatenate([rows.column("known_time").cast(pa.int64()).to_numpy() for rows in batches])
    texts = [text for rows in batches for text in rows.column("text").to_pylist()]
    order = np.argsort(known, kind="stable")
    return EventRows(known[order], learned.topics(texts)[order, np.newaxis])


def _unit(rows: FloatArray) -> FloatArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0.0, length, 1.0)
