"""What the decisions before say at a decision: past variances and liquidity, over the night too."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.ingest.dataset import Output
from pipeline.ingest.pieces import Shelf

SPANS: Final = (20, 60, 240)
"""Decisions over which a past variance is taken."""
LIQUID_SPANS: Final = (1, 5, 20)
"""Decisions over which spread, depth and crossing cost are averaged."""
LEAST_VARIANCE: Final = 1e-10
"""(0.1 bp)²: a past variance is not below, so that it has a logarithm where the price did not move."""
LEAST_RATE: Final = 1e-4
CARRIED: Final = 240
"""Decisions for which the last known liquidity is carried on where there is none."""
LOOK_BACK: Final = max(max(SPANS), max(LIQUID_SPANS) + CARRIED)
"""Decisions before the first of a day that its history reads."""
FEWEST_RETURNS: Final = 5
"""Below which a past variance is not known."""
LIQUID: Final = ("half_spread", "crossing_cost", "depth")
HALF_HOUR: Final = 30.0
EARLY: Final = 10.0
"""Minutes added to those since the open, so that the first of them are not a world of their own."""


class GridRows:
    """The decisions of a day and of the days before that its history reads; it holds keys only."""

    def __init__(self, keys: Mapping[str, str], shelf: Shelf) -> None:
        self._keys, self._shelf = dict(keys), shelf

    @property
    def digest(self) -> str:
        """What the rows are known by: the partitions that hold them."""
        return " ".join(self._keys.values())

    def read(self) -> pd.DataFrame:
        """Return the rows of all days in the order of time."""
        parts = [self._shelf.open(key)[f"grid/{day}"] for day, key in self._keys.items()]
        return pd.concat(parts, ignore_index=True)


def days_before(day: str, rows: Mapping[str, int]) -> list[str]:
    """Return the days that the history of `day` reads: the latest with `LOOK_BACK` decisions in all.

    Examples
    --------
    >>> days_before("c", {"a": 200, "b": 780, "c": 780, "d": 780})
    ['b']
    >>> days_before("c", {"a": 200, "b": 23, "c": 23})
    ['a', 'b']
    """
    chosen: list[str] = []
    for earlier in sorted((each for each in rows if each < day), reverse=True):
        if sum(rows[each] for each in chosen) >= LOOK_BACK:
            break
        chosen.insert(0, earlier)
    return chosen


def decision_history(day: str, rows: GridRows) -> Output:
    """Return `features/<day>`: the decisions of a day `with_history`."""
    whole = with_history(rows.read())
    return {f"features/{day}": whole[whole["day"] == day].reset_index(drop=True)}


def with_history(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the grid with what the decisions before say; a row reads itself and the `LOOK_BACK` rows above.

    Added are `return` (log, NaN on the first decision of a day: the night is nobody's risk), `variance_n`
    (mean squared return of the last n decisions, at least `LEAST_VARIANCE`), `log_variance_20`, the means
    over n decisions `half_spread_n`, `crossing_cost_n` and `depth_n`, `log_depth` (NaN where nothing stands
    within reach), `log_spread`, `log_rate` (of trades), `log_minutes` since the open and `half_hour` of the
    day.
    """
    fresh = rows["day"].ne(rows["day"].shift())
    returns = np.log(rows["mid"]).diff().mask(fresh)
    added: dict[str, FloatArray | pd.Series[float]] = {"return": returns}
    squares = (returns**2).to_numpy()
    for span in SPANS:
        mean = _mean(squares, span, FEWEST_RETURNS)
        added[f"variance_{span}"] = np.maximum(mean, LEAST_VARIANCE)
    for name in LIQUID:
        carried = rows[name].ffill(limit=CARRIED).to_numpy()
        for span in LIQUID_SPANS:
            added[f"{name}_{span}"] = _mean(carried, span, 1)
    rate = rows.get("trade_intensity_60s", pd.Series(np.nan, index=rows.index))
    added |= {
        "log_variance_20": np.log(added["variance_20"]),
        "log_depth": np.log(np.where(added["depth_5"] > 0.0, added["depth_5"], np.nan)),
        "log_spread": np.log(added["half_spread_5"]),
        "log_rate": np.log(rate.fillna(0.0) + LEAST_RATE),
        "log_minutes": np.log(rows["minutes"] + EARLY),
        "half_hour": np.floor(rows["minutes"] / HALF_HOUR),
    }
    return rows.assign(**added)


def _mean(values: FloatArray, span: int, fewest: int) -> FloatArray:
    """Return the mean of what is known in the last `span` rows; NaN where fewer than `fewest` are.

    Each window is summed by itself, so that a value does not depend on where the rows begin.
    """
    padded = np.concatenate([np.full(span - 1, np.nan), values])
    windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, span))
    known = np.isfinite(windows)
    count = known.sum(axis=1)
    total = np.where(known, windows, 0.0).sum(axis=1)
    return np.asarray(np.where(count >= fewest, total, np.nan) / np.maximum(count, 1))
