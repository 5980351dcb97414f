import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.features import microprice
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.microprice import BUCKETS, MICROPRICE, SPREADS


def quotes(bid, bid_size, spread=0.01, trusted=1.0):
    """Rows of `book` of one level whose sizes add up to one."""
    bid, bid_size = np.broadcast_arrays(bid, bid_size)
    one = np.ones(len(bid))
    return np.c_[one * trusted, one, bid, bid_size, bid + spread, 1.0 - bid_size]


def market(seed, length=200_000, chance=0.3):
    """The imbalance is drawn anew each time; the mid moves a tick to the heavy side's with a chance."""
    rng = np.random.default_rng(seed)
    heavy = rng.random(length) < 0.5
    moves = np.where(rng.random(length) < chance, np.where(heavy, 0.01, -0.01), 0.0)
    bid = np.round(100.0 + np.concatenate([[0.0], np.cumsum(moves[:-1])]), 2)
    return quotes(bid, np.where(heavy, 0.75, 0.25))


def adjustments(columns):
    """What one day of rows teaches, in two parts."""
    parts = np.array_split(columns, 2)
    return microprice.adjustments([[{"book": EventRows(np.arange(len(each)), each)} for each in parts]])


def test_an_imbalance_without_memory_tells_of_one_move():
    tick, *found = adjustments(market(1))
    table = np.array(found).reshape(BUCKETS, SPREADS)[:, 0]
    assert tick == pytest.approx(0.01)
    # whoever moves the mid, what comes after has no side: the chance of a move is all there is to expect
    assert table[7] == pytest.approx(0.01 * 0.3, abs=4 * 0.01 * np.sqrt(0.3 * 0.7 / 200_000) * 2)
    assert table[2] == pytest.approx(-table[7])
    assert (table[[0, 1, 3, 4, 5, 6, 8, 9]] == 0.0).all()


def test_it_forecasts_the_mid_better_than_the_mid():
    learned = MICROPRICE.fitted([{"book": EventRows(np.arange(200_000), market(1))}])
    test = EventRows(np.arange(50_000), market(2, 50_000))
    price = over(learned, {"book": test}, test.known_time)[:, 0]
    mid = test.columns[:, 2] + 0.005
    later = mid[5:]
    gain = (later - mid[:-5]) ** 2 - (later - price[:-5]) ** 2
    assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain) / 5)


def test_bid_and_ask_are_mirror_images():
    rng = np.random.default_rng(5)
    columns = quotes(100 + 0.01 * rng.integers(0, 6, 3000), rng.random(3000), 0.01 * rng.integers(1, 7, 3000))
    table = adjustments(columns)[1:].reshape(BUCKETS, SPREADS)
    np.testing.assert_allclose(table, -table[::-1], atol=1e-12)


def test_rows_that_are_not_sound_teach_nothing_and_have_no_price():
    columns = market(3, 5000)
    spoiled = np.insert(columns, 2500, quotes([50.0], [0.5], trusted=0.0), axis=0)
    gap = np.delete(np.arange(5000), [2499, 2500])
    assert adjustments(spoiled)[1:] == pytest.approx(adjustments(columns[gap])[1:], abs=1e-4)
    learned = MICROPRICE.fitted([{"book": EventRows(np.arange(5000), columns)}])
    rows = EventRows(np.arange(2), np.r_[columns[:1], quotes([50.0], [0.5], trusted=0.0)])
    assert np.isnan(over(learned, {"book": rows}, np.arange(2))[:, 0]).tolist() == [False, True]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [(0.0, 0.0), (np.nan, 1.0)])
def test_best_quotes_without_size_teach_nothing_and_have_no_price(sizes):
    columns = market(4, 5000)
    empty, untrusted = columns.copy(), columns.copy()
    empty[2500, [3, 5]], untrusted[2500, 0] = sizes, 0.0
    np.testing.assert_array_equal(adjustments(empty), adjustments(untrusted))
    learned = MICROPRICE.fitted([{"book": EventRows(np.arange(5000), columns)}])
    price = over(learned, {"book": EventRows(np.arange(5000), empty)}, np.array([2499, 2500, 2501]))[:, 0]
    assert np.isnan(price).tolist() == [False, True, False]


def test_a_mid_that_never_moves_teaches_nothing():
    with pytest.raises(FitError, match="the mid never moves"):
        adjustments(quotes(np.full(10, 100.0), 0.5))
