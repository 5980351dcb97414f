"""Policies held against each other on the same resampled episodes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.evaluate.bootstrap import stationary_indices
from pipeline.evaluate.comparison import (
    metric_table,
    paired_tests,
    pairs_against_delta,
    pairs_of_ablations,
    pairs_of_training,
)
from pipeline.evaluate.metrics import BASELINE, sample_metrics
from pipeline.evaluate.panel import EpisodePanel


@dataclass(frozen=True)
class Compared:
    """The resampled episodes [resamples, episodes], and what `Judged` says of the policies on them."""

    indices: NDArray[np.int64]
    comparison: pd.DataFrame
    against_delta: pd.DataFrame
    ablations: pd.DataFrame
    trained: pd.DataFrame


def compared(desk: Desk, panel: EpisodePanel, block: float, earlier_looks: int) -> Compared:
    """Resample the episodes in blocks of `block` on average, and compare the policies on them.

    Parameters
    ----------
    desk : settings in the words of a daily desk.
    panel : the episodes.
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
    sampled = sample_metrics(panel, indices, desk.risk)
    return Compared(
        indices,
        metric_table(sampled, own.confidence),
        paired_tests(sampled, pairs_against_delta(policies), own.confidence, earlier_looks),
        paired_tests(sampled, pairs_of_ablations(policies), own.confidence, earlier_looks),
        paired_tests(sampled, pairs_of_training(policies), own.confidence, earlier_looks),
    )
