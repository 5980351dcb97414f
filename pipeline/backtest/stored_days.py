"""What a hedger within the day may learn from: days before the first test, the newest of them to judge it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.intraday_episodes import apart, build_intraday_episodes
from pipeline.backtest.ledger import Market
from pipeline.backtest.redrawn import redrawn
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.market_state import MarketState
from pipeline.forecasts.harness import training_rows

HELD_OUT = 0.25
"""Share of the days that judge, at least one; of a single day it is its last third that does."""
OF_ONE_DAY = 1.0 / 3.0
FEWEST_LIVES = 2
"""Lives of an option that do not overlap, without which nothing is learned or judged."""


@dataclass(frozen=True)
class Lived:
    """Episodes that have ended, one for every decision at which an option could be dealt.

    Attributes
    ----------
    state, market : N episodes of T decisions.
    lives : how many of them do not overlap.
    """

    state: MarketState
    market: Market
    lives: int

    def drawn(self, count: int, rng: np.random.Generator, turns: float) -> tuple[MarketState, Market]:
        """Draw episodes with replacement, each on the path that `redrawn` makes of it."""
        rows = rng.integers(len(self.state.forward), size=count)
        return redrawn(self.state.episodes(rows), self.market.episodes(rows), rng, turns)


@dataclass(frozen=True)
class StoredDays:
    """Stored days of a desk: what is learned from, and the newer ones that judge what was learned.

    `seen_until` is the time of the last decision of all, ISO 8601.
    """

    learned: Lived
    held_out: Lived
    seen_until: str

    @classmethod
    def of(
        cls, desk: IntradayDesk, signals: pd.DataFrame, fills: pd.DataFrame, until: int | None = None
    ) -> Self:
        """Return the days before row `until`, the first tested one if None, less the embargo.

        No later row is read. An option is dealt at every decision, whatever `option.start_every` is. The
        newest quarter of the days is held out, of one day its last third, and nothing that is learned from
        overlaps it.

        Parameters
        ----------
        desk : settings.
        signals, fills : of `intraday_signals.learn_intraday`.

        Raises
        ------
        DataError
            There are too few options on one side.
        """
        before = slice(0, int(np.argmax(signals["tested"].to_numpy())) if until is None else until)
        rows = signals.iloc[before]
        everywhere = desk.option.model_copy(update={"start_every": 1})
        built = build_intraday_episodes(
            desk.model_copy(update={"option": everywhere}), rows, fills.iloc[before]
        ).episodes
        embargo, first = desk.windows.embargo_steps, _first_held_out(rows["day"])

        def lived(chosen: NDArray[np.bool_], what: str) -> Lived:
            found = np.flatnonzero(chosen)
            lives = apart(built.start[found], desk.option.steps)
            if lives < FEWEST_LIVES:
                raise DataError(
                    f"{lives} options that do not overlap to {what} before {signals['day'].iloc[len(rows)]}, "
                    f"{FEWEST_LIVES} are needed: move windows.test_start later, or signals_start earlier"
                )
            return Lived(built.state.episodes(found), built.market.episodes(found), lives)

        ended = training_rows(built.expiry, len(rows), embargo)
        return cls(
            lived(training_rows(built.expiry, first, embargo), "learn from"),
            lived(ended & (built.start >= first), "judge with"),
            rows["time"].iloc[-1].isoformat(),
        )


def _first_held_out(day: pd.Series) -> int:
    """Return the row from which on days judge."""
    days = day.unique()
    if len(days) == 1:
        return int(len(day) * (1.0 - OF_ONE_DAY))
    out = max(round(HELD_OUT * len(days)), 1)
    return int(day.searchsorted(days[-out]))
