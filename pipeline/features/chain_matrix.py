"""The features of a desk on option chains: its quotes with what they imply, their surface, the history's."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from pipeline.features.assemble import assemble
from pipeline.features.option_expiries import with_implied_vols
from pipeline.features.option_surface import surface_of
from pipeline.ingest.chain_files import DAYS, TABLE
from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.day_tables import DayTables
from pipeline.ingest.pieces import InMemory, KeptPieces

QUOTED: Final = [
    "event_time", "known_time", "root", "expiry", "settlement", "right", "strike", "bid", "ask", "mid",
    "time_to_expiry", "forward", "discount", "implied_vol",
]  # fmt: skip


def chain_matrix(
    market: Mapping[str, pd.DataFrame], underlying: str, pieces: KeptPieces | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables `features` (of the history), `quoted` and `surface` (of the chains).

    Parameters
    ----------
    market : the tables of `ingest.chain_files.load_chains`.
    underlying : of the chains.
    pieces : keeps the days; a day sees its own quotes only.
    """
    pieces = pieces or InMemory()
    index = market[DAYS].assign(table=TABLE, day=market[DAYS]["day"].dt.strftime("%Y-%m-%d"))
    days = [DayTables(index, day, pieces.shelf) for day in sorted(index["day"].unique())]
    units = {
        each.day: {"day": each.day, "tables": Known(each, each.digest), "underlying": underlying}
        for each in days
    }
    made = dict(zip(units, pieces.partitions("chain_day", chain_day, underlying, units), strict=True))
    named = ("bars", "implied_vol", "vol_indices", "realized")
    history = assemble(**{name: market[name] for name in named if name in market})
    return history | {
        table: pd.concat([piece[f"{table}/{day}"] for day, piece in made.items()], ignore_index=True)
        for table in ("quoted", "surface")
    }


def chain_day(day: str, tables: Mapping[str, pd.DataFrame], underlying: str) -> Output:
    """Return `quoted/<day>` and `surface/<day>`: what one day's chain of an underlying implies.

    Parameters
    ----------
    day : UTC.
    tables : `option_quotes` of the day.
    underlying : quotes of others are left out.

    Returns
    -------
    The columns `QUOTED` of `option_expiries.with_implied_vols`, and the row of `option_surface.surface_of`.
    """
    quotes = tables[TABLE]
    chains = quotes[quotes["underlying"] == underlying].groupby("event_time", sort=True)
    implied = [with_implied_vols(chain) for _, chain in chains]
    return {
        f"quoted/{day}": pd.concat([quoted[QUOTED] for quoted, _ in implied], ignore_index=True),
        f"surface/{day}": pd.concat([surface_of(*each) for each in implied], ignore_index=True),
    }
