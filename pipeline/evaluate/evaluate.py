"""From the backtest's tables to everything that the report, the summary and the tracker show."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.state_choice import settled
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError, SettingsError
from pipeline.evaluate.book import Replay, book_metrics, replays_of
from pipeline.evaluate.bootstrap import effective_episodes, stationary_indices
from pipeline.evaluate.comparison import (
    attribution_table,
    detector_tests,
    metric_table,
    paired_tests,
    pairs_against_delta,
    pairs_of_ablations,
    regime_table,
)
from pipeline.evaluate.costs import cost_table
from pipeline.evaluate.forecast_verdict import forecast_verdict
from pipeline.evaluate.metrics import BASELINE, SampledMetrics, sample_metrics
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.verdicts import Verdict, verdicts

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
    "book",
    "explained",
    "replays",
    "positions",
    "held_back",
)


@dataclass(frozen=True)
class Evaluation:
    """The judgement of one backtest: what `evaluate` computes from its tables.

    Attributes
    ----------
    desk : the settings of the run.
    tables : the input tables, by name.
    panel : the episodes at the desk's own delay.
    comparison : one row a policy, metrics with intervals.
    delayed : the same with fills one session later; None where that was not run.
    against_delta, ablations : paired tests, see `comparison.paired_tests`.
    detectors : the flagship on each detector's regimes against it without, see `comparison.detector_tests`.
    by_regime : metrics by the most probable regime at the start.
    attribution : what the average P&L is made of, bps.
    costs : cost by source in both views, see `costs.cost_table`.
    book : what each policy made of the net position, see `book.book_metrics`.
    replays : the desk's windows of stress.
    windows : one row a refit window: first and last start, episodes.
    effective : episodes that do not overlap.
    earlier_looks : other backtests that looked at the same test rows before.
    verdicts : plain-words answers.
    """

    desk: Desk
    tables: Mapping[str, pd.DataFrame]
    panel: EpisodePanel
    comparison: pd.DataFrame
    delayed: pd.DataFrame | None
    against_delta: pd.DataFrame
    ablations: pd.DataFrame
    detectors: pd.DataFrame
    by_regime: pd.DataFrame
    attribution: pd.DataFrame
    costs: pd.DataFrame
    book: pd.DataFrame
    replays: tuple[Replay, ...]
    windows: pd.DataFrame
    effective: int
    earlier_looks: int
    verdicts: tuple[Verdict, ...]

    @property
    def settings(self) -> Desk:
        """The desk: a daily desk is told in its own words."""
        return self.desk

    @property
    def said(self) -> tuple[str, ...]:
        """What has to be said before any verdict: nothing."""
        return ()


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
    if missing := [name for name in TABLES if name not in tables]:
        raise DataError(f"evaluate: table {missing[0]} is missing; run the backtest again")
    desk = settled(desk, tables["signals"])
    episodes, sessions = tables["episodes"], tables["signals"]["session"]
    own, later = _delays(desk, episodes)
    panel = EpisodePanel.from_table(episodes, own, sessions)
    if BASELINE not in panel.policies:
        raise SettingsError(f"{desk.name}: policies.run must name {BASELINE}: every policy is compared to it")
    indices = _indices(desk, panel)
    sampled = sample_metrics(panel, indices, desk.risk)
    confidence = desk.evaluation.confidence
    comparison = metric_table(sampled, confidence)
    against_delta = paired_tests(sampled, pairs_against_delta(panel.policies), confidence, earlier_looks)
    ablations = paired_tests(sampled, pairs_of_ablations(panel.policies), confidence, earlier_looks)

    def sampling(table: pd.DataFrame, delay: int = own) -> SampledMetrics:
        return sample_metrics(EpisodePanel.from_table(table, delay, sessions), indices, desk.risk)

    return Evaluation(
        desk=desk,
        tables=tables,
        panel=panel,
        comparison=comparison,
        delayed=None if later is None else metric_table(sampling(episodes, later), confidence),
        against_delta=against_delta,
        ablations=ablations,
        detectors=detector_tests(desk, episodes, tables["detector_episodes"], sampling),
        by_regime=regime_table(panel, indices, desk),
        attribution=attribution_table(panel),
        costs=cost_table(episodes[episodes["delay"] == own], tables["book"]),
        book=book_metrics(tables["book"]),
        replays=replays_of(desk, tables["book"], tables["replays"]),
        windows=tested_windows(episodes[episodes["delay"] == own]),
        effective=effective_episodes(panel.session, desk.option.sessions),
        earlier_looks=earlier_looks,
        verdicts=(
            *verdicts(desk, ablations, against_delta, comparison, earlier_looks),
            forecast_verdict(tables["scores"], tables["events"], 1.0 - confidence),
        ),
    )


def _delays(desk: Desk, episodes: pd.DataFrame) -> tuple[int, int | None]:
    own = desk.hedge.delay_sessions
    later = sorted(int(delay) for delay in episodes["delay"].unique() if delay > own)
    return own, later[0] if later else None


def _indices(desk: Desk, panel: EpisodePanel) -> NDArray[np.int64]:
    block = max(1.0, desk.evaluation.block_sessions / desk.option.start_every)
    return stationary_indices(panel.size, block, desk.evaluation.resamples, desk.seed)


def tested_windows(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return one row a refit window: `first` and `last` start and the number of `episodes`."""
    one = episodes[episodes["policy"] == episodes["policy"].iloc[0]]
    starts = one.assign(start=pd.to_datetime(one["start"])).groupby("window")["start"]
    windows = pd.DataFrame({"first": starts.min(), "last": starts.max(), "episodes": starts.size()})
    return windows.reset_index()
