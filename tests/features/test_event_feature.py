import numpy as np
import pytest

from pipeline.domain.errors import DataError, FitError
from pipeline.features.event_feature import EVENT_REGISTRY, EventRows, Output, Source, event_feature
from pipeline.features.event_kernel import compiled, kernel
from pipeline.features.event_stream import EventStream, event_rows, over
from pipeline.ingest.market_tables import LEVELS, batch, padded


@compiled
def _init(state, times, parameters):
    state[0] = np.nan


@compiled
def _step(state, times, parameters, known_time, source, row):
    state[0] = parameters[0] * row[0] + 100.0 * source
    times[0] = known_time


@compiled
def _read(state, times, parameters, now, values):
    values[0] = state[0]
    values[1] = now - times[0]


def plain(state, times, parameters, now, values):
    """Not compiled."""


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr("pipeline.features.event_feature.EVENT_REGISTRY", fresh := {})
    return fresh


PRICES = Source("trades", ("price",))
DECLARED = {
    "sources": (PRICES,),
    "outputs": (Output("last", "price", "p"), Output("age", "ns", "t")),
    "reference": "none",
    "description": "Last price.",
    "state_size": 1,
    "times_size": 1,
    "functions": (_init, _step, _read),
}


def declare(name="last_price", **changes):
    return event_feature(name, **(DECLARED | {"parameters": (2.0,)} | changes))


def rows(times, prices):
    return EventRows(np.array(times), np.array(prices, dtype=float).reshape(-1, 1))


def test_a_value_holds_what_is_known_at_its_time():
    values = over(declare(), {"trades": rows([10, 20, 20], [1, 2, 3])}, np.array([9, 10, 15, 20]))
    np.testing.assert_array_equal(values[:, 0], [np.nan, 2.0, 2.0, 6.0])
    np.testing.assert_array_equal(values[1:, 1], [0.0, 5.0, 0.0])


def test_tables_are_taken_in_the_order_of_time_then_of_the_sources():
    both = declare(sources=(PRICES, Source("quotes", ("bid_price",))))
    tables = {"quotes": rows([10, 30], [5, 6]), "trades": rows([10, 20], [1, 2])}
    values = over(both, tables, np.array([10, 20, 30]))
    np.testing.assert_array_equal(values[:, 0], [110.0, 4.0, 112.0])


def test_the_stream_refuses_what_comes_too_late():
    stream = EventStream(declare())
    stream.update(10, [1.0])
    with pytest.raises(DataError, match="known before the one ahead"):
        stream.update(9, [1.0])
    with pytest.raises(DataError, match="time that has passed"):
        stream.value(9)
    assert stream.value(12)[0] == 2.0
    with pytest.raises(DataError, match="at or before a value given"):
        stream.update(12, [1.0])
    with pytest.raises(DataError, match="time that has passed"):
        stream.value(11)


def test_one_instant_is_taken_in_the_order_of_the_sources_one_by_one_too():
    stream = EventStream(declare(sources=(PRICES, Source("quotes", ("bid_price",)))))
    stream.update(10, [1.0], 0)
    stream.update(10, [5.0], 1)
    with pytest.raises(DataError, match="trades after quotes of the same instant: give trades first"):
        stream.update(10, [2.0], 0)
    with pytest.raises(DataError, match="trades after quotes of the same instant"):
        stream.over({"trades": rows([10], [2]), "quotes": rows([11], [6])}, np.array([12]))
    stream.update(11, [2.0], 0)
    assert stream.value(11)[0] == 4.0


def test_faults_of_the_tables_are_named():
    feature = declare()
    with pytest.raises(DataError, match="no table trades"):
        over(feature, {}, np.array([1]))
    with pytest.raises(DataError, match="trades row 2 was known before"):
        over(feature, {"trades": rows([1, 3, 2], [1, 1, 1])}, np.array([1]))
    with pytest.raises(DataError, match="grid times fall"):
        over(feature, {"trades": rows([1], [1])}, np.array([2, 1]))
    with pytest.raises(DataError, match="trades has 1 columns, not price, size"):
        over(
            declare("wide", sources=(Source("trades", ("price", "size")),), outputs=()),
            {"trades": rows([1], [1])},
            np.array([2]),
        )
    with pytest.raises(DataError, match="trades has 0 columns, not price"):
        EventStream(feature).update(1, [])
    with pytest.raises(DataError, match=r"2 times and columns \(1, 1\)"):
        rows([1, 2], [1])


def test_what_is_learned_is_learned_first():
    def mean(days):
        return np.array([np.mean([part["trades"].columns.mean() for day in days for part in day])])

    feature = declare(fit=mean)
    with pytest.raises(FitError, match="last_price: learned from events"):
        EventStream(feature)
    learned = feature.fitted([{"trades": rows([1, 2], [3, 5])}])
    assert EventStream(learned).feature.constants() == [4.0]
    assert feature.fitted([{"trades": rows([1], [3])}], [{"trades": rows([2], [5])}]).constants() == [4.0]
    assert declare("other", outputs=()).fitted([{}]).constants() == [2.0]


def test_names_are_given_once(registry):
    declare()
    with pytest.raises(ValueError, match="last_price: age, last is registered twice"):
        declare()
    with pytest.raises(ValueError, match="another: last is registered twice"):
        declare("another", outputs=(Output("last", "price", "p"),))
    assert list(registry) == ["last_price"]
    assert registry is not EVENT_REGISTRY


def test_a_loop_calls_compiled_functions_and_is_made_once():
    with pytest.raises(ValueError, match="plain has to be compiled"):
        kernel(_step, plain)
    assert kernel(_step, _read) is kernel(_step, _read)


def test_columns_of_a_canonical_table():
    when = np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")
    trades = batch(
        "trades",
        {
            "event_time": when,
            "known_time": when,
            "source_row": [1, 2],
            "price": [1.0, 2.0],
            "size": [3.0, 4.0],
        }
        | {"side": [1, -1], "trade_id": 0, "venue": "", "condition": ""},
    ).rows
    found = event_rows(Source("trades", ("side", "price")), [trades, trades.slice(1)])
    np.testing.assert_array_equal(found.columns, [[1.0, 1.0], [-1.0, 2.0], [-1.0, 2.0]])
    np.testing.assert_array_equal(found.known_time, when[[0, 1, 1]].astype(np.int64))
    with pytest.raises(DataError, match="trades: no column mid: there are event_time"):
        event_rows(Source("trades", ("mid",)), [trades])
    with pytest.raises(DataError, match="trades: no rows"):
        event_rows(PRICES, [])


def test_list_columns_count_each_level():
    when = np.array(["2020-01-01"] * 3, "datetime64[ns]")
    levels = {
        name: padded(np.arange(6.0).reshape(3, 2) + shift)
        for shift, name in enumerate(("bid_price", "bid_size", "ask_price", "ask_size"))
    }
    rest = {"event_time": when, "known_time": when, "source_row": [1, 2, 3], "sequence": 0}
    found = batch("book", rest | levels | {"trusted": [True, False, True], "levels": 2}).rows.slice(1)
    columns = event_rows(Source("book", ("trusted", "bid_size", "ask_price")), [found]).columns
    assert columns.shape == (2, 1 + 2 * LEVELS)
    np.testing.assert_array_equal(columns[:, :3], [[0.0, 3.0, 4.0], [1.0, 5.0, 6.0]])
    np.testing.assert_array_equal(columns[:, 1 + LEVELS : 3 + LEVELS], [[4.0, 5.0], [6.0, 7.0]])
