"""What is known of a quoted option and of its market when the hedge of its next change is decided."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_episodes import at_the_money
from pipeline.backtest.chain_panel import ChainPanel, chain_panel
from pipeline.backtest.contract_moves import ContractMoves, contract_moves
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.policies.network_slope import SLOPE_INPUTS, slope_inputs

OWN: Final = (*SLOPE_INPUTS, "log_smile")
"""Of the option: what `policies.network_slope` sees, and σ over that at the money of its expiry."""
MARKET: Final = ("return", "vol_change", "atm_vol", "skew", "term_slope")
"""Of a day: return and change of volatility since the day before, level, skew and term slope at 30 days."""
SURFACE: Final = ["atm_vol_30d", "skew_30d", "term_slope"]


@dataclass(frozen=True)
class SeenMoves:
    """Changes of quotes with what was known at the start of each.

    Attributes
    ----------
    moves : P pairs of quotes.
    own : [P, F] columns of the option on the day that the pair starts.
    market : [D, G] columns of each day of the panel.
    """

    moves: ContractMoves
    own: FloatArray
    market: FloatArray

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return some pairs only."""
        return replace(self, moves=self.moves.where(chosen), own=self.own[chosen])

    def columns(self, days: int) -> FloatArray:
        """Return what is seen at the start of each pair, [P, days, F + G].

        The market of the last days, oldest first, with the option's own columns beside each; in the place of
        days before the panel stands its first one.
        """
        past = np.maximum(self.moves.day[:, None] + np.arange(1 - days, 1), 0)
        own = np.broadcast_to(self.own[:, None], (*past.shape, self.own.shape[1]))
        return np.concatenate([own, self.market[past]], axis=2)


def seen_moves(panel: ChainPanel, surface: pd.DataFrame) -> SeenMoves:
    """Return `contract_moves` of a chain with the columns `OWN` and `MARKET`.

    A day's return is the median over the parity forwards of all contracts, each against its own of the day
    before; on the first day return and change of volatility are 0. Where a day does not tell a figure of the
    surface, the last one stays.

    Parameters
    ----------
    panel : the chain.
    surface : of `features.option_surface`, one row a day of the panel.

    Raises
    ------
    DataError
        The surface is not one of these days, or nothing is known on the first.
    """
    moves = contract_moves(panel)
    at = (moves.contract, moves.day)
    smile = np.log(panel.vol[at] / at_the_money(panel)[at])
    own = np.column_stack([_of_option(panel, moves), smile])
    return SeenMoves(moves, own, _market(panel, surface))


@dataclass(frozen=True)
class StoredQuotes:
    """Changes of quotes that a hedger of single options may learn from, all over before a day.

    Attributes
    ----------
    seen : the changes with what `policies.network_slope` sees of each option, and nothing of the market.
    seen_until : the day of the last quotes, ISO 8601.
    """

    seen: SeenMoves
    seen_until: str

    @classmethod
    def of(cls, quoted: pd.DataFrame, before: date) -> Self:
        """Return the changes between quotes of days before a day; no later row is read.

        Parameters
        ----------
        quoted : of `features.chain_matrix`.

        Raises
        ------
        DataError
            There are no quotes before it.
        """
        known = quoted[quoted_days(quoted) < pd.Timestamp(before)]
        if known.empty:
            raise DataError(f"no quotes before {before} to learn from: start the chains earlier")
        panel = chain_panel(known)
        moves = contract_moves(panel)
        seen = SeenMoves(moves, _of_option(panel, moves), np.empty((len(panel.days), 0)))
        return cls(seen, panel.days[-1].date().isoformat())


def _of_option(panel: ChainPanel, moves: ContractMoves) -> FloatArray:
    at = (moves.contract, moves.day)
    return slope_inputs(moves.delta + (moves.right < 0), panel.time[at], panel.vol[at])


def quoted_days(table: pd.DataFrame) -> pd.Series:
    """Return the session of each row by its `event_time`, a naive midnight."""
    time = table["event_time"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    return pd.Series(time.dt.normalize())


def _market(panel: ChainPanel, surface: pd.DataFrame) -> FloatArray:
    days = quoted_days(surface)
    if list(days) != list(panel.days):
        raise DataError(
            f"a surface of {len(days)} days for a chain of {len(panel.days)}: give that of the chain"
        )
    level, skew, term = surface[SURFACE].ffill().to_numpy(np.float64).T
    if not np.isfinite([level[0], skew[0], term[0]]).all():
        raise DataError(
            f"the chain of {panel.days[0].date()} tells no volatility at 30 and 90 days: start a day later"
        )
    moves = np.nanmedian(np.diff(np.log(panel.forward), axis=1), axis=0)
    changes = (np.append(0.0, moves), np.diff(level, prepend=level[0]))
    return np.stack([*changes, level, skew, term], axis=1)
