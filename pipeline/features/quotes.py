"""The best bid and ask: what the quotes of one instrument say of price, spread and pressure.

A quote without a bid or an ask, or crossed, leaves the values missing until the next sound one.
"""

from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

HALF_LIFE: Final = 10.0
"""Seconds after which a change of the queues counts half: Cont, Kukanov and Stoikov's interval."""
SECOND: Final = 1e9


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Nothing quoted yet: the state is bid, bid size, ask, ask size and the decayed flow."""
    state[:4] = np.nan
    state[4] = 0.0


@compiled
def _sound(bid: float, bid_size: float, ask: float, ask_size: float) -> bool:
    return 0.0 < bid <= ask and bid_size >= 0.0 and ask_size >= 0.0


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    bid, bid_size, ask, ask_size = row[0], row[1], row[2], row[3]
    if _sound(bid, bid_size, ask, ask_size) and _sound(state[0], state[1], state[2], state[3]):
        flow = 0.0
        if bid >= state[0]:
            flow += bid_size
        if bid <= state[0]:
            flow -= state[1]
        if ask <= state[2]:
            flow -= ask_size
        if ask >= state[2]:
            flow += state[3]
        state[4] = flow + state[4] * 0.5 ** ((known_time - times[0]) / SECOND / parameters[0])
        times[0] = known_time
    state[0], state[1], state[2], state[3] = bid, bid_size, ask, ask_size


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    bid, bid_size, ask, ask_size = state[0], state[1], state[2], state[3]
    if not _sound(bid, bid_size, ask, ask_size):
        values[:] = np.nan
        return
    mid, shown = 0.5 * (bid + ask), bid_size + ask_size
    values[0] = mid
    values[1] = 1e4 * (ask - bid) / (bid + ask)
    values[2] = (bid_size - ask_size) / shown
    values[3] = (bid * ask_size + ask * bid_size) / shown
    values[4] = state[4] * 0.5 ** ((now - times[0]) / SECOND / parameters[0])


QUOTE_TOP: Final = event_feature(
    "quote_top",
    sources=(Source("quotes", ("bid_price", "bid_size", "ask_price", "ask_size")),),
    outputs=(
        Output("quote_mid", "price", "m = (b + a)/2"),
        Output("quote_half_spread_bps", "bps of mid", "10⁴ (a − b)/(a + b)"),
        Output("quote_imbalance", "share, −1 to 1", "(q_b − q_a)/(q_b + q_a)"),
        Output("quote_weighted_mid", "price", "(b q_a + a q_b)/(q_a + q_b)"),
        Output("quote_flow_10s", "units of size", "Σ e_n 2^(−(t − t_n)/h), h = 10 s"),
    ),
    reference="Cont, Kukanov, Stoikov (2014), equation 2; Stoikov (2018), equation 1",
    description="Mid, spread, imbalance, weighted mid and decayed order-flow imbalance of the best quotes.",
    state_size=5,
    times_size=1,
    parameters=(HALF_LIFE,),
    functions=(_init, _step, _read),
)
