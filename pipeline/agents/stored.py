"""The second kind of markets: episodes that happened, drawn again and again with what was known in them."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd

from pipeline.agents.markets import Deal
from pipeline.backtest.episodes import Episodes
from pipeline.backtest.ledger import Market
from pipeline.backtest.redrawn import redrawn
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState


@dataclass(frozen=True)
class StoredEpisodes:
    """Episodes of sessions or of days within the day, each deal a draw of them with replacement.

    Orders go where the backtest's went: through the book of the day where the episodes have one, at the
    realised cost otherwise. What is seen of the market is followed by the features of the decision, of book,
    trades and derivatives or whatever the table holds: only what was known then.

    Attributes
    ----------
    state, market : N episodes of T decisions.
    seen : [N, T, M] features at the decisions; `features` names them.
    markets : of a deal.
    turns : of `backtest.redrawn`, on whose paths the episodes are dealt; None is as they happened. A feature
        that has a side must not be seen then.

    Raises
    ------
    SettingsError
        No market is dealt, or features and names are not as many.
    """

    state: MarketState
    market: Market
    markets: int
    seen: FloatArray | None = None
    features: tuple[str, ...] = field(default=())
    turns: float | None = None

    def __post_init__(self) -> None:
        width = 0 if self.seen is None else self.seen.shape[2]
        if self.markets < 1 or width != len(self.features):
            raise SettingsError(
                f"{self.markets} markets with {width} features and {len(self.features)} names: "
                "deal at least 1, and name every feature"
            )

    @classmethod
    def of(cls, episodes: Episodes, table: pd.DataFrame, features: tuple[str, ...], markets: int) -> Self:
        """Return episodes with columns of the table of sessions or decisions that they were built from.

        Raises
        ------
        DataError
            The table lacks a column.
        """
        missing = [name for name in features if name not in table]
        if missing:
            raise DataError(
                f"no column {missing[0]} in the table: it has {', '.join(map(str, table.columns))}"
            )
        times = np.arange(episodes.state.shape[1])
        seen = table[list(features)].to_numpy(np.float64)[episodes.start[:, None] + times]
        return cls(episodes.state, episodes.market, markets, seen, features)

    @property
    def cycle(self) -> int:
        """See `markets.Dealer`: all are of one kind."""
        return 1

    def deal(self, number: int, seed: int) -> Deal:
        """See `markets.Dealer`."""
        rng = np.random.default_rng((seed, number))
        rows = rng.integers(len(self.state.forward), size=self.markets)
        more = None if self.seen is None else self.seen[rows]
        state, market = self.state.episodes(rows), self.market.episodes(rows)
        if self.turns is not None:
            state, market = redrawn(state, market, rng, self.turns)
        return Deal.of(state, market, more, self.features)
