"""The features of a desk on option chains: its quotes with what they imply, their surface, the history's."""

from collections.abc import Mapping

import pandas as pd

from pipeline.features.assemble import assemble
from pipeline.features.option_expiries import with_implied_vols
from pipeline.features.option_surface import option_surface

QUOTED = [
    "event_time", "known_time", "root", "expiry", "settlement", "right", "strike", "bid", "ask", "mid",
    "time_to_expiry", "forward", "discount", "implied_vol",
]  # fmt: skip


def chain_matrix(market: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables `features` (of the history), `quoted` and `surface` (of the chains).

    Parameters
    ----------
    market : the tables of `ingest.chain_files.load_chains`.
    """
    quotes = market["option_quotes"]
    quoted = [with_implied_vols(day)[0][QUOTED] for _, day in quotes.groupby("event_time", sort=True)]
    named = ("bars", "implied_vol", "vol_indices", "realized")
    history = assemble(**{name: market[name] for name in named if name in market})
    return {
        **history,
        "quoted": pd.concat(quoted, ignore_index=True),
        "surface": option_surface(quotes),
    }
