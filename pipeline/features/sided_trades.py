"""A side on every trade that the quotes or the ticks tell, part by part."""

import numpy as np
import pyarrow as pa

from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import TimeArray
from pipeline.ingest.market_tables import UNKNOWN_SIDE
from pipeline.ingest.time_order import TimedRows
from pipeline.ingest.trade_side import trade_sides

Quoted = tuple[TimeArray, FloatArray, FloatArray]


class SidedTrades:
    """Gives trades their sides, see `ingest.trade_side`; the last quote and tick go on from part to part."""

    def __init__(self) -> None:
        self._last: Quoted = (np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
        self._ticks = np.array([np.nan, UNKNOWN_SIDE], dtype=np.float64)

    def take(self, trades: TimedRows | None, quotes: TimedRows | None) -> TimedRows | None:
        """Return the trades of a part with their sides, given the quotes of it."""
        quoted = self._quoted(quotes)
        self._last = (quoted[0][-1:], quoted[1][-1:], quoted[2][-1:])
        if trades is None:
            return None
        told = trades.rows.column("side").to_numpy().astype(np.int8)
        sides = trade_sides(trades.known_time, _floats(trades, "price"), told, *quoted, before=self._ticks)
        place = trades.rows.schema.get_field_index("side")
        return TimedRows(trades.known_time, trades.rows.set_column(place, "side", pa.array(sides)))

    def _quoted(self, quotes: TimedRows | None) -> Quoted:
        if quotes is None:
            return self._last
        times, bids, asks = self._last
        return (
            np.concatenate([times, quotes.known_time]),
            np.concatenate([bids, _floats(quotes, "bid_price")]),
            np.concatenate([asks, _floats(quotes, "ask_price")]),
        )


def _floats(rows: TimedRows, name: str) -> FloatArray:
    found: FloatArray = rows.rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
