"""How hedgers compare on options dealt from a chain: pooled over all deals, days resampled as wholes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.domain.desk import RiskSettings
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.risk_measures import SD_MULTIPLE
from pipeline.evaluate.bootstrap import percentile_interval, stationary_indices
from pipeline.evaluate.metrics import BASELINE, BPS_PER_UNIT, TAIL_LEVEL

DEAL = ["right", "start", "root", "expiry", "strike"]
INTERVALS = ("pnl_sd_bps", "cvar95_bps", "risk_bps", "gain_vs_delta")


def chain_metrics(
    episodes: pd.DataFrame,
    risk: RiskSettings,
    block_days: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Return one row a policy: metrics over all deals, and bootstrap intervals of whole start days.

    Deals of one day share its moves and those of neighbouring days overlap, so blocks of start days with all
    their deals are drawn (stationary bootstrap, Politis and Romano 1994), the same ones for every policy.

    Parameters
    ----------
    episodes : of `chain_comparison.run_chain`, or some of its rows, the same deals for every policy.
    risk : the desk's measure.
    block_days : mean block, in start days.

    Returns
    -------
    metrics : by policy, bps of the forward at the start: `pnl_mean_bps`, `pnl_sd_bps`, `cvar95_bps` (mean
        loss in the worst 5 %), `risk_bps` (the desk's measure), `cost_bps` of hedging, `trades`,
        `market_beta` (bps per % of the forward), `gain_vs_delta` = 1 − Var/Var of daily delta, and
        `…_low` and `…_high` of `INTERVALS`.

    Raises
    ------
    DataError
        Policies were not run on the same deals, or daily delta is not among them.
    """
    names = list(dict.fromkeys(episodes["policy"]))
    first = episodes[episodes["policy"] == names[0]]
    if BASELINE not in names or any((episodes["policy"] == name).sum() != len(first) for name in names):
        raise DataError(f"chain: the policies have to be run on the same deals, {BASELINE} among them")
    order = pd.MultiIndex.from_frame(first[DEAL])
    by_deal = {name: rows.set_index(DEAL)["pnl"].loc[order] for name, rows in episodes.groupby("policy")}
    pnl = np.stack([by_deal[name].to_numpy(np.float64) for name in names])
    days, day = np.unique(first["start"].to_numpy(), return_inverse=True)
    drawn = stationary_indices(len(days), float(block_days), resamples, seed)
    counts = np.stack([np.bincount(row, minlength=len(days)) for row in drawn]).astype(np.float64)
    point = {name: each[0] for name, each in _metrics(pnl, np.ones((1, len(days))), day, risk, names).items()}
    draws = _metrics(pnl, counts, day, risk, names)
    table = pd.DataFrame(point, index=pd.Index(names, name="policy"))
    for metric in INTERVALS:
        low, high = percentile_interval(draws[metric], confidence)
        table[f"{metric}_low"], table[f"{metric}_high"] = low, high
    grouped = episodes.groupby("policy", sort=False)
    market = first["market_return"].to_numpy(np.float64)
    away = market - market.mean()
    return table.assign(
        cost_bps=BPS_PER_UNIT * grouped["cost"].mean(),
        trades=grouped["trades"].mean(),
        market_beta=pnl @ away / (away @ away),
    )


def _metrics(
    pnl: FloatArray, counts: FloatArray, day: NDArray[np.int64], risk: RiskSettings, names: list[str]
) -> dict[str, FloatArray]:
    """Return each metric [B, P] with the deals of day d counted `counts` [B, D] times."""
    weight = counts[:, day]
    total = weight.sum(axis=1, keepdims=True)
    mean = weight @ pnl.T / total
    variance = np.maximum(weight @ (pnl**2).T / total - mean**2, 0.0)
    deviation = np.sqrt(variance)
    found = {
        "pnl_mean_bps": BPS_PER_UNIT * mean,
        "pnl_sd_bps": BPS_PER_UNIT * deviation,
        "cvar95_bps": BPS_PER_UNIT * np.stack([_tail(weight, each, TAIL_LEVEL) for each in pnl], axis=1),
    }
    if risk.measure == "entropic":
        least = pnl.min(axis=1)
        raised = np.exp(-risk.aversion * (pnl - least[:, None]))
        found["risk_bps"] = BPS_PER_UNIT * (np.log(weight @ raised.T / total) / risk.aversion - least)
    elif risk.measure == "cvar":
        tails = [_tail(weight, each, risk.cvar_level) for each in pnl]
        found["risk_bps"] = BPS_PER_UNIT * np.stack(tails, axis=1)
    else:
        found["risk_bps"] = BPS_PER_UNIT * (SD_MULTIPLE * deviation - mean)
    bare = variance[:, [names.index(BASELINE)]]
    return found | {"gain_vs_delta": 1.0 - variance / bare}


def _tail(weight: FloatArray, pnl: FloatArray, level: float) -> FloatArray:
    """Return the mean loss in the worst 1 − level of the weight, [B]."""
    order = np.argsort(pnl, kind="stable")
    weights = weight[:, order]
    left = (1.0 - level) * weights.sum(axis=1, keepdims=True)
    before = np.cumsum(weights, axis=1) - weights
    taken = np.clip(left - before, 0.0, weights)
    return np.asarray(-(taken @ pnl[order]) / left[:, 0])
