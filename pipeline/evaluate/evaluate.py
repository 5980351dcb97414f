"""From the backtest's tables to everything that the report, the summary and the tracker show."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.backtest.state_choice import settled
from pipeline.domain.desk import Desk
from pipeline.evaluate.book import Replay, book_metrics, replays_of
from pipeline.evaluate.compared import compared
from pipeline.evaluate.comparison import (
    attribution_table,
    detector_tests,
    regime_table,
)
from pipeline.evaluate.costs import cost_table
from pipeline.evaluate.forecast_verdict import forecast_verdicts
from pipeline.evaluate.judged import Judged, require
from pipeline.evaluate.metrics import SampledMetrics
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.training_verdict import training_verdicts
from pipeline.evaluate.verdicts import verdicts

TABLES = (
    "episodes",
    "path",
    "signals",
    "scores",
    "events",
    "intervals",
    "importance",
    "reliability",
    "regimes",
    "transition",
    "detectors",
    "detector_episodes",
    "frontier",
    "tuned",
    "networks",
    "book",
    "explained",
    "replays",
    "positions",
    "held_back",
)


@dataclass(frozen=True, kw_only=True)
class Evaluation(Judged):
    """The judgement of a daily desk: what `evaluate` computes from its tables.

    Attributes
    ----------
    detectors : the flagship on each detector's regimes against it without, see `comparison.detector_tests`.
    book : what each policy made of the net position, see `book.book_metrics`.
    replays : the desk's windows of stress.
    """

    settings: Desk
    detectors: pd.DataFrame
    book: pd.DataFrame
    replays: tuple[Replay, ...]


def evaluate(desk: Desk, tables: Mapping[str, pd.DataFrame], earlier_looks: int = 0) -> Evaluation:
    """Judge a backtest; pure, and the same to the last bit for the same seed.

    Parameters
    ----------
    desk : settings of the run.
    tables : those named in `TABLES`, from the signals and the backtest.
    earlier_looks : other backtests that have looked at the same test rows; they enter the correction.

    Raises
    ------
    DataError
        If a table is missing or the episodes of the policies do not match.
    SettingsError
        If the desk did not run `delta_implied`, to which every policy is compared.
    """
    require(tables, TABLES)
    desk = settled(desk, tables["signals"])
    episodes, sessions = tables["episodes"], tables["signals"]["session"]
    own, later = _delays(desk, episodes)
    panel = EpisodePanel.from_table(episodes, own, sessions)
    block, confidence = desk.evaluation.block_sessions / desk.option.start_every, desk.evaluation.confidence
    found = compared(desk, panel, desk.option.sessions, max(1.0, block), earlier_looks)

    def sampling(table: pd.DataFrame) -> SampledMetrics:
        return found.sampled(EpisodePanel.from_table(table, own, sessions))

    return Evaluation(
        settings=desk,
        desk=desk,
        tables=tables,
        panel=panel,
        comparison=found.comparison,
        delayed=None if later is None else found.table(EpisodePanel.from_table(episodes, later, sessions)),
        against_delta=found.against_delta,
        ablations=found.ablations,
        trained=found.trained,
        detectors=detector_tests(desk, episodes, tables["detector_episodes"], sampling),
        by_regime=regime_table(panel, found.indices, desk),
        attribution=attribution_table(panel),
        costs=cost_table(episodes[episodes["delay"] == own], tables["book"]),
        book=book_metrics(tables["book"]),
        replays=replays_of(desk, tables["book"], tables["replays"]),
        windows=tested_windows(episodes[episodes["delay"] == own]),
        effective=found.effective,
        earlier_looks=earlier_looks,
        verdicts=(
            *verdicts(desk, found.ablations, found.against_delta, found.comparison, earlier_looks),
            *training_verdicts(desk, found.trained, earlier_looks),
            *forecast_verdicts(tables["scores"], tables["events"], 1.0 - confidence),
        ),
    )


def _delays(desk: Desk, episodes: pd.DataFrame) -> tuple[int, int | None]:
    own = desk.hedge.delay_sessions
    later = sorted(int(delay) for delay in episodes["delay"].unique() if delay > own)
    return own, later[0] if later else None


def tested_windows(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return one row a refit window: `first` and `last` start and the number of `episodes`."""
    one = episodes[episodes["policy"] == episodes["policy"].iloc[0]]
    starts = one.assign(start=pd.to_datetime(one["start"])).groupby("window")["start"]
    windows = pd.DataFrame({"first": starts.min(), "last": starts.max(), "episodes": starts.size()})
    return windows.reset_index()
