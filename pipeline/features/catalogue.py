"""All features there are. A new module of features is one more import here."""

from pipeline.features import (
    derivatives,
    jumps,
    liquidity,
    range_volatility,
    realized,
    semivariance,
    spreads,
    trend,
    vol_indices,
    vol_of_vol,
    volatility,
)
from pipeline.features.feature import REGISTRY, Feature

MODULES = (
    volatility,
    semivariance,
    jumps,
    range_volatility,
    trend,
    liquidity,
    spreads,
    derivatives,
    vol_of_vol,
    vol_indices,
    realized,
)
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
