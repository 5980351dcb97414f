"""The feature matrix: everything known at each session's decision time."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.own_settings import OwnData
from pipeline.features.alternative import alternative_values
from pipeline.features.book_at import nanoseconds
from pipeline.features.catalogue import catalogue
from pipeline.features.own import own_values
from pipeline.ingest.as_of import as_of
from pipeline.ingest.tables import OPTIONAL, PUBLICATION_DELAY, REALIZED_NAMES, VOL_INDEX_NAMES

BAR_COLUMNS = ["session", "open", "high", "low", "close", "volume"]
IMPLIED_VOL_MAX_AGE = pd.Timedelta(hours=12)
"""An implied volatility or a realised measure known longer ago than this is an earlier session's: stale,
hence NaN."""


def assemble(
    bars: pd.DataFrame,
    implied_vol: pd.DataFrame,
    vol_indices: pd.DataFrame | None = None,
    realized: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Return all features on the decision grid: one row a session of `bars`.

    The decision is taken 15 minutes after the session's close, when its bar and its implied volatility are
    known. Any `lookback` last rows of the inputs give the last row of the whole, bit by bit.

    Parameters
    ----------
    bars, implied_vol, vol_indices, realized : canonical tables, see `pipeline.ingest.tables`; None where the
        desk gives no further index or no realised measures. Which features there are depends on the columns
        of these two, never on their rows.

    Returns
    -------
    tables : `{"features": frame}` with `session`, `known_time` (UTC, the decision time) and one float column
        for each feature of `catalogue()` whose inputs the data has, NaN until its look-back is full.

    Raises
    ------
    DataError
        A bar is known only after its decision time.
    """
    grid = decision_grid(bars, implied_vol, vol_indices, realized)
    absent = {name for name in OPTIONAL if bars[name].isna().all()}
    absent |= {name for name in (*VOL_INDEX_NAMES, *REALIZED_NAMES) if name not in grid}
    offered = [feature for feature in catalogue() if absent.isdisjoint(feature.inputs)]
    columns = {feature.name: feature.values(grid) for feature in offered}
    return {"features": pd.concat([grid[["session", "known_time"]], pd.DataFrame(columns)], axis=1)}


def assemble_with_records(
    bars: pd.DataFrame,
    implied_vol: pd.DataFrame,
    vol_indices: pd.DataFrame | None = None,
    realized: pd.DataFrame | None = None,
    *,
    kinds: Sequence[str],
    learn_before: date,
    seed: int,
    own: OwnData,
    **records: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return `assemble` with the features of alternative and of own data as further columns.

    Parameters
    ----------
    bars, implied_vol, vol_indices, realized : see `assemble`.
    kinds : which alternative data the desk gives, see `features.alternative`.
    learn_before : what is learned from it is learned from rows known before this day began (UTC).
    seed : of what is learned.
    own : whose positions, fills and limits; the account is marked at the session's close.
    records : the canonical tables, whole, see `ingest.market_tables`.
    """
    matrix = assemble(bars, implied_vol, vol_indices, realized)["features"]
    before = pd.Timestamp(learn_before, tz="UTC").value
    times = nanoseconds(matrix["known_time"])
    found = alternative_values(records, kinds, times, before, seed)
    if own.given:
        found |= own_values(records, own, times, bars["close"].to_numpy(float))
    return {"features": matrix.assign(**found)}


def decision_grid(
    bars: pd.DataFrame,
    implied_vol: pd.DataFrame,
    vol_indices: pd.DataFrame | None = None,
    realized: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the inputs of all features, as known at each session's decision time.

    Returns
    -------
    grid : `session, known_time, open, high, low, close, volume, implied_vol` the indices that
        `vol_indices` has and the measures that `realized` has, [T] rows.

    Raises
    ------
    DataError
        A bar is known only after its decision time.
    """
    decided = (bars["event_time"] + PUBLICATION_DELAY).rename("known_time").reset_index(drop=True)
    late = (bars["known_time"].reset_index(drop=True) > decided).to_numpy()
    if late.any():
        bar, decision = bars.iloc[int(late.argmax())], decided[int(late.argmax())]
        raise DataError(
            f"bars: the bar of {bar['session']:%Y-%m-%d} is known at {bar['known_time']}, after the decision "
            f"at {decision}: correct known_time or use a faster source"
        )
    quotes = as_of(decided, implied_vol, ["implied_vol"], max_age=IMPLIED_VOL_MAX_AGE)
    prices = bars[BAR_COLUMNS].reset_index(drop=True)
    prices.insert(1, "known_time", decided)
    grid = prices.assign(implied_vol=quotes["implied_vol"])
    for table, known in ((vol_indices, VOL_INDEX_NAMES), (realized, REALIZED_NAMES)):
        if table is not None:
            names = [name for name in known if name in table]
            grid = grid.join(as_of(decided, table, names, max_age=IMPLIED_VOL_MAX_AGE))
    return grid
