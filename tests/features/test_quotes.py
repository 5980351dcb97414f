import numpy as np
import pytest

from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.quotes import QUOTE_TOP

SECOND = 10**9


def naive(rows, now):
    """The definitions, written for one time by going through all quotes."""
    flow, last, stamp = 0.0, None, 0
    quote = None
    for time, (bid, bid_size, ask, ask_size) in zip(rows.known_time, rows.columns, strict=True):
        if time > now:
            break
        quote = (bid, bid_size, ask, ask_size) if 0 < bid <= ask else None
        if quote and last:
            change = (bid >= last[0]) * bid_size - (bid <= last[0]) * last[1]
            change += (ask >= last[2]) * last[3] - (ask <= last[2]) * ask_size
            flow, stamp = flow * 2.0 ** (-(time - stamp) / SECOND / 10.0) + change, time
        last = quote
    if not quote:
        return [np.nan] * 5
    bid, bid_size, ask, ask_size = quote
    shown = bid_size + ask_size
    return [
        (bid + ask) / 2,
        (ask - bid) / (bid + ask) * 1e4,
        (bid_size - ask_size) / shown,
        (bid * ask_size + ask * bid_size) / shown,
        flow * 2.0 ** (-(now - stamp) / SECOND / 10.0),
    ]


def test_the_definitions_gone_through_one_by_one():
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.integers(0, SECOND, 400))
    bid = 10.0 + 0.01 * rng.integers(0, 4, 400)
    columns = np.c_[
        bid, rng.integers(1, 9, 400), bid + 0.01 * rng.integers(-1, 4, 400), rng.integers(1, 9, 400)
    ]
    columns[rng.random(400) < 0.05, 2:] = np.nan
    rows, grid = EventRows(times, columns), np.arange(0, times[-1], SECOND)
    expected = np.array([naive(rows, now) for now in grid])
    np.testing.assert_allclose(over(QUOTE_TOP, {"quotes": rows}, grid), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "quote", [(10.0, 1.0, 9.0, 1.0), (np.nan, np.nan, 9.0, 1.0), (9.0, 1.0, np.nan, np.nan)]
)
def test_a_quote_that_is_none_leaves_nothing(quote):
    rows = EventRows(np.array([1, 2]), np.array([(9.0, 1.0, 10.0, 1.0), quote]))
    values = over(QUOTE_TOP, {"quotes": rows}, np.array([1, 2]))
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
