"""A day that goes by once: what stood, and what features say, have the bits of all events at once."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.intraday_desk import GridSettings, IntradayHedge
from pipeline.features.book import BOOK_SHAPE
from pipeline.features.book_at import book_at
from pipeline.features.book_walk import MISSING
from pipeline.features.day_events import QUOTES, TRADES, DayEvents
from pipeline.features.decision_day import decision_day, followed
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.event_stream import over
from pipeline.features.kyle import KYLE
from pipeline.features.microprice import MICROPRICE
from pipeline.features.quotes import QUOTE_TOP
from pipeline.features.standing_book import StandingBook
from pipeline.features.toxicity import VPIN
from pipeline.features.trade_costs import TRADE_COSTS
from pipeline.ingest import time_order
from tests.features.test_day_events import START, frame, joined, orders, trades
from tests.market_day import DAY, day_tables
from tests.peak_memory import peak_memory

BOOK = Source("book", ("trusted", "levels", "bid_price", "bid_size", "ask_price", "ask_size"))


@pytest.fixture(params=[50, 333])
def part(request, monkeypatch):
    monkeypatch.setattr(time_order, "PART", request.param)


@pytest.fixture
def day(part):
    """Events in parts, and what a feature reads of each table as a whole."""
    events = DayEvents(day_tables(book_events=frame(orders(1_000)), trades=trades(700)))
    return events, {source.table: joined(events, source) for source in (BOOK, QUOTES, TRADES)}


def test_what_stood_at_an_instant_is_what_all_rows_say(day):
    events, whole = day
    times = np.random.default_rng(3).permutation(START + 10**8 * np.arange(-50, 5_000, 7))
    seen = followed(DAY, events, [], np.empty(0, dtype=np.int64), times)
    found, expected = book_at(seen.standing, times, 2.0), book_at(whole["book"], times, 2.0)
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    assert len(seen.standing) <= len(times) + 2
    assert seen.ended == whole["book"].known_time[-1]


def test_quotes_are_a_book_of_one_level():
    known = START + 10**9 * np.arange(200)
    bid = 99.0 + np.arange(200) % 7
    quotes = {"known_time": pd.to_datetime(known, utc=True), "bid_price": bid, "bid_size": 1.0}
    table = pd.DataFrame(quotes | {"ask_price": bid + 1.0, "ask_size": 2.0})
    times = START + 10**9 * np.array([-5, 0, 40, 40, 199, 250])
    seen = followed(DAY, DayEvents(day_tables(quotes=table)), [], np.empty(0, dtype=np.int64), times)
    at = book_at(seen.standing, times, 1e3)
    assert at.state.tolist() == [MISSING, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(at.bid_price[1:, 0], bid[[0, 40, 40, 199, 199]])


def test_features_of_one_pass_have_the_bits_of_a_pass_of_each(day):
    events, whole = day
    learned = MICROPRICE.fitted([{"book": whole["book"]}])
    features = [BOOK_SHAPE, learned, QUOTE_TOP, KYLE, TRADE_COSTS]
    times = np.sort(np.r_[whole["book"].known_time[::9], START + 10**8 * np.arange(-50, 5_000, 7)])
    seen = followed(DAY, events, features, times, times)
    for feature in features:
        tables = {}
        for source in feature.sources:
            (place,) = (each for each in (BOOK, QUOTES, TRADES) if each.table == source.table)
            columns = [place.columns.index(name) for name in source.columns]
            rows = whole[source.table]
            tables[source.table] = rows if source.table == "book" else EventRows(
                rows.known_time, rows.columns[:, columns]
            )  # fmt: skip
        values = over(feature, tables, times)
        for number, output in enumerate(feature.outputs):
            np.testing.assert_array_equal(seen.outputs[output.name], values[:, number])


def test_what_is_learned_does_not_depend_on_how_a_day_is_cut(day):
    """A bucket of volume ends within a part, a state of the quotes is followed into the next one."""
    events, whole = day
    prices = EventRows(whole["trades"].known_time, whole["trades"].columns[:, :2])
    for feature, rows in ((MICROPRICE, whole["book"]), (VPIN, prices)):
        one = {feature.sources[0].table: rows}
        cut = feature.fitted(events.of(feature.sources), events.of(feature.sources)).constants()
        np.testing.assert_array_equal(cut, feature.fitted([one], [one]).constants())


def test_a_book_without_a_whole_message_quotes_nothing():
    events = frame(orders(30)).assign(flags=np.int8(0))
    seen = followed(DAY, DayEvents(day_tables(book_events=events)), [BOOK_SHAPE], np.array([START]), [START])
    assert book_at(seen.standing, np.array([START]), 1.0).state.tolist() == [MISSING]
    assert np.isnan(seen.outputs["book_mid"]).all()


def test_memory_does_not_grow_with_the_events_of_a_day(monkeypatch):
    monkeypatch.setattr(time_order, "PART", 1_000)
    short, long = (day_tables(book_events=frame(orders(count))) for count in (3_000, 30_000))
    grid = GridSettings(every_seconds=60, close="03:00", sample_seconds=20.0)

    def made(tables):
        return lambda: decision_day(DAY, tables, grid, IntradayHedge(), 7, {})

    made(short)()
    in_memory = peak_memory(lambda: list(DayEvents(long).parts([])))
    assert peak_memory(made(long)) < in_memory + 1.5 * peak_memory(made(short))


def test_the_last_row_stands_until_it_is_asked_for():
    book = StandingBook(True, np.array([5, 7]))
    assert book_at(book.rows(), np.array([5, 7]), 1.0).state.tolist() == [MISSING, MISSING]
