"""The desk's own account on events: identities of P&L, and single units as an oracle."""

import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.internal import room
from pipeline.features.own_account import LIMITS, OWN_ACCOUNT, WHOLE_DESK
from pipeline.features.own_costs import OWN_COSTS
from pipeline.features.own_events import limit_events, own_events
from pipeline.ingest.market_tables import batch

SECOND = 10**9
DAY = 86_400 * SECOND


def rows(*events):
    """Events from (second, columns…)."""
    table = np.array(events, dtype=float)
    return EventRows((table[:, 0] * SECOND).astype(np.int64), table[:, 1:])


def nothing(width):
    return EventRows(np.empty(0, dtype=np.int64), np.empty((0, width)))


def account(seconds, quotes, fills=None, positions=None, limits=None):
    tables = {
        "quotes": quotes,
        "fills": fills or nothing(4),
        "positions": positions or nothing(2),
        "limits": limits or nothing(2),
    }
    return over(OWN_ACCOUNT, tables, np.array(seconds) * SECOND)


def test_by_hand():
    quotes = rows((0, 99, 101), (5, 109, 111))
    fills = rows((1, 1, 10, 100, 1), (2, 1, 10, 104, 1), (6, -1, 5, 110, 2), (7, -1, 20, 108, 0))
    found = account([0, 2, 6, 7], quotes, fills)[:, :5]
    expected = [
        [0, np.nan, 0, 0, 0],
        [20, 102, -2, -40, -42],
        [15, 102, -4 + 5 * 8, 15 * 8, 36 + 120],
        [-5, 108, 36 + 15 * 6, -5 * 2, 126 - 10],
    ]
    np.testing.assert_allclose(found, expected)


def market(seed, length=400):
    rng = np.random.default_rng(seed)
    mid = 100 + np.cumsum(rng.integers(-2, 3, length)) * 0.05
    quotes = EventRows(np.arange(length) * SECOND, np.c_[mid - 0.05, mid + 0.05])
    when = np.sort(rng.choice(length, 120, replace=False)) * SECOND + SECOND // 2
    side, size = rng.choice([-1.0, 1.0], 120), rng.integers(1, 9, 120)
    price = mid[when // SECOND] + 0.05 * side
    return quotes, EventRows(when, np.c_[side, size, price, 0.01 * size])


def test_marked_is_cash_and_what_is_held():
    quotes, fills = market(1)
    grid = quotes.known_time[10::7]
    found = over(
        OWN_ACCOUNT,
        {"quotes": quotes, "fills": fills, "positions": nothing(2), "limits": nothing(2)},
        grid,
    )
    for now, (held, _, realised, unrealised, marked, *_) in zip(grid, found, strict=True):
        side, size, price, fee = fills.columns[fills.known_time <= now].T
        mid = quotes.columns[quotes.known_time <= now][-1].mean()
        assert held == np.sum(side * size)
        assert marked == pytest.approx(-np.sum(side * size * price + fee) + held * mid, abs=1e-9)
        assert realised + unrealised == pytest.approx(marked, abs=1e-9)


def test_realised_is_that_of_single_units_each_at_the_average():
    quotes, fills = market(4)
    units, realised, found = [], 0.0, []
    for side, size, price, fee in fills.columns:
        realised -= fee
        for _ in range(int(size)):
            if units and units[0][0] != side:
                average = np.mean([paid for _, paid in units])
                realised += (price - average) * units[0][0]
                units = [(held, average) for held, _ in units[1:]]
            else:
                units.append((side, price))
        found.append([sum(held for held, _ in units), realised])
    tables = {"quotes": quotes, "fills": fills, "positions": nothing(2), "limits": nothing(2)}
    values = over(OWN_ACCOUNT, tables, fills.known_time)
    np.testing.assert_allclose(values[:, [0, 2]], found, rtol=1e-9, atol=1e-9)


def test_realised_when_all_is_closed_is_the_money_that_came_in():
    quotes, fills = market(2)
    held = np.sum(fills.columns[:, 0] * fills.columns[:, 1])
    last = np.array([[-np.sign(held), abs(held), 101.0, 0.5]])
    closed = EventRows(np.append(fills.known_time, 500 * SECOND), np.r_[fills.columns, last])
    side, size, price, fee = closed.columns.T
    value = account([501], quotes, closed)[0]
    assert value[0] == 0.0
    assert value[2] == value[4] == pytest.approx(-np.sum(side * size * price + fee))


def test_sizes_that_do_not_add_up_in_binary_end_flat():
    fills = rows((1, 1, 0.1, 100, 0), (2, 1, 0.2, 100, 0), (3, -1, 0.3, 101, 0))
    value = account([4], rows((0, 99, 101)), fills)[0]
    assert value[0] == 0.0
    assert value[2] == pytest.approx(0.3)
    assert np.isnan(value[1])


def test_a_stated_position_is_held_from_then_on_at_its_price_or_at_mid():
    quotes = rows((0, 99, 101), (3, 103, 105))
    told = account([3], quotes, positions=rows((1, 4, 98)))[0]
    assert told[:5].tolist() == [4, 98, 0, 24, 24]
    untold = account([3], quotes, positions=rows((1, 4, np.nan)))[0]
    assert untold[:5].tolist() == [4, 100, 0, 16, 16]
    confirmed = account([3], quotes, fills=rows((1, 1, 4, 99, 0)), positions=rows((2, 4, 101)))[0]
    assert confirmed[1] == 99


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ((3, 0, np.nan), [0, np.nan, 200, 0, 200]),
        ((3, 0, 11.0), [0, np.nan, 200, 0, 200]),
        ((3, 40, np.nan), [40, 10, 120, 80, 200]),
        ((3, 110, np.nan), [110, (1000 + 120) / 110, 0, 200, 200]),
        ((3, 110, 11.0), [110, 11, 90, 110, 200]),
        ((3, -50, np.nan), [-50, 12, 200, 0, 200]),
    ],
)
def test_a_statement_of_another_position_leaves_the_marked_pnl(statement, expected):
    """100 bought at 10 stand at 12 when the statement comes: whatever it says, 200 have been made."""
    quotes, stated = rows((0, 10, 10), (2, 12, 12)), rows((1, 100, 10), statement)
    value = account([4], quotes, positions=stated, limits=rows((0, 2, 500)))[0]
    np.testing.assert_allclose(value[:5], expected, atol=1e-9)
    assert value[7] == 1.0


def test_a_statement_counts_the_fills_of_its_instant():
    """As in a table of positions that is written after each fill."""
    fills, stated = rows((1, 1, 5, 99, 0), (3, -1, 2, 103, 0)), rows((1, 5, np.nan), (3, 3, np.nan))
    found = account([2, 4], rows((0, 99, 101), (2, 101, 103)), fills, stated)
    assert found[:, :3].tolist() == [[5, 99, 0], [3, 99, 8]]


def test_a_stated_position_without_any_price_is_held_at_the_first_one_seen():
    stated = rows((1, 4, np.nan), (3, 0, np.nan))
    assert account([2], rows((2, 99, 101), (3, 103, 105)), positions=stated)[0, 1:5].tolist() == [
        100,
        0,
        0,
        0,
    ]
    closed = account([5], nothing(2), fills=rows((2, -1, 4, 99, 0), (4, 1, 1, 90, 0)), positions=stated)[0]
    assert closed[:3].tolist() == [1, 90, 0]


def test_what_is_held_without_a_price_has_no_pnl():
    value = account([2], nothing(2), fills=rows((1, 1, 4, 99, 0)))[0]
    assert value[0] == 4
    assert np.isnan(value[[3, 4]]).all()


def test_room_is_that_of_the_daily_desk():
    quotes, fills = market(3)
    limits = rows((0, LIMITS["position"], 30), (0, LIMITS["notional"], 4000), (0, LIMITS["loss"], 20))
    grid = np.arange(400)
    found = account(grid, quotes, fills, limits=limits)
    mid = quotes.columns.mean(axis=1)
    held, marked = found[:, 0], found[:, 4]
    np.testing.assert_allclose(found[:, 5], room(np.abs(held), 30.0))
    np.testing.assert_allclose(found[:, 6], room(np.abs(held) * mid, 4000.0))
    assert (found[:, 5:] >= 0).all()
    assert (found[:, 5:] <= 1).all()
    highest = np.maximum.accumulate(np.maximum(marked, 0.0))
    assert (found[:, 7] <= room(highest - marked, 20.0) + 1e-12).all()
    assert account([5], quotes)[0, 5:].tolist() == [1, 1, 1]


def test_of_a_limit_of_the_desk_and_one_of_the_instrument_the_tighter_binds():
    quotes, fills = rows((0, 99, 101)), rows((1, 1, 5, 100, 0))
    limits = rows(
        (0, 0, 10), (0, 0 + WHOLE_DESK, 20), (3, 0 + WHOLE_DESK, 6), (5, 0, 5), (7, 2 + WHOLE_DESK, 1)
    )
    found = account([2, 4, 6, 8], quotes, fills, limits=limits)
    np.testing.assert_allclose(found[:, 5], [0.5, 1 / 6, 0, 0])


def test_a_limit_of_nothing_and_a_limit_that_changes():
    quotes, fills = rows((0, 99, 101)), rows((1, 1, 5, 100, 0))
    limits = rows((0, 0, 10), (3, 0, 0), (5, 0, 20))
    assert account([2, 4, 6], quotes, fills, limits=limits)[:, 5].tolist() == [0.5, 0, 0.75]


def table(names, instruments, values, units):
    known = np.arange(len(names))[::-1].astype("datetime64[ns]")
    columns = {"event_time": known, "known_time": known, "source_row": np.arange(len(names))}
    return batch(
        "limits", columns | {"name": names, "instrument": instruments, "value": values, "unit": units}
    ).rows


def test_limits_of_the_table():
    names, units = ["loss", "position", "vega", "loss"], ["usd", "contracts", "USD", "USD k"]
    limits = table(names, ["", "BTC", "BTC", "BTC"], [9.0, 2.0, 3.0, 4.0], units)
    assert limit_events([limits], "BTC").columns.tolist() == [[2, 4000], [0, 2]]
    assert limit_events([limits], "BTC", whole_desk=True).columns.tolist() == [[2, 4000], [0, 2], [5, 9]]
    assert limit_events([limits], "BTC", {"vega": 1}).columns.tolist() == [[1, 3]]
    with pytest.raises(DataError, match="none of position, notional, loss for ETH: there are none"):
        limit_events([limits], "ETH")
    with pytest.raises(DataError, match="there are loss, position, vega"):
        limit_events([limits], "BTC", {"gamma": 0})
    with pytest.raises(DataError, match="vega is of kind 7: the kinds are 0 position, 1 notional, 2 loss"):
        limit_events([limits], "BTC", {"vega": 7})
    with pytest.raises(DataError, match="for ETH: there are none, but for the whole desk, which trades fur"):
        limit_events([limits], "ETH")


@pytest.mark.parametrize(
    ("name", "unit", "message"),
    [
        ("loss", "GBp", "loss is in 'GBp': write units, contracts or shares, or a currency such as USD"),
        ("loss", "million", "limits: loss is in 'million': write"),
        ("notional", "million million USD", "is in 'million million USD': write"),
        ("notional", "units", "notional is in 'units', but bounds money: write its currency"),
        ("position", "mn EUR", "position is in 'mn EUR', but bounds units held"),
        ("notional", "EUR", "limits: in EUR and USD: write them in that of the market's prices"),
    ],
)
def test_a_limit_in_an_unknown_or_another_unit_is_one_clear_line(name, unit, message):
    limits = table([name, "loss"], ["BTC", "BTC"], [5.0, 9.0], [unit, "USD"])
    with pytest.raises(DataError, match=message):
        limit_events([limits], "BTC")


def test_limits_are_in_the_currency_of_the_market_where_that_is_known():
    for unit, instrument, currency in (("USD", "BTCUSDT", ""), ("JPY", "SPX", ""), ("EUR", "ES", "eur")):
        limits = table(["loss"], [instrument], [5.0], [unit])
        assert limit_events([limits], instrument, currency=currency).columns.tolist() == [[2, 5]]
    for unit, instrument, currency in (
        ("JPY", "BTCUSDT", ""),
        ("JPY", "SPX", "USD"),
        ("USD", "BTCUSDT", "EUR"),
    ):
        limits = table(["loss"], [instrument], [5.0], [unit])
        with pytest.raises(DataError, match=f"limits: in {unit}, but the market's prices are in"):
            limit_events([limits], instrument, currency=currency)


def test_fills_of_the_table_of_one_instrument():
    known = np.array([3, 1, 2]).astype("datetime64[ns]")
    columns = {"event_time": known, "known_time": known, "source_row": [1, 2, 3], "venue": ""}
    columns |= {"instrument": ["BTC", "BTC", "ETH"], "side": [1, -1, 1], "size": [2.0, 3.0, 4.0]}
    columns |= {"price": 100.0, "fee": 0.5, "mid": np.nan, "order_id": "", "fill_id": ""}
    fills = batch("fills", columns).rows
    found = own_events(OWN_ACCOUNT.sources[1], [fills], "BTC")
    assert found.columns.tolist() == [[-1, 3, 100, 0.5], [1, 2, 100, 0.5]]
    with pytest.raises(DataError, match="fills: none of XRP: there are BTC, ETH"):
        own_events(OWN_ACCOUNT.sources[1], [fills], "XRP")


def costs(fills, forecasts=None, second=10):
    tables = {"quotes": rows((0, 99, 101)), "cost_forecasts": forecasts or nothing(1), "fills": fills}
    return over(OWN_COSTS, tables, np.array([second * SECOND]))[0]


def test_costs_against_the_mid_and_the_forecast():
    fills = rows((1, 1, 2, 101, 0.4, np.nan), (1, -1, 1, 99.5, 0, 100), (1, 1, 1, 50, 0, 0))
    paid, worth = 2 * 1 + 0.4 + 0.5 - 50, 400.0
    assert costs(fills)[0] == pytest.approx(1e4 * paid / worth)
    assert np.isnan(costs(fills)[1:]).all()
    cost, forecast, excess = costs(fills, rows((0.5, 70), (2, 1000)))
    assert forecast == pytest.approx(70)
    assert excess == pytest.approx(cost - 70)


def test_the_excess_is_of_the_fills_that_had_a_forecast():
    fills = rows((1, 1, 1, 110, 0, 100), (3, 1, 1, 101, 0, 100))
    half = 0.5 ** (2 / 86_400)
    cost, forecast, excess = costs(fills, rows((2, 90)))
    assert cost == pytest.approx((1000 * half + 100) / (half + 1))
    assert (forecast, excess) == (pytest.approx(90), pytest.approx(10))


def test_a_fill_counts_half_after_a_day():
    fills = EventRows(np.array([0, DAY]), np.array([[1, 1, 110, 0, 100], [1, 1, 101, 0, 100.0]]))
    assert costs(fills, second=86_401)[0] == pytest.approx((500 + 100) / 1.5)
