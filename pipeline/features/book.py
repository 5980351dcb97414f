"""The shape of the order book: spread, imbalance, depth, order flow, cost of crossing and resilience.

All outputs come from one pass over the rows of `book`. A row that cannot be trusted, or without a bid or an
ask, leaves the values missing until the next sound one. Depth, slope and cost see the levels that the rows
show and no more: depth is then a lower bound, and a size that the levels do not hold has no cost.
"""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

MOST: Final = 25
"""Levels of a side that are looked at."""
LEVELS: Final = 5
"""Levels of the multi-level imbalance, average price and flow, and of the depth that a sweep takes from."""
SIZE, HALF_LIFE, REACH, SWEPT, WEIGHT = range(5)
"""Places in the parameters: the size to cross for (units), the half-life of the flow (seconds), the distance
of the depth (bps of mid), the share of the depth that a sweep takes in one change, and the weight of the last
sweep in the mean time to refill."""
DEFAULTS: Final = (1.0, 10.0, 10.0, 0.5, 0.2)

SOUND, SHOWN, FLOW_1, FLOW_5, REFILL, ROW = 0, 1, 2, 3, 4, 11
GOAL, BEFORE, REFILLS = 5, 7, 9
"""Places in the state: whether the last row is sound, its levels, the two flows, the mean time to refill, the
last row; for bid and ask the depth that ends a sweep (0: there is none) and the depth before; sweeps that
ended. `times` are those of the flow and of the sweeps' beginnings."""
SECOND: Final = 1e9


def _of_desk(order_size: float, depth_bps: float) -> FloatArray:
    parameters = np.array(DEFAULTS)
    parameters[SIZE], parameters[REACH] = order_size, depth_bps
    return parameters


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    state[:] = 0.0
    state[REFILL] = np.nan


@compiled
def _flow(price: float, size: float, old_price: float, old_size: float, sign: float) -> float:
    """Return what a level's change adds to the buying pressure; a level that is not there holds nothing."""
    flow = 0.0
    if not np.isnan(price) and (np.isnan(old_price) or sign * price >= sign * old_price):
        flow += size
    if not np.isnan(old_price) and (np.isnan(price) or sign * price <= sign * old_price):
        flow -= old_size
    return sign * flow


@compiled
def _follow_sweep(
    state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, side: int, depth: float
) -> None:
    """Begin a sweep where the depth falls by its share in one change; end it when half of it is back."""
    before = state[BEFORE + side]
    if state[GOAL + side] > 0.0:
        if depth >= state[GOAL + side]:
            took = (now - times[1 + side]) / SECOND
            known = state[REFILLS] > 0.0
            state[REFILL] = state[REFILL] + parameters[WEIGHT] * (took - state[REFILL]) if known else took
            state[REFILLS] += 1.0
            state[GOAL + side] = 0.0
    elif depth <= (1.0 - parameters[SWEPT]) * before:
        state[GOAL + side] = 0.5 * (before + depth)
        times[1 + side] = now
    state[BEFORE + side] = depth


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    shown = min((row.size - 2) // 4, MOST)
    width = (row.size - 2) // 4
    bid, ask = row[2], row[2 + 2 * width]
    if not (row[0] == 1.0 and bid < ask):
        state[SOUND] = 0.0
        state[GOAL : GOAL + 2] = 0.0
        return
    depth, flow_1, flow_5 = 0.0, 0.0, 0.0
    for side in range(2):
        prices, old = 2 + 2 * width * side, ROW + 2 * MOST * side
        sign, depth = 1.0 - 2.0 * side, 0.0
        for level in range(min(shown, LEVELS)):
            price, size = row[prices + level], row[prices + width + level]
            depth += 0.0 if np.isnan(price) else size
            if state[SOUND] == 1.0:
                change = _flow(price, size, state[old + level], state[old + MOST + level], sign)
                flow_5 += change
                if level == 0:
                    flow_1 += change
        if state[SOUND] == 1.0:
            _follow_sweep(state, times, parameters, known_time, side, depth)
        else:
            state[BEFORE + side] = depth
        for level in range(shown):
            state[old + level] = row[prices + level]
            state[old + MOST + level] = row[prices + width + level]
    if flow_5 != 0.0 or flow_1 != 0.0:
        kept = 0.5 ** ((known_time - times[0]) / SECOND / parameters[HALF_LIFE])
        state[FLOW_1] = flow_1 + state[FLOW_1] * kept
        state[FLOW_5] = flow_5 + state[FLOW_5] * kept
        times[0] = known_time
    state[SOUND], state[SHOWN] = 1.0, shown


@compiled
def _cost(state: FloatArray, side: int, shown: int, mid: float, size: float) -> float:
    """Return what crossing for a size costs beyond mid, bps of mid; NaN where the levels do not hold it."""
    start, sign = ROW + 2 * MOST * side, 1.0 - 2.0 * side
    left, paid = size, 0.0
    for level in range(shown):
        if left <= 0.0 or np.isnan(state[start + level]):
            break
        taken = min(left, state[start + MOST + level])
        paid += taken * sign * (mid - state[start + level])
        left -= taken
    return 1e4 * paid / (size * mid) if left <= 0.0 else np.nan


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    if state[SOUND] != 1.0:
        values[:] = np.nan
        return
    shown = int(state[SHOWN])
    bid, ask = state[ROW], state[ROW + 2 * MOST]
    bid_size, ask_size = state[ROW + MOST], state[ROW + 3 * MOST]
    mid = 0.5 * (bid + ask)
    values[0] = mid
    values[1] = 1e4 * (ask - bid) / (ask + bid)
    values[2] = (bid_size - ask_size) / (bid_size + ask_size)
    values[3] = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    kept = 0.5 ** ((now - times[0]) / SECOND / parameters[HALF_LIFE])
    values[6], values[7] = state[FLOW_1] * kept, state[FLOW_5] * kept
    signed, total, money = 0.0, 0.0, 0.0
    for side in range(2):
        start, sign = ROW + 2 * MOST * side, 1.0 - 2.0 * side
        depth, inside, products, squares = 0.0, 0.0, 0.0, 0.0
        for level in range(shown):
            price, size = state[start + level], state[start + MOST + level]
            if np.isnan(price):
                break
            distance = 1e4 * sign * (mid - price) / mid
            depth += size
            inside += size if distance <= parameters[REACH] else 0.0
            products += distance * depth
            squares += distance * distance
            if level < LEVELS:
                signed += sign * size
                total += size
                money += price * size
        values[8 + side], values[10 + side] = inside, products / squares
        values[12 + side] = _cost(state, 1 - side, shown, mid, parameters[SIZE])
    values[4], values[5] = signed / total, money / total
    values[14] = state[REFILL]


BOOK_SHAPE: Final = event_feature(
    "book_shape",
    sources=(Source("book", ("trusted", "levels", "bid_price", "bid_size", "ask_price", "ask_size")),),
    outputs=(
        Output("book_mid", "price", "m = (b + a)/2"),
        Output("book_half_spread_bps", "bps of mid", "10⁴ (a − b)/(a + b)"),
        Output("book_imbalance", "share, −1 to 1", "(q_b − q_a)/(q_b + q_a)"),
        Output("book_weighted_mid", "price", "(b q_a + a q_b)/(q_a + q_b)"),
        Output("book_imbalance_5", "share, −1 to 1", "Σ₅ (q_b,i − q_a,i) / Σ₅ (q_b,i + q_a,i)"),
        Output("book_average_price_5", "price", "Σ₅ (b_i q_b,i + a_i q_a,i) / Σ₅ (q_b,i + q_a,i)"),
        Output("book_flow_1_10s", "units of size", "Σ e_n 2^(−(t − t_n)/h), h = 10 s"),
        Output("book_flow_5_10s", "units of size", "Σ Σ₅ e_n,i 2^(−(t − t_n)/h), h = 10 s"),
        Output("book_bid_depth", "units of size", "Σ q_b,i over 10⁴ (m − b_i)/m ≤ the desk's depth_bps"),
        Output("book_ask_depth", "units of size", "Σ q_a,i over 10⁴ (a_i − m)/m ≤ the desk's depth_bps"),
        Output("book_bid_slope", "units of size a bp", "Σ d_i D_i / Σ d_i², D_i = Σ q_b up to i, d_i bps"),
        Output("book_ask_slope", "units of size a bp", "Σ d_i D_i / Σ d_i², D_i = Σ q_a up to i, d_i bps"),
        Output("book_buy_cost_bps", "bps of mid", "10⁴ (average ask price of the desk's order / m − 1)"),
        Output("book_sell_cost_bps", "bps of mid", "10⁴ (1 − average bid price of the desk's order / m)"),
        Output("book_refill_seconds", "seconds", "mean time until half of what a sweep took is back"),
    ),
    reference="Cont, Kukanov, Stoikov (2014); Cont, Cucuringu, Zhang (2023); Næs, Skjeltorp (2006), slope; "
    "Foucault, Kadan, Kandel (2005), resilience",
    description="Spread, imbalance, average prices, flow, depth, slope, cost of crossing and resilience.",
    state_size=ROW + 4 * MOST,
    times_size=3,
    parameters=DEFAULTS,
    functions=(_init, _step, _read),
    of_desk=_of_desk,
)
"""Depth and cost are those of a desk's order and reach through `for_desk`; without, those of `DEFAULTS`."""
