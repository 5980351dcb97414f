"""All features there are. A new module of features is one more import here."""

from pipeline.features import (
    derivatives,
    liquidity,
    range_volatility,
    spreads,
    trend,
    vol_indices,
    volatility,
)
from pipeline.features.feature import REGISTRY, Feature

MODULES = (volatility, range_volatility, trend, liquidity, spreads, derivatives, vol_indices)
"""Their import declares the features; their order is that of the columns."""


def catalogue() -> tuple[Feature, ...]:
    """Return every feature, in the order of the columns of the feature matrix.

    Examples
    --------
    >>> [(feature.name, feature.lookback) for feature in catalogue()][:2]
    [('return_1d', 2), ('realized_vol_1d', 2)]
    """
    return tuple(
        entry for module in MODULES for entry in REGISTRY.values() if entry.module == module.__name__
    )
