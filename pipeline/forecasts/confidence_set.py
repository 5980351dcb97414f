"""Which forecasts cannot be told from the best."""

from collections.abc import Mapping

import pandas as pd
from arch.bootstrap import MCS

from pipeline.domain.instruments import FloatArray

SIZE = 0.10
"""The set holds the best model with probability 1 − SIZE."""
RESAMPLES = 500
SHORTEST_BLOCK = 10


def confidence_set(losses: Mapping[str, FloatArray], horizon: int, seed: int) -> dict[str, float]:
    """Return the p-value of every model in the model confidence set; it is in the set from `SIZE` on.

    Models are dropped one by one, the worst first, as long as the hypothesis of equal losses is rejected; a
    model's p-value is the largest up to the round in which it went. The stationary bootstrap resamples
    blocks of two horizons on average, for losses of overlapping forecasts go together.

    Parameters
    ----------
    losses : [n] losses of the same rows, in time order, without NaN, two models at least.
    horizon : h, sessions ahead of the forecasts.
    seed : of the resamples.

    Returns
    -------
    dict
        p-values by model; NaN where there are no more than two blocks.

    References
    ----------
    Hansen, Lunde, Nason (2011), The model confidence set.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> good, bad = rng.exponential(1.0, 500), rng.exponential(2.0, 500)
    >>> {name: p >= SIZE for name, p in confidence_set({"good": good, "bad": bad}, 1, 7).items()}
    {'good': True, 'bad': False}
    """
    table = pd.DataFrame(losses)
    block = max(2 * horizon, SHORTEST_BLOCK)
    if len(table) <= 2 * block:
        return dict.fromkeys(losses, float("nan"))
    found = MCS(table, size=SIZE, reps=RESAMPLES, block_size=block, seed=seed)
    found.compute()
    p_values = found.pvalues["Pvalue"]
    return {name: float(p_values[name]) for name in losses}
