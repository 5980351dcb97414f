"""Features on trades against their definitions, gone through event by event."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.flow_impact import FLOW_IMPACT
from pipeline.features.kyle import KYLE
from pipeline.features.own_costs import OWN_COSTS
from pipeline.features.quote_volatility import QUOTE_VOLATILITY
from pipeline.features.toxicity import BUCKETS, VPIN, fit_buckets
from pipeline.features.trade_costs import TRADE_COSTS
from pipeline.features.trade_tape import TRADE_TAPE

SECOND = 10**9
START = 1_600_000_000 * SECOND


def tape(seed=1, length=600, seconds=0.8):
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(rng.exponential(seconds * SECOND, length).astype(np.int64))
    price = 100 + 0.01 * np.cumsum(rng.integers(-2, 3, length))
    return EventRows(times, np.c_[price, rng.integers(1, 20, length), rng.choice([-1.0, 1.0], length)])


def quotes(seed=2, length=900, seconds=0.5):
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(rng.exponential(seconds * SECOND, length).astype(np.int64))
    bid = 100 + 0.01 * np.cumsum(rng.integers(-1, 2, length))
    return EventRows(times, np.c_[bid, bid + 0.01 * rng.integers(1, 4, length)])


def mid_at(rows, now, side="right"):
    """The mid as of a time, or as it was just before ("left")."""
    known = np.searchsorted(rows.known_time, now, side)
    return rows.columns[known - 1].mean() if known else np.nan


def tied(trades, quoted):
    """Both with every other trade moved to the instant of the quote after it."""
    after = np.searchsorted(quoted.known_time, trades.known_time)
    moved = (np.arange(len(trades)) % 2 == 0) & (after < len(quoted))
    times = np.where(moved, quoted.known_time[np.minimum(after, len(quoted) - 1)], trades.known_time)
    order = np.argsort(times, kind="stable")
    assert np.isin(times, quoted.known_time).mean() > 0.4
    return EventRows(times[order], trades.columns[order]), quoted


GRID = START + np.arange(5, 480, 7) * SECOND


def test_the_tape():
    rows, expected = tape(), []
    for now in GRID:
        seen = rows.known_time <= now
        price, size, side = rows.columns[seen].T
        w = 0.5 ** ((now - rows.known_time[seen]) / SECOND / 60)
        rate = math.log(2) / 60
        expected.append(
            [
                np.sum(w * price * size) / np.sum(w * size),
                rate * w.sum(),
                rate * np.sum(w * size),
                np.sum(w * size * side),
                np.sum(w * size * side) / np.sum(w * size),
            ]
        )
    np.testing.assert_allclose(over(TRADE_TAPE, {"trades": rows}, GRID), expected, rtol=1e-9, atol=1e-9)


def test_a_steady_tape_has_the_rate_at_which_it_trades():
    rows = EventRows(START + np.arange(2000) * SECOND // 2, np.tile([100.0, 3.0, 1.0], (2000, 1)))
    values = over(TRADE_TAPE, {"trades": rows}, rows.known_time[-1:])[0]
    np.testing.assert_allclose(values, [100, 2, 6, 6 * 60 / math.log(2), 1], rtol=5e-3)


def test_vpin_is_the_average_of_the_last_fifty_buckets():
    rows, feature = tape(length=2000), VPIN
    trades = EventRows(rows.known_time, rows.columns[:, :2])
    fitted = feature.fitted([{"trades": trades}])
    bucket, deviation = fitted.constants()
    left, before, found = 0.0, trades.columns[0, 0], []
    for price, size in trades.columns:
        left += size
        while left >= bucket:
            share = 0.5 * (1 + math.erf((price - before) / deviation / math.sqrt(2)))
            found.append(abs(2 * share - 1))
            left, before = left - bucket, price
    assert len(found) >= BUCKETS
    value = over(fitted, {"trades": trades}, trades.known_time[-1:])[0, 0]
    assert value == pytest.approx(np.mean(found[-BUCKETS:]), rel=1e-9)
    assert 0.0 <= value <= 1.0


def test_vpin_is_known_from_a_fifth_of_a_training_days_volume_on():
    rows = tape(length=2000)
    trades = EventRows(rows.known_time, rows.columns[:, :2])
    value = over(VPIN.fitted([{"trades": trades}]), {"trades": trades}, trades.known_time)[:, 0]
    filled = np.cumsum(trades.columns[:, 1]) / trades.columns[:, 1].sum()
    clear = np.abs(filled - 0.2) > 1e-9
    np.testing.assert_array_equal(np.isfinite(value)[clear], (filled > 0.2)[clear])


def test_vpin_learns_from_each_day_by_itself():
    """What the price does over the night is no move of a bucket, however far it goes."""
    rows = tape(length=2000)
    trades = EventRows(rows.known_time, rows.columns[:, :2])
    higher = EventRows(trades.known_time + 24 * 3600 * SECOND, trades.columns + np.array([50.0, 0.0]))
    one, two = VPIN.fitted([{"trades": trades}]), VPIN.fitted([{"trades": trades}], [{"trades": higher}])
    np.testing.assert_allclose(one.constants(), two.constants(), rtol=1e-12)


def buckets_one_by_one(prices, sizes, bucket, deviation):
    left, before, found = 0.0, prices[0], []
    for price, size in zip(prices, sizes, strict=True):
        left += size
        while left >= bucket:
            found.append(abs(math.erf((price - before) / deviation / math.sqrt(2))))
            left, before = left - bucket, price
    return found


@pytest.mark.parametrize("size", [3.0, 12.0, 199.0, 200.0, 201.0, 2_000.0])
def test_a_trade_of_many_buckets_is_bucket_by_bucket_the_same(size):
    rows = tape(seed=4, length=400)
    columns = rows.columns[:, :2].copy()
    columns[250, 1] = size
    trades, fitted = EventRows(rows.known_time, columns), replace(VPIN, parameters=np.array([4.0, 0.02]))
    found = buckets_one_by_one(*columns.T, 4.0, 0.02)
    for row in (251, 300, 399):
        part = buckets_one_by_one(*columns[: row + 1].T, 4.0, 0.02)
        value = over(fitted, {"trades": trades}, trades.known_time[row : row + 1])[0, 0]
        assert value == pytest.approx(np.mean(part[-BUCKETS:]), rel=1e-9)
    assert len(found) > BUCKETS


@pytest.mark.parametrize("size", [5.12345e78, 1e308])
def test_a_trade_of_any_size_takes_no_longer_than_another(size):
    columns = np.array([[100.0, 1.0], [101.0, size], [102.0, 1.0], [103.0, 4.0]])
    trades = EventRows(START + np.arange(4) * SECOND, columns)
    value = over(replace(VPIN, parameters=np.array([4.0, 0.02])), {"trades": trades}, trades.known_time[1:])
    assert value[0, 0] == 0.0
    assert value[2, 0] == pytest.approx(1 / BUCKETS)


def test_vpin_without_moves_or_trades_cannot_be_fitted():
    still = EventRows(START + np.arange(100), np.tile([100.0, 1.0], (100, 1)))
    with pytest.raises(FitError, match="never moves"):
        fit_buckets([[{"trades": still}]])
    with pytest.raises(FitError, match="fewer than two"):
        fit_buckets([[{"trades": still[:1]}]])


def test_kyles_lambda_of_a_price_that_flow_moves_is_the_slope():
    rng = np.random.default_rng(3)
    minutes = 400
    flow = rng.integers(-9, 10, minutes).astype(float)
    mid = 100 + 0.02 * np.cumsum(flow) + 0.05 * rng.standard_normal(minutes)
    begin = (START // (60 * SECOND) + 1) * 60 * SECOND + np.arange(minutes) * 60 * SECOND
    trades = EventRows(begin + 10 * SECOND, np.c_[np.abs(flow), np.sign(flow)])
    quoted = EventRows(begin + 20 * SECOND, np.c_[mid - 0.01, mid + 0.01])
    value = over(KYLE, {"quotes": quoted, "trades": trades}, begin[-1:] + 60 * SECOND)[0, 0]
    w = 0.5 ** (np.arange(minutes)[::-1] / 60)
    move, used = np.diff(mid, prepend=mid[0]), flow.copy()
    used[0] = flow[0]
    slope = np.sum(w * move * used) / np.sum(w * used**2)
    assert value == pytest.approx(1e4 * slope / mid[-1], rel=1e-9)
    assert value == pytest.approx(1e4 * 0.02 / mid[-1], rel=0.15)


def test_effective_and_realised_half_spread():
    trades, quoted = tied(tape(seed=5), quotes(seed=6))
    expected = []
    for now in GRID:
        paid = kept = traded = settled = 0.0
        for time, (price, size, side) in zip(trades.known_time, trades.columns, strict=True):
            mid = mid_at(quoted, time, "left")
            if time > now or np.isnan(mid):
                continue
            w = 0.5 ** ((now - time) / SECOND / 300)
            paid, traded = paid + w * size * 1e4 * side * (price - mid) / mid, traded + w * size
            if time + 5 * SECOND <= now:
                later, v = (
                    mid_at(quoted, time + 5 * SECOND),
                    0.5 ** ((now - time - 5 * SECOND) / SECOND / 300),
                )
                kept, settled = kept + v * size * 1e4 * side * (price - later) / later, settled + v * size
        expected.append([paid / traded if traded else np.nan, kept / settled if settled else np.nan])
    found = over(TRADE_COSTS, {"quotes": quoted, "trades": trades}, GRID)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_impact_after_flow_of_the_desks_size():
    trades, quoted = tied(tape(seed=7, length=900, seconds=0.5), quotes(seed=8))
    flow = EventRows(trades.known_time, trades.columns[:, 1:])
    size, runs = 37.0, []
    fitted = FLOW_IMPACT.for_desk(size, 5.0)
    side, volume, last, began = 0.0, 0.0, 0, None
    for time, (units, sign) in zip(flow.known_time, flow.columns, strict=True):
        if np.isnan(mid_at(quoted, time, "left")):
            continue
        if sign != side or time - last > SECOND:
            side, volume, began = sign, 0.0, time
        volume, last = volume + units, time
        if volume >= size:
            runs.append((began, time, sign))
            side = 0.0
    expected = []
    for now in GRID:
        row = []
        for h in (1, 5, 30):
            total = weight = 0.0
            for began, ended, sign in runs:
                base = mid_at(quoted, began, "left")
                tenth = (began - h * SECOND) // 10**8 * 10**8
                before, after = mid_at(quoted, tenth - 1), mid_at(quoted, ended + h * SECOND)
                if ended + h * SECOND <= now and np.isfinite(before):
                    total = 0.98 * total + 1e4 * sign * ((after - base) - (base - before)) / base
                    weight = 0.98 * weight + 1.0
            row.append(total / weight if weight else np.nan)
        expected.append(row)
    found = over(fitted, {"quotes": quoted, "trades": flow}, GRID)
    assert np.isfinite(found[-1]).all()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_a_quote_of_a_trades_own_instant_is_its_consequence():
    """A buyer takes the whole ask at 100.01; the quote that follows bears the same time."""
    quoted = EventRows([START, START + SECOND], [[99.99, 100.01], [100.01, 100.03]])
    trade = EventRows([START + SECOND], [[100.01, 5.0, 1.0]])
    now = np.array([START + 2 * SECOND])
    paid = over(TRADE_COSTS, {"quotes": quoted, "trades": trade}, now)[0, 0]
    assert paid == pytest.approx(1e4 * 0.01 / 100.0)
    flow = FLOW_IMPACT.for_desk(5.0, 5.0)
    moved = over(flow, {"quotes": quoted, "trades": EventRows(trade.known_time, trade.columns[:, 1:])}, now)
    assert np.isnan(moved[0, 0])  # no mid is known a second before: nothing to take the drift from
    quoted = EventRows([START - 9 * SECOND, *quoted.known_time], [[99.99, 100.01], *quoted.columns])
    moved = over(flow, {"quotes": quoted, "trades": EventRows(trade.known_time, trade.columns[:, 1:])}, now)
    assert moved[0, 0] == pytest.approx(1e4 * 0.02 / 100.0)


def test_trades_and_fills_stand_before_the_quotes_they_are_measured_against():
    for feature in (KYLE, TRADE_COSTS, FLOW_IMPACT, OWN_COSTS):
        assert feature.sources[-1].table == "quotes"


def test_two_scales_find_the_volatility_under_the_noise():
    """Zhang, Mykland and Aït-Sahalia: noise as large as four seconds of moves, the truth within its error."""
    rng, seconds, vol = np.random.default_rng(9), 20_000, 1e-4
    clean = np.log(100) + vol * np.cumsum(rng.standard_normal(seconds))
    noisy = np.exp(clean + 2 * vol * rng.standard_normal(seconds))
    times = START + np.arange(seconds) * SECOND
    rows = EventRows(times, np.c_[noisy * (1 - 1e-5), noisy * (1 + 1e-5)])
    grid = times[5000::1500] + SECOND // 2
    found = over(QUOTE_VOLATILITY, {"quotes": rows}, grid)[:, 0]
    truth = 1e4 * vol * math.sqrt(60)
    assert found.mean() == pytest.approx(truth, rel=0.12)
    naive = 1e4 * math.sqrt(60 * np.mean(np.diff(np.log(noisy)) ** 2))
    assert naive > 2.5 * truth


def test_bipower_leaves_a_jump_to_the_jump_share():
    rng, seconds = np.random.default_rng(10), 6000
    level = np.log(100) + 1e-4 * np.cumsum(rng.standard_normal(seconds))
    jumped = level + np.where(np.arange(seconds) > 5000, 0.01, 0.0)
    times = START + np.arange(seconds) * SECOND
    quiet, loud = (
        over(
            QUOTE_VOLATILITY,
            {"quotes": EventRows(times, np.exp(y)[:, None] * [[1 - 1e-6, 1 + 1e-6]])},
            times[-1:],
        )[0]
        for y in (level, jumped)
    )
    assert quiet[2] < 0.25
    assert quiet[1] == pytest.approx(1.0, abs=0.15)
    assert loud[2] > 0.7


def test_a_night_makes_no_move():
    times = START + np.r_[np.arange(600), 50_000 + np.arange(600)] * SECOND
    mid = np.r_[np.full(600, 100.0), np.full(600, 120.0)]
    rows = EventRows(times, np.c_[mid - 0.01, mid + 0.01])
    assert over(QUOTE_VOLATILITY, {"quotes": rows}, times[-1:])[0, 0] == 0.0
