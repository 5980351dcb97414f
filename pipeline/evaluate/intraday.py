"""From the tables of a backtest within the day to everything that report, summary and tracker show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from pipeline.backtest.intraday_comparison import LATE
from pipeline.domain.intraday_desk import IntradayDesk, instant
from pipeline.evaluate.compared import compared
from pipeline.evaluate.comparison import (
    attribution_table,
    regime_table,
)
from pipeline.evaluate.costs import cost_table
from pipeline.evaluate.evaluate import tested_windows
from pipeline.evaluate.forecast_verdict import forecast_verdicts
from pipeline.evaluate.judged import Judged, require
from pipeline.evaluate.liquidity import liquidity_table, liquidity_verdict
from pipeline.evaluate.market_quality import drift_table, known_shares
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.training_verdict import training_verdicts
from pipeline.evaluate.verdicts import verdicts
from pipeline.evaluate.worst_hours import worst_hours
from pipeline.features.decision_grid import BOOK_DAYS

TABLES = (
    "episodes",
    "path",
    "tuned",
    "unfilled",
    "left_out",
    "frontier",
    "networks",
    "signals",
    "scores",
    "events",
    "reliability",
    "event_intervals",
    "intervals",
    "importance",
    "losses",
    "regimes",
    "transition",
    "days",
    "held",
    "decisions",
    BOOK_DAYS,
)

MARKED: Final = "Nobody quotes the option: it is dealt and marked at a forecast of the volatility ({mark})."
DEMONSTRATION: Final = (
    "This is a demonstration on {days} of one venue: it shows that the pipeline does this, and no more. It "
    "is too little for a claim about any hedge."
)


@dataclass(frozen=True, kw_only=True)
class IntradayJudgement(Judged):
    """The judgement of one backtest within the day.

    Attributes
    ----------
    drift : see `market_quality.drift_table`.
    known : see `market_quality.known_shares`.
    liquidity : see `liquidity.liquidity_table`.
    worst : see `worst_hours.worst_hours`.
    """

    settings: IntradayDesk
    drift: pd.DataFrame
    known: pd.DataFrame
    liquidity: pd.DataFrame
    worst: pd.DataFrame

    @property
    def said(self) -> tuple[str, ...]:
        """What has to be said before any verdict: how the option is marked, and how little data there is."""
        said = [MARKED.format(mark=self.settings.option.mark)]
        if self.settings.evaluation.demonstration:
            count = self.tables["signals"]["day"].nunique()
            said.append(DEMONSTRATION.format(days="one day" if count == 1 else f"{count} days"))
        return tuple(said)


def evaluate_intraday(
    settings: IntradayDesk, tables: Mapping[str, pd.DataFrame], earlier_looks: int = 0
) -> IntradayJudgement:
    """Judge a backtest within the day; pure, and the same to the last bit for the same seed.

    Parameters
    ----------
    settings : of the desk.
    tables : those named in `TABLES`, from market, features (whose grid is `decisions`), signals and backtest.
    earlier_looks : other backtests that have looked at the same test rows; they enter the correction.

    Raises
    ------
    DataError
        A table is missing, or the episodes of the policies do not match.
    SettingsError
        The desk did not run `delta_implied`, to which every policy is compared.
    """
    require(tables, TABLES)
    desk, episodes = settings.in_steps(), tables["episodes"]
    times = tables["signals"]["time"].dt.tz_convert("UTC").dt.tz_localize(None)
    panel = EpisodePanel.from_table(episodes, 0, times)
    own = settings.evaluation
    block = max(1.0, own.block_steps / settings.option.start_every)
    found = compared(desk, panel, settings.option.steps, block, earlier_looks)
    late = EpisodePanel.from_table(episodes, LATE, times)
    own_delay = episodes[episodes["delay"] == 0]
    liquidity = liquidity_table(tables["losses"])
    return IntradayJudgement(
        settings=settings,
        desk=desk,
        tables=tables,
        panel=panel,
        comparison=found.comparison,
        delayed=found.table(late),
        against_delta=found.against_delta,
        ablations=found.ablations,
        trained=found.trained,
        by_regime=regime_table(panel, found.indices, desk),
        attribution=attribution_table(panel),
        costs=cost_table(own_delay, own_delay.iloc[:0]),
        drift=drift_table(tables["signals"]),
        known=_known(settings, tables["decisions"], tables["signals"]),
        liquidity=liquidity,
        worst=worst_hours(own_delay, tables["signals"]),
        windows=tested_windows(own_delay),
        effective=found.effective,
        earlier_looks=earlier_looks,
        verdicts=(
            *verdicts(desk, found.ablations, found.against_delta, found.comparison, earlier_looks),
            *training_verdicts(desk, found.trained, earlier_looks),
            *forecast_verdicts(_of_variance(tables["scores"]), tables["events"], 1.0 - own.confidence),
            liquidity_verdict(liquidity, 1.0 - own.confidence),
        ),
    )


def _of_variance(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of variances: forecasts of liquidity have a verdict of their own."""
    return scores[scores["target"] == "variance"]


def _known(settings: IntradayDesk, decisions: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    since = pd.Timestamp(instant(settings.windows.learn_start, settings.zone))
    tested = signals.loc[signals["tested"], "time"]
    return known_shares(decisions[decisions["time"] >= since], tested.min(), tested.max())
