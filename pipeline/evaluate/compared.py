"""Policies held against each other on the same resampled episodes."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.evaluate.bootstrap import effective_episodes, stationary_indices
from pipeline.evaluate.comparison import (
    EFFECTIVE_FOR_AN_INTERVAL,
    metric_table,
    paired_tests,
    pairs_against_delta,
    pairs_of_ablations,
    pairs_of_training,
)
from pipeline.evaluate.metrics import BASELINE, SampledMetrics, sample_metrics
from pipeline.evaluate.panel import EpisodePanel


@dataclass(frozen=True)
class Compared:
    """What `Judged` says of the policies on common resamples of the episodes.

    Attributes
    ----------
    desk : settings in the words of a daily desk.
    indices : [resamples, episodes] positions.
    effective : episodes that do not overlap.
    """

    desk: Desk
    indices: NDArray[np.int64]
    effective: int
    comparison: pd.DataFrame
    against_delta: pd.DataFrame
    ablations: pd.DataFrame
    trained: pd.DataFrame

    def sampled(self, panel: EpisodePanel) -> SampledMetrics:
        """Return the metrics of other hedges of the same episodes on the same resamples."""
        return told(sample_metrics(panel, self.indices, self.desk.risk), self.effective)

    def table(self, panel: EpisodePanel) -> pd.DataFrame:
        """Return the `metric_table` of other hedges of the same episodes."""
        return metric_table(self.sampled(panel), self.desk.evaluation.confidence)


def told(sampled: SampledMetrics, effective: int) -> SampledMetrics:
    """Return the metrics with draws that say something: below 5 episodes that do not overlap they are NaN.

    Resamples of few blocks are nearly the episodes turned round, so that their intervals would be far too
    narrow. NaN draws give no interval and no p-value.
    """
    if effective >= EFFECTIVE_FOR_AN_INTERVAL:
        return sampled
    nothing = {name: np.full_like(drawn, np.nan) for name, drawn in sampled.draws.items()}
    return replace(sampled, draws=nothing)


def compared(desk: Desk, panel: EpisodePanel, life: int, block: float, earlier_looks: int) -> Compared:
    """Resample the episodes in blocks of `block` on average, and compare the policies on them.

    Below 5 episodes that do not overlap there are no intervals and no p-values: they are NaN.

    Parameters
    ----------
    desk : settings in the words of a daily desk.
    panel : the episodes.
    life : of an episode, in the numbers of `panel.session`.
    block : mean length, in episodes.
    earlier_looks : other backtests that have looked at the same test rows; they enter the correction.

    Raises
    ------
    SettingsError
        The desk did not run `delta_implied`, to which every policy is compared.
    """
    if BASELINE not in panel.policies:
        raise SettingsError(f"{desk.name}: policies.run must name {BASELINE}: every policy is compared to it")
    own, policies = desk.evaluation, panel.policies
    indices = stationary_indices(panel.size, block, own.resamples, desk.seed)
    effective = effective_episodes(panel.session, life)
    sampled = told(sample_metrics(panel, indices, desk.risk), effective)
    return Compared(
        desk,
        indices,
        effective,
        metric_table(sampled, own.confidence),
        paired_tests(sampled, pairs_against_delta(policies), own.confidence, earlier_looks),
        paired_tests(sampled, pairs_of_ablations(policies), own.confidence, earlier_looks),
        paired_tests(sampled, pairs_of_training(policies), own.confidence, earlier_looks),
    )
