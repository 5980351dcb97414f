"""Tables that compare policies: levels with intervals, paired tests, and both by regime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.bootstrap import effective_episodes, percentile_interval
from pipeline.evaluate.metrics import BASELINE, METRICS, SampledMetrics, sample_metrics
from pipeline.evaluate.multiple_testing import romano_wolf, single_p, symmetric_interval
from pipeline.evaluate.panel import EpisodePanel

FLAGSHIP = "regime_switched"
ABLATIONS = {
    "regimes": "regime_switched_no_regimes",
    "forecasts": "regime_switched_no_forecasts",
    "bands": "regime_switched_no_bands",
    "regimes in the optimal band": "regime_optimal_band_no_regimes",
}
"""By the part that is switched off; the policy itself has the name before `_no_`."""
SIMPLE: Final[Mapping[str, str]] = {
    "fixed_band": "a band of one tuned width",
    "history_slope": "the slope of a long history",
}
"""Rivals without a network, and what each is."""
WITHOUT_PRIOR: Final[Mapping[str, str]] = {
    "network_band": "network_position",
    "recurrent_band": "recurrent_position",
}
"""By network that corrects a band, its prior, the one that answers a position from nothing."""
BAND_RIVALS = ("zakamouline", "fixed_band")
TRAINED: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys((*WITHOUT_PRIOR, "ppo_band", "sac_band"), BAND_RIVALS),
    **dict.fromkeys(WITHOUT_PRIOR.values(), ("", "fixed_band")),
    "network_slope": ("delta_implied", "history_slope"),
}
"""By trained policy what it hedges with untrained (empty is no policy), and the simplest rival, which it has
to beat to be worth its trouble."""
TESTED = ("risk_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps", "pnl_mean_bps", "market_beta")
BY_REGIME = (
    "pnl_mean_bps",
    "market_beta",
    "pnl_sd_bps",
    "cvar95_bps",
    "risk_bps",
    "cost_bps",
    "trades",
    "gain_vs_delta",
)
EPISODES_FOR_A_TAIL = 100
EFFECTIVE_FOR_AN_INTERVAL = 5

Pair = tuple[str, str]
Sampling = Callable[[pd.DataFrame], SampledMetrics]


@dataclass(frozen=True)
class PairedTest:
    """One row of `paired_tests`: `difference` is policy − baseline."""

    policy: str
    baseline: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float


def metric_table(sampled: SampledMetrics, confidence: float) -> pd.DataFrame:
    """Return one row a policy: every metric with its percentile interval, `<metric>_low` and `<metric>_high`.

    Parameters
    ----------
    sampled : metrics of P policies on B common resamples.
    confidence : of the interval, for example 0.95.
    """
    columns: dict[str, FloatArray] = {}
    for name in METRICS:
        low, high = percentile_interval(sampled.draws[name], confidence)
        columns |= {name: sampled.point[name], f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame(columns, index=pd.Index(sampled.policies, name="policy"))


def paired_tests(
    sampled: SampledMetrics,
    pairs: Sequence[Pair],
    confidence: float,
    earlier_looks: int = 0,
) -> pd.DataFrame:
    """Test (policy, baseline) pairs on common resamples, corrected for the number of pairs and of looks.

    Parameters
    ----------
    sampled : metrics of P policies on B common resamples.
    pairs : the family of S comparisons; `difference` is policy − baseline.
    confidence : of the interval of each difference on its own.
    earlier_looks : how many other backtests looked at these test rows before; each metric is a family.

    Returns
    -------
    One row a pair and metric: `policy, baseline, metric, difference, low, high, p, p_adjusted`. The interval
    excludes zero exactly where `p` is small; `p_adjusted` is Romano and Wolf's stepwise p-value times the
    number of looks (Bonferroni), at most 1.
    """
    blocks = []
    policy = np.array([sampled.policies.index(one) for one, _ in pairs], dtype=np.intp)
    base = np.array([sampled.policies.index(other) for _, other in pairs], dtype=np.intp)
    for metric in TESTED if pairs else ():
        difference = sampled.point[metric][policy] - sampled.point[metric][base]
        draws = sampled.draws[metric][:, policy] - sampled.draws[metric][:, base]
        low, high = symmetric_interval(difference, draws, confidence)
        block = pd.DataFrame(list(pairs), columns=["policy", "baseline"])
        blocks.append(
            block.assign(
                metric=metric,
                difference=difference,
                low=low,
                high=high,
                p=single_p(difference, draws),
                p_adjusted=np.minimum(1.0, (1 + earlier_looks) * romano_wolf(difference, draws)),
            )
        )
    return pd.concat(blocks, ignore_index=True) if blocks else _no_tests()


def rows_of(tests: pd.DataFrame) -> tuple[PairedTest, ...]:
    """Return the rows of a table of `paired_tests` as values."""
    names = [field.name for field in fields(PairedTest)]
    return tuple(PairedTest(*row) for row in tests[names].itertuples(index=False, name=None))


def pairs_against_delta(policies: Sequence[str]) -> list[Pair]:
    """Return every policy against `delta_implied`.

    Examples
    --------
    >>> pairs_against_delta(["delta_implied", "leland"])
    [('leland', 'delta_implied')]
    """
    return [(policy, BASELINE) for policy in policies if policy != BASELINE]


def pairs_of_ablations(policies: Sequence[str]) -> list[Pair]:
    """Return `regime_switched` and `regime_optimal_band` against each of their ablations that was run.

    Examples
    --------
    >>> pairs_of_ablations(["regime_switched", "regime_switched_no_bands", "leland"])
    [('regime_switched', 'regime_switched_no_bands')]
    """
    pairs = [(ablation.partition("_no_")[0], ablation) for ablation in ABLATIONS.values()]
    return [pair for pair in pairs if set(pair) <= set(policies)]


def pairs_of_training(policies: Sequence[str]) -> list[Pair]:
    """Return every trained network against its untrained self, its simplest rival and what had no prior.

    Examples
    --------
    >>> pairs_of_training(["delta_implied", "zakamouline", "ppo_band"])
    [('ppo_band', 'zakamouline')]
    """
    pairs = [(policy, rival) for policy, rivals in TRAINED.items() for rival in rivals]
    return [pair for pair in (*pairs, *WITHOUT_PRIOR.items()) if set(pair) <= set(policies)]


def regime_table(panel: EpisodePanel, indices: NDArray[np.int64], desk: Desk) -> pd.DataFrame:
    """Return the metrics of every policy by the most probable regime at the start of the episode.

    A regime without episodes has no rows. There is no CVaR95 below 100 episodes, and no interval below 5
    episodes that do not overlap or where a resample may hold none of the regime: those are NaN.

    Parameters
    ----------
    panel : N episodes of P policies.
    indices : [B, N] common resamples of all episodes; each is restricted to the regime.
    desk : names the regimes, the risk measure and the confidence.

    Returns
    -------
    `regime, name, policy, episodes, effective` and, for each metric, `<metric>`, `_low` and `_high`.
    """
    blocks = []
    for regime in np.unique(panel.regime):
        chosen = panel.regime == regime
        episodes = int(chosen.sum())
        effective = effective_episodes(panel.session[chosen], desk.option.sessions)
        sampled = sample_metrics(panel, indices, desk.risk, chosen)
        table = metric_table(sampled, desk.evaluation.confidence)
        table = table[[f"{name}{end}" for name in BY_REGIME for end in ("", "_low", "_high")]].copy()
        if episodes < EPISODES_FOR_A_TAIL:
            table[["cvar95_bps", "cvar95_bps_low", "cvar95_bps_high"]] = np.nan
        if effective < EFFECTIVE_FOR_AN_INTERVAL:
            table[[f"{name}{end}" for name in BY_REGIME for end in ("_low", "_high")]] = np.nan
        name = desk.regimes.names[int(regime)]
        heads = table.reset_index().assign(regime=int(regime), name=name)
        blocks.append(heads.assign(episodes=episodes, effective=effective))
    together = pd.concat(blocks, ignore_index=True)
    front = ["regime", "name", "policy", "episodes", "effective"]
    return together[front + [name for name in together if name not in front]]


def attribution_table(panel: EpisodePanel) -> pd.DataFrame:
    """Return what the average P&L of each policy is made of, in bps of the starting spot.

    pnl = premium + trading + carry − cost − payoff.
    """
    parts = ("premium", "trading", "carry", "cost", "payoff", "pnl")
    means = {name: 100.0 * getattr(panel, name).mean(axis=1) for name in parts}
    return pd.DataFrame(means, index=pd.Index(panel.policies, name="policy"))


def detector_tests(
    desk: Desk, episodes: pd.DataFrame, rivals: pd.DataFrame, sampling: Sampling
) -> pd.DataFrame:
    """Test the flagship on the regimes of each detector against the flagship without regimes.

    Parameters
    ----------
    desk : names its own detector.
    episodes, rivals : the tables `episodes` and `detector_episodes` of the backtest.
    sampling : gives the metrics of a table of episodes on common resamples.

    Returns
    -------
    Rows of `paired_tests` with `policy` the detector, and the detector's own level of the metric as `level`.
    Empty where the flagship was not run.
    """
    own, plain = desk.regimes.detector, ABLATIONS["regimes"]
    if FLAGSHIP not in set(episodes["policy"]):
        return _no_tests().assign(level=pd.Series(dtype="float64"))
    kept = episodes[episodes["policy"].isin((BASELINE, FLAGSHIP, plain))].replace({"policy": {FLAGSHIP: own}})
    sampled = sampling(pd.concat([kept, rivals], ignore_index=True))
    pairs = [(name, plain) for name in sampled.policies if name not in (BASELINE, plain)]
    tests = paired_tests(sampled, pairs, desk.evaluation.confidence)
    levels = [sampled.point[test.metric][sampled.policies.index(test.policy)] for test in rows_of(tests)]
    return tests.assign(level=levels)


def _no_tests() -> pd.DataFrame:
    names = pd.DataFrame({name: pd.Series(dtype="str") for name in ("policy", "baseline", "metric")})
    numbers = ("difference", "low", "high", "p", "p_adjusted")
    return names.assign(**{name: pd.Series(dtype="float64") for name in numbers})
