"""What the judgements of backtests of every kind have in common, for the sheets that show it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from pydantic import BaseModel

from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.verdicts import Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The judgement of one backtest.

    Attributes
    ----------
    settings : of the desk file.
    desk : the same in the words of a daily desk.
    tables : the input tables, by name.
    panel : the episodes at the desk's own delay.
    comparison : one row a policy, metrics with intervals.
    delayed : the same with later fills; None where that was not run.
    against_delta, ablations : paired tests, see `comparison.paired_tests`.
    trained : such tests of trained networks against their untrained selves and their simplest rival; None for
        a kind of desk that trains none.
    by_regime : metrics by the most probable regime at the start.
    attribution : what the average P&L is made of, bps.
    costs : cost by source, see `costs.cost_table`.
    windows : one row a refit window: first and last start, episodes.
    effective : episodes that do not overlap.
    earlier_looks : other backtests that looked at the same test rows before.
    verdicts : plain-words answers.
    """

    settings: BaseModel
    desk: Desk
    tables: Mapping[str, pd.DataFrame]
    panel: EpisodePanel
    comparison: pd.DataFrame
    delayed: pd.DataFrame | None = None
    against_delta: pd.DataFrame
    ablations: pd.DataFrame
    trained: pd.DataFrame | None = None
    by_regime: pd.DataFrame
    attribution: pd.DataFrame
    costs: pd.DataFrame
    windows: pd.DataFrame
    effective: int
    earlier_looks: int
    verdicts: tuple[Verdict, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """What has to be said before any verdict."""
        return ()


def require(tables: Mapping[str, pd.DataFrame], names: tuple[str, ...]) -> None:
    """Refuse tables of which one that is judged is missing.

    Raises
    ------
    DataError
        One is; the message names it.
    """
    if missing := [name for name in names if name not in tables]:
        raise DataError(f"evaluate: table {missing[0]} is missing; run the backtest again")
