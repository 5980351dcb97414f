"""What trading cost, by source: fee, half-spread, fixed fee and impact, in both views."""

import pandas as pd

from pipeline.backtest.ledger import SOURCES
from pipeline.domain.errors import DataError
from pipeline.evaluate.metrics import BPS_PER_UNIT

TOLERANCE = 1e-9


def cost_table(episodes: pd.DataFrame, book: pd.DataFrame) -> pd.DataFrame:
    """Return one row a view and policy: `fee`, `spread`, `fixed_fee`, `impact` and their sum `cost`, in bps.

    Parameters
    ----------
    episodes : the rows of one delay of the table `episodes`; the view `episodes` holds their averages.
    book : the table `book`; the view `book` holds its sums.

    Raises
    ------
    DataError
        The sources of a policy do not add up to its cost.
    """
    names = [*SOURCES, "cost"]
    tables = {
        "episodes": episodes.groupby("policy", sort=False)[names].mean(),
        "book": book.groupby("policy", sort=False)[names].sum(),
    }
    table = BPS_PER_UNIT * pd.concat(tables, names=["view", "policy"])
    gap = (table[list(SOURCES)].sum(axis=1) - table["cost"]).abs()
    if (gap > TOLERANCE * (1.0 + table["cost"].abs())).any():
        view, policy = table.index[int(gap.to_numpy().argmax())]
        raise DataError(
            f"{view}: policy {policy}: fee, spread, fixed_fee and impact differ from cost by "
            f"{gap.max():.3g} bps; run the backtest again"
        )
    return table.reset_index()
