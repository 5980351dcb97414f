"""The metrics of every policy, on the episodes as they were and on bootstrap resamples of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.desk import RiskSettings
from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import SD_MULTIPLE
from pipeline.evaluate.bootstrap import resample_counts
from pipeline.evaluate.panel import EpisodePanel

BASELINE = "delta_implied"
BPS_PER_UNIT = 100.0
TAIL_LEVEL = 0.95
CHUNK = 256

METRICS = (
    "pnl_mean_bps",
    "pnl_sd_bps",
    "cvar95_bps",
    "entropic",
    "mean_sd_bps",
    "risk_bps",
    "cost_bps",
    "turnover",
    "trades",
    "gain_vs_delta",
    "market_beta",
)
"""Per episode. bps are of the starting spot; `entropic` is in money with that spot scaled to 100, at the
desk's aversion; `risk_bps` is the desk's own measure; `gain_vs_delta` is 1 − Var / Var of `delta_implied`;
`market_beta` is the slope of the P&L on the return of the hedge instrument, bps per %: risk that is lower
because less is carried shows in it and in the mean."""

Metrics = dict[str, FloatArray]


@dataclass(frozen=True)
class SampledMetrics:
    """Metrics of P policies: `point` [P] on the episodes as they were, `draws` [B, P] on resamples."""

    policies: tuple[str, ...]
    point: Metrics
    draws: Metrics


def sample_metrics(
    panel: EpisodePanel,
    indices: NDArray[np.int64],
    risk: RiskSettings,
    chosen: NDArray[np.bool_] | None = None,
) -> SampledMetrics:
    """Compute every metric of `METRICS` on the panel and on its resamples.

    Parameters
    ----------
    panel : N episodes of P policies, `delta_implied` among them.
    indices : [B, N] resampled positions, common to all policies.
    risk : the desk's measure and aversion.
    chosen : [N] keeps a group of episodes, of the panel and of every resample; all if absent. A resample
        without any of them gives NaN.
    """
    kept = np.ones(panel.size, dtype=bool) if chosen is None else chosen
    group = panel.where(kept)
    point = weighted_metrics(group, np.ones((1, group.size)), risk)
    draws: Metrics = {name: np.empty((len(indices), len(panel.policies))) for name in METRICS}
    for first in range(0, len(indices), CHUNK):
        counts = resample_counts(indices[first : first + CHUNK], panel.size)[:, kept]
        for name, values in weighted_metrics(group, np.ascontiguousarray(counts), risk).items():
            draws[name][first : first + CHUNK] = values
    return SampledMetrics(panel.policies, {name: values[0] for name, values in point.items()}, draws)


def weighted_metrics(panel: EpisodePanel, weights: FloatArray, risk: RiskSettings) -> Metrics:
    """Return each metric as [B, P] for B sets of episode weights, [B, N] (how often each is counted)."""
    rows = [_of_policy(panel, row, weights, risk) for row in range(len(panel.policies))]
    stacked = {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}
    variance = stacked["pnl_sd_bps"] ** 2
    base = variance[:, [panel.row(BASELINE)]]
    with np.errstate(divide="ignore", invalid="ignore"):
        stacked["gain_vs_delta"] = np.where(base > 0, 1.0 - variance / base, np.nan)
    return stacked


def _of_policy(panel: EpisodePanel, row: int, weights: FloatArray, risk: RiskSettings) -> Metrics:
    pnl = panel.pnl[row]
    total = weights.sum(axis=1)
    present = np.where(total > 0, total, np.nan)
    centre = pnl.mean()
    own, market = pnl - centre, panel.market_return - panel.market_return.mean()
    booked = (panel.cost[row], panel.turnover[row], panel.trades[row])
    columns = np.stack([own, own**2, *booked, market, market**2, own * market], axis=1)
    shift, square, cost, turnover, trades, moved, spread, joint = (weights @ columns).T / present
    mean = centre + shift
    deviation = np.sqrt(np.maximum(square - shift**2, 0.0))
    scatter = spread - moved**2
    beta = (joint - shift * moved) / np.where(scatter > 0.0, scatter, np.nan)
    tail = weighted_cvar(pnl, weights, TAIL_LEVEL)
    entropic = weighted_entropic(pnl, weights, risk.aversion)
    mean_sd = SD_MULTIPLE * deviation - mean
    if risk.measure == "cvar":
        desk = tail if risk.cvar_level == TAIL_LEVEL else weighted_cvar(pnl, weights, risk.cvar_level)
    else:
        desk = entropic if risk.measure == "entropic" else mean_sd
    return {
        "pnl_mean_bps": BPS_PER_UNIT * mean,
        "pnl_sd_bps": BPS_PER_UNIT * deviation,
        "cvar95_bps": BPS_PER_UNIT * tail,
        "entropic": entropic,
        "mean_sd_bps": BPS_PER_UNIT * mean_sd,
        "risk_bps": BPS_PER_UNIT * desk,
        "cost_bps": BPS_PER_UNIT * cost,
        "turnover": turnover,
        "trades": trades,
        "market_beta": beta,
    }


def weighted_cvar(pnl: FloatArray, weights: FloatArray, level: float) -> FloatArray:
    """Return the CVaR of one policy under each of [B, N] weights: [B]; NaN where all weights are zero.

    Examples
    --------
    >>> pnl = np.array([-4.0, -1.0, 2.0])
    >>> weighted_cvar(pnl, np.array([[1.0, 2.0, 1.0]]), level=0.5)  # of -4, -1, -1, 2
    array([2.5])
    """
    order, tail = np.argsort(pnl, kind="stable"), (1.0 - level) * weights.sum(axis=1)
    reach = max(1, int(2.0 * (1.0 - level) * len(order)))
    while reach < len(order) and (weights[:, order[:reach]].sum(axis=1) < tail).any():
        reach *= 2
    order = order[:reach]  # the worst outcomes, enough to hold the tail of every set of weights
    sorted_weights = weights[:, order]
    before = np.cumsum(sorted_weights, axis=1) - sorted_weights
    taken = np.minimum(np.maximum(tail[:, None] - before, 0.0), sorted_weights)
    return np.asarray(-(taken @ pnl[order]) / np.where(tail > 0, tail, np.nan))


def weighted_entropic(pnl: FloatArray, weights: FloatArray, aversion: float) -> FloatArray:
    """Return the entropic risk of one policy under each of [B, N] weights: [B]; NaN where all are zero.

    Examples
    --------
    >>> weighted_entropic(np.array([-1.0, 1.0, 5.0]), np.array([[2.0, 2.0, 0.0]]), 1.0).round(4)
    array([0.4338])
    """
    worst = np.where(weights > 0, pnl, np.inf).min(axis=1)
    total = weights.sum(axis=1)
    exponent = np.minimum(-aversion * (pnl - worst[:, None]), 0.0)
    average = (weights * np.exp(exponent)).sum(axis=1) / np.where(total > 0, total, np.nan)
    return np.asarray(np.log(average) / aversion - worst)
