"""The episodes of every policy side by side: the same starts, so that all comparisons are paired."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray

MEASURED = ("pnl", "premium", "trading", "carry", "cost", "payoff", "turnover", "trades")
IDENTITY_TOLERANCE = 1e-8


@dataclass(frozen=True)
class EpisodePanel:
    """What P policies made of the same N episodes; money with the starting spot scaled to 100.

    Attributes
    ----------
    policies : names, in the order of the table.
    starts : [N] first session of each episode, ascending.
    session : [N] number of the start among all sessions of the market.
    regime : [N] most probable filtered regime at the start.
    market_return : [N] return of the hedge instrument over the episode.
    pnl : [P, N] money, premium + trading + carry − cost − payoff.
    premium, trading, carry, cost, payoff : [P, N] money.
    turnover : [P, N] units traded.
    trades : [P, N] number of trades.
    """

    policies: tuple[str, ...]
    starts: pd.DatetimeIndex
    session: NDArray[np.int64]
    regime: NDArray[np.int64]
    market_return: FloatArray
    pnl: FloatArray
    premium: FloatArray
    trading: FloatArray
    carry: FloatArray
    cost: FloatArray
    payoff: FloatArray
    turnover: FloatArray
    trades: FloatArray

    @classmethod
    def from_table(cls, episodes: pd.DataFrame, delay: int, sessions: pd.Series) -> "EpisodePanel":
        """Read the rows of one `delay` from the long table; `sessions` are all sessions of the market.

        Raises
        ------
        DataError
            If there are no such rows, the policies do not share their starts, a number is missing, a start
            is not a session, or the P&L is not the sum of its parts.
        """
        rows = episodes[episodes["delay"] == delay]
        if rows.empty:
            raise DataError(f"episodes: no rows with delay {delay}; run the backtest for that delay")
        rows = rows.assign(start=pd.to_datetime(rows["start"]))
        policies = tuple(str(name) for name in rows["policy"].unique())
        wide = {name: _wide(rows, name, policies) for name in MEASURED}
        starts = pd.DatetimeIndex(wide["pnl"].columns)
        first = rows[rows["policy"] == policies[0]].set_index("start").sort_index()
        panel = cls(
            policies=policies,
            starts=starts,
            session=_session_numbers(starts, sessions),
            regime=first["regime"].to_numpy(np.int64),
            market_return=first["market_return"].to_numpy(np.float64),
            **{name: table.to_numpy(np.float64) for name, table in wide.items()},
        )
        panel._check_identity()
        return panel

    @property
    def size(self) -> int:
        """N, the number of episodes."""
        return len(self.starts)

    def where(self, chosen: NDArray[np.bool_]) -> "EpisodePanel":
        """Return the chosen [N] episodes only."""
        arrays = [field.name for field in fields(self) if field.name not in ("policies", "starts")]
        kept = {name: getattr(self, name)[..., chosen] for name in arrays}
        return EpisodePanel(policies=self.policies, starts=self.starts[chosen], **kept)

    def row(self, policy: str) -> int:
        """Return the row of a policy."""
        return self.policies.index(policy)

    def _check_identity(self) -> None:
        parts = self.premium + self.trading + self.carry - self.cost - self.payoff
        gap = np.abs(self.pnl - parts)
        if gap.max() > IDENTITY_TOLERANCE * max(1.0, np.abs(self.pnl).max()):
            row, column = divmod(int(gap.argmax()), self.size)
            place = f"policy {self.policies[row]}, start {self.starts[column].date()}"
            raise DataError(
                f"episodes: {place}: pnl differs from premium + trading + carry − cost − payoff by "
                f"{gap[row, column]:.3g}; run the backtest again"
            )


def _wide(rows: pd.DataFrame, name: str, policies: tuple[str, ...]) -> pd.DataFrame:
    if rows.duplicated(["policy", "start"]).any():
        twice = rows[rows.duplicated(["policy", "start"])].iloc[0]
        raise DataError(f"episodes: policy {twice['policy']} has start {twice['start'].date()} twice")
    wide = rows.pivot(index="policy", columns="start", values=name).loc[list(policies)]  # noqa: PD010
    if wide.isna().to_numpy().any():
        row, column = np.argwhere(wide.isna().to_numpy())[0]
        raise DataError(
            f"episodes: policy {policies[row]} has no {name} for start {wide.columns[column].date()}; "
            "all policies must be run on the same starts"
        )
    return wide


def _session_numbers(starts: pd.DatetimeIndex, sessions: pd.Series) -> NDArray[np.int64]:
    calendar = pd.DatetimeIndex(pd.to_datetime(sessions))
    numbers = calendar.get_indexer(starts)
    if (numbers < 0).any():
        raise DataError(f"episodes: start {starts[numbers < 0][0].date()} is not a session of the signals")
    return np.asarray(numbers, dtype=np.int64)
