"""What a desk knows of itself while it trades: inventory, P&L and how far its limits are away.

The account begins flat. A row of `positions` says what is held from then on, at its price or, where it has
none, at the mid of then (or the first after it); a fill adds to it. Where something else was held before, the
statement leaves the marked P&L as it is: a new price moves what is unrealised to what is realised, and
without one the difference counts as a fill at the mid. P&L is that of the average-cost method: what closes
earns its price over the average price of what it closes, less fees.

    realised   = Σ M · closed · (p − average) · sign(inventory) − Σ fees
    unrealised = M · inventory · (mid − average)

M is the multiplier, units of the underlying in one contract; `OWN_ACCOUNT` has 1, see `own.for_own`.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import Output, Source, TimeArray, event_feature
from pipeline.features.event_kernel import compiled

LIMITS: Final[Mapping[str, int]] = {"position": 0, "notional": 1, "loss": 2}
"""Kinds of limit: inventory in units, its worth at mid in money, and the fall of the P&L from its highest."""
WHOLE_DESK: Final = len(LIMITS)
"""Added to the kind of a limit of the whole desk, which holds beside the instrument's: the tighter binds."""
QUOTED, FILLED, STATED, LIMITED = 0, 1, 2, 3
"""Sources. Of one instant fills come before statements, which say what is held after all known by then."""
MID, INVENTORY, AVERAGE, REALISED, HIGHEST, MULTIPLIER, LIMIT = 0, 1, 2, 3, 4, 5, 6
_NOTHING: Final = 1e-9
"""What is left of a fill when this share of it stays open is a rounding error."""


@compiled
def _init(state: FloatArray, times: TimeArray, parameters: FloatArray) -> None:
    """Flat, without a quote and without limits; `times[0]` says whether anything has come."""
    state[:] = 0.0
    state[MID] = np.nan
    state[LIMIT:] = np.inf
    state[MULTIPLIER] = parameters[0]


@compiled
def _unrealised(state: FloatArray) -> float:
    if state[INVENTORY] == 0.0:
        return 0.0
    return float(state[MULTIPLIER] * state[INVENTORY] * (state[MID] - state[AVERAGE]))


@compiled
def _filled(state: FloatArray, side: float, size: float, price: float, fee: float) -> None:
    held, signed = state[INVENTORY], side * size
    state[REALISED] -= fee
    if held == 0.0 or np.isnan(state[AVERAGE]):
        state[AVERAGE] = price
    if held * signed >= 0.0:
        state[AVERAGE] = (abs(held) * state[AVERAGE] + size * price) / (abs(held) + size)
    else:
        closed = min(abs(held), size)
        earned = state[MULTIPLIER] * (price - state[AVERAGE]) * math.copysign(1.0, held)
        state[REALISED] += closed * earned
        if size > abs(held):
            state[AVERAGE] = price
    state[INVENTORY] = held + signed
    if abs(state[INVENTORY]) <= _NOTHING * size:
        state[INVENTORY] = 0.0
        state[AVERAGE] = 0.0


@compiled
def _stated(state: FloatArray, quantity: float, price: float) -> None:
    unrealised, change = _unrealised(state), quantity - state[INVENTORY]
    if state[INVENTORY] == 0.0 or np.isnan(unrealised):
        state[AVERAGE] = price if price > 0.0 else state[MID]
        state[INVENTORY] = quantity
    elif price > 0.0 and quantity != 0.0:
        state[AVERAGE] = price
        state[INVENTORY] = quantity
        state[REALISED] += unrealised - _unrealised(state)
    else:
        _filled(state, math.copysign(1.0, change), abs(change), state[MID], 0.0)


@compiled
def _step(
    state: FloatArray, times: TimeArray, parameters: FloatArray, known_time: int, source: int, row: FloatArray
) -> None:
    times[0] = 1
    if source == QUOTED:
        if 0.0 < row[0] <= row[1]:
            state[MID] = 0.5 * (row[0] + row[1])
            if np.isnan(state[AVERAGE]):
                state[AVERAGE] = state[MID]
    elif source == STATED:
        if row[0] != state[INVENTORY]:
            _stated(state, row[0], row[1])
    elif source == FILLED:
        _filled(state, row[0], row[1], row[2], row[3])
    elif 0.0 <= row[0] < len(state) - LIMIT:
        state[LIMIT + int(row[0])] = row[1]
    marked = state[REALISED] + _unrealised(state)
    if marked > state[HIGHEST]:
        state[HIGHEST] = marked


@compiled
def _room(used: float, state: FloatArray, kind: int) -> float:
    """Return the share that is left: 1 without a limit, 0 at or past it, NaN where the use is not known."""
    limit = min(state[LIMIT + kind], state[LIMIT + WHOLE_DESK + kind])
    if limit == np.inf:
        return 1.0
    if np.isnan(used):
        return np.nan
    if used == 0.0:
        return 1.0
    return max(1.0 - used / limit, 0.0) if limit > 0.0 else 0.0


@compiled
def _read(state: FloatArray, times: TimeArray, parameters: FloatArray, now: int, values: FloatArray) -> None:
    if times[0] == 0:
        values[:] = np.nan
        return
    held, unrealised = state[INVENTORY], _unrealised(state)
    marked = state[REALISED] + unrealised
    values[0] = held
    values[1] = state[AVERAGE] if held != 0.0 else np.nan
    values[2] = state[REALISED]
    values[3] = unrealised
    values[4] = marked
    values[5] = _room(abs(held), state, 0)
    worth = state[MULTIPLIER] * abs(held) * state[MID]
    values[6] = _room(0.0 if held == 0.0 else worth, state, 1)
    values[7] = _room(state[HIGHEST] - marked, state, 2)


OWN_ACCOUNT: Final = event_feature(
    "own_account",
    sources=(
        Source("quotes", ("bid_price", "ask_price")),
        Source("fills", ("side", "size", "price", "fee")),
        Source("positions", ("quantity", "price")),
        Source("limits", ("kind", "value")),
    ),
    outputs=(
        Output("own_inventory", "units or contracts", "q = Σ s size from the last position stated"),
        Output("own_average_price", "price", "ā, average price of what is held"),
        Output("own_realised_pnl", "money", "Σ M closed (p − ā) sign q − Σ fees"),
        Output("own_unrealised_pnl", "money", "M q (m − ā)"),
        Output("own_marked_pnl", "money", "realised + unrealised"),
        Output("own_room_position", "share, 0 to 1", "1 − |q|/limit"),
        Output("own_room_notional", "share, 0 to 1", "1 − M |q| m/limit"),
        Output("own_room_loss", "share, 0 to 1", "1 − (highest marked P&L − marked P&L)/limit"),
    ),
    reference="the average-cost method of IAS 2",
    description="Inventory, realised and marked P&L of the desk's own fills, and what its limits leave.",
    state_size=LIMIT + 2 * len(LIMITS),
    times_size=1,
    parameters=(1.0,),
    functions=(_init, _step, _read),
)
