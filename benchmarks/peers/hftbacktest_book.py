"""hftbacktest's book on given level changes, one thread, one book: the desk's side only."""

from time import perf_counter
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit
from worker import serve

CLEAR = 4


@njit
def to_the_end(hbt: Any, step: int) -> tuple[float, float]:
    """Let time pass until the data ends; return the best bid and ask then."""
    while hbt.elapse(step) == 0:
        pass
    depth = hbt.depth(0)
    return depth.best_bid, depth.best_ask


class Problem:
    """Events from a file of arrays, in hftbacktest's own layout."""

    events: np.ndarray
    tick: float

    def set_up(self, events: str, tick: float) -> dict[str, Any]:
        given = np.load(events)
        side = np.where(given["side"] == 1, BUY_EVENT, np.where(given["side"] == -1, SELL_EVENT, 0))
        kind = np.where(given["kind"] == CLEAR, DEPTH_CLEAR_EVENT, DEPTH_EVENT)
        self.events = np.zeros(len(kind), event_dtype)
        self.events["ev"] = kind | side | LOCAL_EVENT
        for stamp in ("exch_ts", "local_ts"):
            self.events[stamp] = given["known_time"]
        self.events["px"], self.events["qty"] = np.nan_to_num(given["price"]), np.nan_to_num(given["size"])
        self.tick = tick
        return {"events": len(kind)}

    def round(self) -> dict[str, Any]:
        asset = (
            BacktestAsset()
            .data([self.events])
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(self.tick)
            .lot_size(0.001)
        )
        hbt = HashMapMarketDepthBacktest([asset])
        started = perf_counter()
        bid, ask = to_the_end(hbt, 60_000_000_000)
        seconds = perf_counter() - started
        hbt.close()
        return {"seconds": seconds, "bid": bid, "ask": ask}


if __name__ == "__main__":
    problem = Problem()
    serve({"set_up": problem.set_up, "round": problem.round})
