"""The book that orders meet when they arrive: shown levels, taken once, the best first."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.features.book_at import REASONS, SIDES
from pipeline.features.book_walk import SOUND

DEPTH: Final = 5
"""The reason of an order that the shown levels filled in part only."""
FAULTS: Final = {**REASONS, DEPTH: "not enough shown"}
"""Why an order was not filled, or not whole, by the column of the counts."""
COUNTS: Final = DEPTH + 1


@dataclass(frozen=True)
class Arrivals:
    """What the orders of N episodes of T decisions meet.

    All episodes look at one table of R books; each is hedged in a world of its own, so what one takes is
    still there for the others.

    Attributes
    ----------
    rows : [N, T+1] the book of each decision and of the final unwind.
    scale : [N] money of the episode for one unit of money of the books.
    state : [R] `book_at.SOUND`, or why nothing is filled.
    mid : [R] of the sound ones; NaN elsewhere.
    bid_price, bid_size, ask_price, ask_size : [R, L], sizes in units of the hedge; NaN where a side ends.
    """

    rows: NDArray[np.int64]
    scale: FloatArray
    state: NDArray[np.int8]
    mid: FloatArray
    bid_price: FloatArray
    bid_size: FloatArray
    ask_price: FloatArray
    ask_size: FloatArray

    def episodes(self, chosen: NDArray[np.int64] | slice) -> "Arrivals":
        """Return what some episodes meet, with the books that they look at and no others."""
        used, rows = np.unique(self.rows[chosen], return_inverse=True)
        tables = {name: getattr(self, name)[used] for name in ("state", "mid", *SIDES)}
        return replace(
            self,
            rows=rows.reshape(-1, self.rows.shape[1]).astype(np.int64),
            scale=self.scale[chosen],
            **tables,
        )


def arrivals(fills: pd.DataFrame, rows: NDArray[np.int64], scale: FloatArray, size: float) -> Arrivals:
    """Return what orders meet from the table `fills` of the decision grid.

    Parameters
    ----------
    fills : `state` and the levels `bid_price_0` …, see `features.decision_day`.
    rows : [N, T+1] rows of the table.
    scale : [N] money of the episode for one unit of money of the table.
    size : units of the instrument that one unit of the hedge is.
    """
    levels = sum(name.startswith("bid_price_") for name in fills.columns)
    sides = {
        side: np.stack([fills[f"{side}_{level}"].to_numpy(float) for level in range(levels)], axis=1)
        for side in SIDES
    }
    state = fills["state"].to_numpy(np.int8)
    sound = state == SOUND
    mid = np.where(sound, 0.5 * (sides["bid_price"][:, 0] + sides["ask_price"][:, 0]), np.nan)
    sized = {side: values / size if side.endswith("size") else values for side, values in sides.items()}
    return Arrivals(rows, scale, state, mid, **sized)
