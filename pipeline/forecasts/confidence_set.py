"""Which forecasts cannot be told from the best."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray

SIZE = 0.10
"""The set holds the best model with probability 1 − SIZE."""
RESAMPLES = 500
SHORTEST_BLOCK = 10


def confidence_set(
    losses: Mapping[str, FloatArray], horizon: int, seed: int, resamples: int = RESAMPLES
) -> dict[str, float]:
    """Return the p-value of every model in the model confidence set; it is in the set from `SIZE` on.

    Models are dropped one by one, the worst first, as long as the hypothesis of equal losses is rejected; a
    model's p-value is the largest up to the round in which it went. The stationary bootstrap resamples
    blocks of two horizons on average, for losses of overlapping forecasts go together.

    Parameters
    ----------
    losses : [n] losses of the same rows, in time order, without NaN, two models at least. Models with the
        same losses to the bit share a p-value.
    horizon : h, sessions ahead of the forecasts.
    seed : of the resamples.
    resamples : of the bootstrap.

    Returns
    -------
    dict
        p-values by model; NaN where there are no more than two blocks.

    References
    ----------
    Hansen, Lunde, Nason (2011), The model confidence set.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> good, bad = rng.exponential(1.0, 500), rng.exponential(2.0, 500)
    >>> {name: p >= SIZE for name, p in confidence_set({"good": good, "bad": bad}, 1, 7).items()}
    {'good': True, 'bad': False}
    """
    from arch.bootstrap import MCS  # a second to import, and needed where forecasts are judged only

    table, twins = _without_twins(losses)
    block = shortest_block(horizon)
    if len(table) <= 2 * block:
        return dict.fromkeys(losses, float("nan"))
    if table.shape[1] == 1:
        return dict.fromkeys(losses, 1.0)
    found = MCS(table, size=SIZE, reps=resamples, block_size=block, seed=seed)
    found.compute()
    p_values = found.pvalues["Pvalue"]
    return {name: float(p_values[twins[name]]) for name in losses}


def shortest_block(horizon: int) -> int:
    """Return the mean length of the resampled blocks: two horizons, ten losses at least.

    Examples
    --------
    >>> shortest_block(1), shortest_block(22)
    (10, 44)
    """
    return max(2 * horizon, SHORTEST_BLOCK)


def _without_twins(losses: Mapping[str, FloatArray]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the losses that differ, and for each model the first one with the same losses."""
    kept: dict[str, FloatArray] = {}
    twins: dict[str, str] = {}
    for name, loss in losses.items():
        twins[name] = next((other for other, seen in kept.items() if np.array_equal(seen, loss)), name)
        kept.setdefault(twins[name], loss)
    return pd.DataFrame(kept), twins
