"""What own orders teach a desk, when it is believed, and that no forecast has seen its own day."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.desk_file import load_any
from pipeline.domain.own_cost_settings import OwnCosts
from pipeline.execution.learned_costs import LearnedCosts
from pipeline.execution.walk import walk
from pipeline.features.book_at import nanoseconds
from pipeline.live.own_orders import PAPER_FILLS, OwnOrder, OwnOrders, own_orders
from pipeline.monitor.own_cost_score import COSTS, NO_MARKET, NOTES, ORDERS, forecast, taught
from pipeline.monitor.own_costs import Market, learn, with_book, with_market

DESK = load_any("bac-intraday")
HEDGE, OWN = DESK.hedge, OwnCosts()
DAYS, A_DAY = ("2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05"), 200


def made_grid(seed=1):
    """Four days of decisions, 30 seconds apart, in a book whose impact is half of σ √(Q/D)."""
    rng = np.random.default_rng(seed)
    parts = []
    for day in DAYS:
        time = pd.date_range(f"{day} 15:00", periods=A_DAY, freq="30s", tz="UTC")
        vol = 5e-4 * np.exp(0.4 * rng.standard_normal(A_DAY))
        depth = 4e5 * np.exp(0.3 * rng.standard_normal(A_DAY))
        half = 3e-4 * np.exp(0.3 * rng.standard_normal(A_DAY))
        taken = HEDGE.order_size * rng.uniform(0.3, 1.0, A_DAY)
        beyond = 0.5 * vol * np.sqrt(taken / depth)
        mid = 14.0 * np.exp(np.cumsum(1e-4 * rng.standard_normal(A_DAY)))
        parts.append(
            pd.DataFrame(
                {
                    "time": time, "day": day, "mid": mid, "half_spread": half, "depth": depth,
                    "variance_20": vol**2, "step_seconds": 30.0, "beyond": beyond, "taken": taken,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def made_orders(grid, ratio=1.0, impact=0.5, median=0.05, every=2, seed=2):
    """An order at every other decision, filled where half-spread and impact are not what is shown."""
    rng = np.random.default_rng(seed)
    found = []
    for row in grid.iloc[30::every].itertuples():
        side, units = rng.choice([-1.0, 1.0]), HEDGE.order_size * rng.uniform(0.2, 3.0)
        seconds = median * np.exp(0.4 * rng.standard_normal())
        vol = np.sqrt(row.variance_20)
        paid = ratio * row.half_spread + impact * vol * np.sqrt(units / row.depth)
        paid += vol * np.sqrt(seconds / 30.0) * rng.standard_normal()
        paid += 0.3 * row.half_spread * rng.standard_normal()
        at = row.time.value
        known, price = at + int(1e9 * seconds), row.mid * (1.0 + side * paid)
        found.append(OwnOrder(at, known, side, units, price, row.mid, row.half_spread, seconds, seconds))
    return own_orders(found)


@pytest.fixture(scope="module")
def grid():
    return made_grid()


def learned_from(orders, grid):
    output = taught(HEDGE, OWN, orders, grid)
    return LearnedCosts.from_json(output[COSTS]), output


def test_a_dearer_and_slower_market_is_learned_and_believed(grid):
    found, output = learned_from(made_orders(grid, ratio=1.5, impact=1.1, median=0.4), grid)
    told = found.told
    for name, true in (("half_spread", 1.5), ("impact", 1.1)):
        assert abs(told[name]["value"] - true) < 3.0 * told[name]["error"] + 0.1
    assert told["impact"]["book"] == pytest.approx(0.5)
    assert found.latency.median_seconds == pytest.approx(0.4, rel=0.4)
    assert 1.3 < found.crossing < 2.2
    assert found.applied(DESK).costs.crossing == found.crossing
    assert found.applied(DESK).hedge.latency == found.latency
    assert min(told["scores"][part]["low"] for part in ("crossing", "latency")) > 0.0
    assert output[ORDERS].groupby("day")["crossing_gain"].count().tolist() == [0, 100, 100, 100]
    assert "times the book" in output[NOTES]["note"].iloc[-1]


def test_a_market_that_is_what_it_shows_changes_nothing(grid):
    found, output = learned_from(made_orders(grid), grid)
    assert (found.crossing, found.latency, bool(found)) == (None, None, False)
    assert found.applied(DESK) == DESK
    assert "which chance explains" in found.told["scores"]["crossing"]["failed"]
    assert output[NOTES]["note"].str.contains("not believed").sum() == 2


def test_no_orders_teach_nothing_and_too_few_are_not_believed(grid):
    found, output = learned_from(own_orders([PAPER_FILLS] * 3), grid)
    assert found.told["crossing"]["value"] == 1.0
    assert found.told["refused"] == {PAPER_FILLS: 3}
    assert output[NOTES]["note"].iloc[0].startswith(f"own fills: 3 orders {PAPER_FILLS}: nothing")
    assert learned_from(own_orders([]), grid)[1][NOTES].empty
    few = made_orders(grid, ratio=3.0, every=25)
    found, _ = learned_from(few, grid)
    assert found.told["scores"]["crossing"]["failed"] == "24 orders were forecast, 30 are needed"
    assert not found


def test_without_what_came_before_a_forecast_is_the_prior(grid):
    """On no order the estimate is the desk file's latency and the book's own cost, to the bit."""
    orders = with_market(made_orders(grid).rows, grid).iloc[:0]
    market = Market.of(grid, HEDGE)
    latency, costs = learn(orders, market, HEDGE, OWN.prior_fills)
    assert latency.median == HEDGE.latency.median_seconds
    assert costs.coefficients.tolist() == [1.0, market.impact, 0.0]


@pytest.mark.parametrize("change", ["orders", "grid", "cut"])
def test_what_comes_later_changes_no_forecast(grid, change):
    """Whatever orders and market of a day and of those after it become, its forecasts stay to the bit."""
    orders = made_orders(grid, ratio=1.5, median=0.4).rows
    today = "2020-03-04"
    rng = np.random.default_rng(9)
    late_rows = (grid["day"] >= today).to_numpy()
    late = (orders["decided"] >= grid["time"][late_rows].min().value).to_numpy()
    other, market = orders.copy(), grid.copy()
    if change == "orders":
        other.loc[late, "price"] *= rng.uniform(0.9, 1.1, late.sum())
        other.loc[late, "latency"] *= 7.0
    elif change == "grid":
        columns = ["beyond"]
        market.loc[late_rows, columns] = market.loc[late_rows, columns].to_numpy() * 5.0
    else:
        keep = (orders["known"] < pd.Timestamp("2020-03-05", tz="UTC").value).to_numpy()
        other, market = orders[keep], grid[grid["day"] < "2020-03-05"]
    names = ["paid_book", "paid_learned"]
    first, second = (
        forecast(with_market(each, rows), rows, HEDGE, 50.0)
        for each, rows in ((orders, grid), (other, market))
    )
    first, second = (each[each["day"] <= today][names].to_numpy() for each in (first, second))
    assert np.isfinite(first).sum() > 300
    if change == "grid":  # today's own rows are known when its orders are decided
        first, second = first[:200], second[:200]
    np.testing.assert_array_equal(first, second)


def test_what_an_order_takes_of_a_book_is_the_walk_of_it():
    """Of three levels, the last of which may be missing, each side; one book is not sound."""
    rng = np.random.default_rng(3)
    away = np.cumsum(rng.integers(1, 4, (2, 40, 3)), axis=2) / 100.0
    levels = {"bid_price": 20.0 - away[0], "ask_price": 20.0 + away[1]}
    levels |= {f"{side}_size": 100.0 * rng.integers(1, 9, (40, 3)) for side in ("bid", "ask")}
    levels["ask_price"][5:15, 2] = np.nan
    table = {f"{name}_{level}": values[:, level] for name, values in levels.items() for level in range(3)}
    fills = pd.DataFrame({"state": np.where(np.arange(40) == 7, 2, 0)} | table)
    found = with_book(pd.DataFrame(index=range(40)), fills, 1100.0)
    for row in range(40):
        sides = [(levels[f"{side}_price"][row], levels[f"{side}_size"][row]) for side in ("bid", "ask")]
        walked = [walk(1100.0, *each, {}) for each in sides]
        mid = 0.5 * (levels["bid_price"][row, 0] + levels["ask_price"][row, 0])
        units = np.mean([filled for filled, _, _ in walked])
        beyond = np.mean([cost / filled for filled, cost, _ in walked]) / mid
        expected = (np.nan, np.nan) if row == 7 else (beyond, units)
        assert (found["beyond"][row], found["taken"][row]) == pytest.approx(expected, nan_ok=True)


def test_an_order_of_a_file_takes_mid_and_spread_from_the_decision_before_it(grid):
    row = grid.iloc[50]
    at = row["time"].value + int(12e9)
    nan = np.nan
    told = OwnOrder(at, at, -1.0, 100.0, 0.999 * row["mid"], nan, nan, nan, nan)
    found = with_market(own_orders([told]).rows, grid).iloc[0]
    assert (found["mid"], found["half_spread"], found["wait"]) == (row["mid"], row["half_spread"], 12.0)
    assert found["paid"] == pytest.approx(1e-3)


def test_orders_of_which_the_market_is_not_known_are_counted(grid):
    orders = made_orders(grid)
    unknown = grid.assign(depth=grid["depth"].mask(grid["day"] == DAYS[1]))
    night = OwnOrder(grid["time"].iloc[-1].value + int(3600e9), 0, 1.0, 1.0, 14.0, 14.0, 1e-4, 0.1, 0.1)
    both = OwnOrders(pd.concat([orders.rows, own_orders([night]).rows]), {})
    found, _ = learned_from(both, unknown)
    assert found.told["refused"] == {NO_MARKET: 101}
    assert found.told["orders"] == len(orders.rows) - 100
    assert json.loads(found.to_json())["told"]["orders"] == found.told["orders"]
    assert nanoseconds(grid["time"])[0] == grid["time"].iloc[0].value
