"""What the judgements of backtests of every kind have in common, for the sheets that show it."""

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
from pydantic import BaseModel

from pipeline.domain.desk import Desk
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.verdicts import Verdict


class Judged(Protocol):
    """The judgement of one backtest; see `evaluate.Evaluation` for what each part is.

    `settings` are those of the desk file; `desk` are the same in the words of a daily desk.
    """

    @property
    def settings(self) -> BaseModel: ...  # noqa: D102
    @property
    def desk(self) -> Desk: ...  # noqa: D102
    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...  # noqa: D102
    @property
    def panel(self) -> EpisodePanel: ...  # noqa: D102
    @property
    def comparison(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def delayed(self) -> pd.DataFrame | None: ...  # noqa: D102
    @property
    def against_delta(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def ablations(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def by_regime(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def attribution(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def costs(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def windows(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def effective(self) -> int: ...  # noqa: D102
    @property
    def earlier_looks(self) -> int: ...  # noqa: D102
    @property
    def verdicts(self) -> tuple[Verdict, ...]: ...  # noqa: D102
    @property
    def said(self) -> tuple[str, ...]: ...  # noqa: D102
